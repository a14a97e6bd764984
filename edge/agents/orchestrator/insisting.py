"""Asking until it is answered: again where who was asked died with it, or the answer may have gone with the bus."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final, TypeVar

from edge.bus import NATSAgentBase
from edge.contract.errors import AskError, ErrorCode
from edge.contract.subjects import Command
from edge.contract.wire import Payload

log = logging.getLogger(__name__)

Q = TypeVar("Q", bound=Payload)
A = TypeVar("A", bound=Payload)

_FOR_EVER_S: Final = 86_400.0
_LOOK_S: Final = 0.5  # shorter than any restart takes


# The stream of commands goes with the server, and an ask that comes before it is made again is lost without a word.
_SETTLE_S: Final = 1.0
_LIMITS_S: Final = (3.0, 6.0)


class _Loss(StrEnum):
    AGENT = "its agent was gone, and is back"
    BUS = "the bus was gone, and is back"
    ASK = "the bus had just come back when it was asked"


class Insisting:
    """Asks for what may be asked twice. Without it an asker hears of a loss only when its time is over."""

    def __init__(self, agent: NATSAgentBase) -> None:
        self._agent = agent

    async def ask(self, command: Command[Q, A], payload: Q, patience_s: float) -> A:
        """Ask, and ask again where that helps. Who is away for longer than `patience_s` isn't waited for.

        Raises:
            AskError: refused, or not there.
        """
        limits_s: Iterator[float] = iter(())
        while True:
            asking = asyncio.ensure_future(self._agent.request(command, payload))
            try:
                loss = await self._loss(asking, command.done_by, patience_s, next(limits_s, None))
                if loss is None:
                    return await asking
            finally:
                asking.cancel()
            log.warning("%s is asked again: %s", command.subject, loss)
            if loss is _Loss.BUS:
                await asyncio.sleep(_SETTLE_S)
                limits_s = iter(_LIMITS_S)

    async def _loss(
        self, asking: asyncio.Future[A], agent: str, patience_s: float, limit_s: float | None
    ) -> _Loss | None:
        """Return None once it is answered, and why it may never be once that is so, though `agent` is there."""
        client = self._agent.client
        clock_s = asyncio.get_running_loop().time
        began_s = clock_s()
        reconnected = asyncio.ensure_future(client.wait_for_reconnect(_FOR_EVER_S))
        gone_since_s: float | None = None
        try:
            while True:
                awaited: set[asyncio.Future[Any]] = {asking, reconnected}
                await asyncio.wait(awaited, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                if asking.done():
                    return None
                if reconnected.done():
                    return _Loss.BUS
                if limit_s is not None and clock_s() - began_s > limit_s:
                    return _Loss.ASK
                if not client.connected:
                    continue
                try:
                    up = await client.is_up(agent)
                except AskError:  # the bus went away just now
                    continue
                if asking.done():
                    return None
                if up and gone_since_s is not None:
                    return _Loss.AGENT
                if not up:
                    gone_since_s = gone_since_s or clock_s()
                    if clock_s() - gone_since_s > patience_s:
                        raise AskError(ErrorCode.UNAVAILABLE, f"{agent} is not running")
        finally:
            reconnected.cancel()
