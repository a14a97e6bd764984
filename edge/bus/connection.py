"""Connecting, with the settings of section 2.3."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

import nats.errors
from nats.aio.client import Client as NatsClient

DEFAULT_URL: Final = "nats://localhost:4222"
RECONNECT_WAIT_S: Final = 2
MAX_RECONNECTS: Final = -1  # for ever; nats-py's own default is 60
CONNECT_TIMEOUT_S: Final = 5

log = logging.getLogger(__name__)


class BusError(Exception):
    """The bus could not do what was asked; the text is fit for an integrator to read."""


class BusUnreachable(BusError, ConnectionError):
    """No server answers at the address, or it went away and has not come back."""


class SetupRefused(BusError):
    """The server refuses a stream or a consumer as the contract wants it."""


class PublishFailed(BusUnreachable):
    """An event was not acknowledged. It may or may not be stored; the same `msg_id` may be sent again."""


async def connect(
    url: str,
    *,
    name: str,
    wait_s: float | None = None,
    key_file: Path | None = None,
    on_reconnected: Callable[[], None] = lambda: None,
) -> NatsClient:
    """Connect to the server at `url` as `name`, and stay connected for ever.

    Without `wait_s` a server that isn't up yet is waited for (agents may start before it). `key_file` holds the
    nkey seed to sign in with. Answers come to an inbox under `_INBOX.{name}`, which no neighbour may read.

    Raises:
        BusUnreachable: `wait_s` ran out.
    """
    said: set[str] = set()
    level = logging.WARNING if wait_s is None else logging.DEBUG  # who waits only so long gets an error to show

    async def on_error(error: Exception) -> None:
        text = str(error) or type(error).__name__
        if text not in said:  # once, not every two seconds
            said.add(text)
            log.log(level, "%s: bus at %s: %s", name, url, text)

    async def on_disconnect() -> None:
        if nc.is_closed or nc.is_draining:
            return  # we left
        log.warning("%s: lost the bus at %s; trying again every %d s", name, url, RECONNECT_WAIT_S)

    async def on_reconnect() -> None:
        said.clear()
        on_reconnected()
        log.info("%s: back on the bus at %s", name, url)

    nc = NatsClient()
    connecting = nc.connect(
        url,
        name=name,
        inbox_prefix=f"_INBOX.{name}".encode(),
        nkeys_seed=str(key_file) if key_file else None,
        error_cb=on_error,
        disconnected_cb=on_disconnect,
        reconnected_cb=on_reconnect,
        reconnect_time_wait=RECONNECT_WAIT_S,
        max_reconnect_attempts=MAX_RECONNECTS,
        connect_timeout=CONNECT_TIMEOUT_S,
    )
    try:
        await asyncio.wait_for(connecting, wait_s)
    except (TimeoutError, OSError, nats.errors.Error) as error:
        raise BusUnreachable(f"no NATS server answers at {url}; is it running? (kiosk doctor)") from error
    return nc
