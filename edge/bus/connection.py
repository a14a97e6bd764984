"""Connecting, with the settings of section 2.3."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

import nats.errors
from nats.aio.client import Client as NatsClient
from nats.aio.client import Srv

from edge.bus.keys import KeyUnusable, read_seed

DEFAULT_URL: Final = "nats://localhost:4222"
RECONNECT_WAIT_S: Final = 2
MAX_RECONNECTS: Final = -1  # for ever; nats-py's own default is 60
CONNECT_TIMEOUT_S: Final = 5
_NOT_LET_IN: Final = "authorization violation"

log = logging.getLogger(__name__)


class BusError(Exception):
    """The bus could not do what was asked; the text is fit for an integrator to read."""


class BusUnreachable(BusError, ConnectionError):
    """No server answers at the address, or it went away and has not come back."""


class SignInRefused(BusError):
    """The server is there and doesn't let us in, or our key can't be used. Trying again wouldn't help."""


class SetupRefused(BusError):
    """The server refuses a stream or a consumer as the contract wants it."""


class PublishFailed(BusUnreachable):
    """An event was not acknowledged. It may or may not be stored; the same `msg_id` may be sent again."""


def _worth_saying(record: logging.LogRecord) -> bool:
    """Not that a TLS connection was closed by the other side, which asyncio warns of for nats-py's protocol."""
    return "eof_received" not in record.getMessage()


class NatsConnection(NatsClient):
    """nats-py's client, which closes what an attempt to connect left open before it makes the next one.

    nats-py 2.16 leaves a connection open that stood and then was refused, stalled or cut before the server's greeting:
    one more for each attempt, until the garbage collector comes along.
    """

    def __init__(self) -> None:
        super().__init__()
        logging.getLogger("asyncio").addFilter(_worth_saying)

    async def _connect_to_server(self, s: Srv) -> None:
        self.drop()
        await super()._connect_to_server(s)

    def drop(self) -> None:
        """Close the connection that is open, if any; what was waiting on it is told nothing."""
        if self._transport is not None:
            self._transport.close()  # type: ignore[no-untyped-call]  # nats-py's transports have no types


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
        SignInRefused: the server wants another key or any, or `key_file` can't be used.
    """
    try:
        seed = await asyncio.to_thread(read_seed, key_file) if key_file else None
    except KeyUnusable as error:
        raise SignInRefused(str(error)) from error
    said: set[str] = set()
    level = logging.WARNING if wait_s is None else logging.DEBUG  # who waits only so long gets an error to show
    refused: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def on_error(error: Exception) -> None:
        text = str(error) or type(error).__name__
        not_let_in = _NOT_LET_IN in text.lower()
        if not_let_in:
            text = _refusal(url, name, key_file)
            if not connecting.done():
                if not refused.done():
                    refused.set_result(text)
                return
        if text not in said:  # once, not every two seconds
            said.add(text)
            log.log(logging.ERROR if not_let_in else level, "%s: bus at %s: %s", name, url, text)

    async def on_disconnect() -> None:
        if nc.is_closed or nc.is_draining:
            return  # we left
        log.warning("%s: lost the bus at %s; trying again every %d s", name, url, RECONNECT_WAIT_S)

    async def on_reconnect() -> None:
        said.clear()
        on_reconnected()
        log.info("%s: back on the bus at %s", name, url)

    nc = NatsConnection()
    connecting = asyncio.ensure_future(
        nc.connect(
            url,
            name=name,
            inbox_prefix=f"_INBOX.{name}".encode(),
            nkeys_seed_str=seed,
            error_cb=on_error,
            disconnected_cb=on_disconnect,
            reconnected_cb=on_reconnect,
            reconnect_time_wait=RECONNECT_WAIT_S,
            max_reconnect_attempts=MAX_RECONNECTS,
            connect_timeout=CONNECT_TIMEOUT_S,
        )
    )
    try:
        await asyncio.wait((connecting, refused), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        if refused.done():
            raise SignInRefused(refused.result())
        if not connecting.done():
            raise TimeoutError
        await connecting
    except (TimeoutError, OSError, nats.errors.Error) as error:
        raise BusUnreachable(f"no NATS server answers at {url}; is it running? (kiosk doctor)") from error
    finally:
        if not connecting.done():
            connecting.cancel()
            await asyncio.wait((connecting,))
            nc.drop()
    return nc


def _refusal(url: str, name: str, key_file: Path | None) -> str:
    if key_file is None:
        return f"the bus at {url} wants a key of {name}: say where the keys are ([bus] keys in kiosk.toml, --keys)"
    return (
        f"the bus at {url} refuses {name}'s key {key_file}: the server doesn't know it. Has it read the "
        "nats-auth.conf that kiosk bus keys wrote with it? (nats-server --signal reload)"
    )
