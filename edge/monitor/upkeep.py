"""Streams and work queues, made and mended: with keys the agents may not make them, the monitor does."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from edge.bus import BusError, Client
from edge.bus.streams import ensure_consumer, ensure_streams
from edge.bus.tasks import cancel_all
from edge.contract.streams import CONSUMERS

log = logging.getLogger(__name__)

# KIOSK_COMMANDS is in memory and ends with the server: until it is there again, commands that are asked
# durably are lost. So the monitor comes back sooner than the agents (2 s), and looks for it often.
_RECONNECT_WAIT_S = 0.25
_POLL_S = 0.1
_RETRY_S = 0.5


class Upkeep:
    """Keeps the contract's streams and work queues on the server, at once after each reconnect and every `every_s`."""

    def __init__(self, client: Client, *, every_s: float) -> None:
        self._client = client
        self._every_s = every_s
        self._wanted = asyncio.Event()
        self.made = asyncio.Event()  # since the last connect
        self.problem = ""

    def mend_now(self) -> None:
        """Something is missing: don't wait for the next time."""
        self._wanted.set()

    async def run(self) -> None:
        """Work until cancelled; `client` is connected."""
        self._client.nc.options["reconnect_time_wait"] = _RECONNECT_WAIT_S
        while True:
            self._wanted.clear()
            connects = self._connects
            if self._client.connected:
                await self._mend_unless_gone(connects)
            await self._until_needed(connects, _RETRY_S if self.problem else self._every_s)
            if self._connects != connects:
                self.made.clear()

    @property
    def _connects(self) -> int:
        """How often the client came back."""
        return int(self._client.nc.stats["reconnects"])

    async def _mend_unless_gone(self, connects: int) -> None:
        """What was asked of a server that went away is never answered: don't wait for it when it is back."""
        mending = asyncio.create_task(self._mend())
        try:
            while not mending.done() and self._connects == connects:
                await asyncio.wait([mending], timeout=_POLL_S)
        finally:
            await cancel_all([mending])

    async def _mend(self) -> None:
        try:
            await ensure_streams(self._client.js)
            for agent in CONSUMERS:
                await ensure_consumer(self._client.js, agent)
        except BusError as error:
            self._say(str(error))
        except Exception as error:  # what else the library raises when the server goes in the middle
            self._say(f"making streams and queues: {str(error) or type(error).__name__}")
        else:
            self.problem = ""
            self.made.set()

    def _say(self, problem: str) -> None:
        if problem != self.problem:  # once, not at every try
            log.warning("%s", problem)
        self.problem = problem

    async def _until_needed(self, connects: int, wait_s: float) -> None:
        """Until something is missing, the client came back, or `wait_s` have passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self._connects == connects:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wanted.wait(), _POLL_S)
                        return
