"""The LED strip, as the orchestrator wants it."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from edge.bus import NATSAgentBase
from edge.contract.errors import AskError
from edge.contract.hardware import SetLed
from edge.contract.subjects import SET_LED

log = logging.getLogger(__name__)

DARK: Final = SetLed(color="#000000", pattern="solid")


class Lights:
    """Asks for each light that is wanted; one that was overtaken by the next is left out."""

    def __init__(self, agent: NATSAgentBase) -> None:
        self._agent = agent
        self._wanted = DARK
        self._changed = asyncio.Event()

    def want(self, ask: SetLed) -> None:
        """Have the strip show this, when it can."""
        self._wanted = ask
        self._changed.set()

    async def keep(self) -> None:
        """Ask for what is wanted, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._agent.request(SET_LED, self._wanted)
            except AskError as error:
                log.warning("the LED strip: %s", error)
