"""Streams and work queues, made and mended: with keys the agents may not make them, the monitor does."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from edge.bus import BusError, Client
from edge.bus.streams import ensure_consumer, ensure_streams
from edge.bus.tasks import cancel_all
from edge.contract.streams import CONSUMERS

log = logging.getLogger(__name__)

# KIOSK_COMMANDS is in memory and ends with the server: until it is there again, commands that are asked
# durably are lost. So the monitor comes back sooner than the agents, which wait for 2 s.
_RECONNECT_WAIT_S: Final = 0.25
_RETRY_S: Final = 0.5
_A_DAY_S: Final = 86400.0


class Upkeep:
    """Keeps the contract's streams and work queues on the server, at once after each reconnect and every `every_s`."""

    def __init__(self, client: Client, *, every_s: float) -> None:
        self._client = client
        self._every_s = every_s
        self._wanted = asyncio.Event()
        self.made = asyncio.Event()  # for the first time
        self.problem = ""

    def mend_now(self) -> None:
        """Something is missing: don't wait for the next time."""
        self._wanted.set()

    async def run(self) -> None:
        """Work until the client's connection is closed for good; it is connected now."""
        self._client.nc.options["reconnect_time_wait"] = _RECONNECT_WAIT_S
        while not self._client.nc.is_closed:
            self._wanted.clear()
            back = asyncio.create_task(self._client.wait_for_reconnect(_A_DAY_S))
            wanted = asyncio.create_task(self._wanted.wait())
            mending = asyncio.create_task(self._mend())
            try:
                # What was asked of a server that went away is never answered: not waited for when it is back.
                await asyncio.wait((mending, back), return_when=asyncio.FIRST_COMPLETED)
                if not back.done():
                    pause_s = _RETRY_S if self.problem else self._every_s
                    await asyncio.wait((wanted, back), timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await cancel_all((back, wanted, mending))

    async def _mend(self) -> None:
        if not self._client.connected:
            return
        try:
            await ensure_streams(self._client.js)
            for agent in CONSUMERS:
                await ensure_consumer(self._client.js, agent)
        except BusError as error:
            self._say(str(error))
        except Exception as error:  # what else the library raises when the server goes in the middle
            self._say(f"making streams and work queues: {str(error) or type(error).__name__}")
        else:
            self.problem = ""
            self.made.set()

    def _say(self, problem: str) -> None:
        if problem != self.problem:  # once, not at every try
            log.warning("%s", problem)
        self.problem = problem
