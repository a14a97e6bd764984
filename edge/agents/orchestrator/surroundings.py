"""What the kiosk has around it: neighbours that it can't do without, devices that a customer will need."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from edge.bus import NATSAgentBase
from edge.bus.client import current
from edge.contract.envelope import NATSMessage
from edge.contract.errors import AskError
from edge.contract.hardware import Condition, DeviceStatus, GetStatus
from edge.contract.subjects import HARDWARE_STATUS

log = logging.getLogger(__name__)

VITAL: Final = ("menu", "payment")  # without them nobody can order
CANT_PRINT: Final = frozenset({"out_of_paper", "cover_open"})  # a printer with these is there, and prints nothing


@dataclass(frozen=True)
class Surroundings:
    """What there is now; until something else is known, everything."""

    missing: tuple[str, ...] = ()  # of VITAL
    reader: bool = True
    printer: bool = True
    camera: bool = True

    @property
    def can_pay(self) -> bool:
        """Whether a card that is held to the reader now would pay."""
        return self.reader and "payment" not in self.missing


class Lookout:
    """Looks at neighbours and devices. One that is away for less than `patience_s` is just starting anew.

    `reads_cards` tells whether payments come through the hardware agent's reader (the sandbox's do; a terminal
    of a payment service has its own).
    """

    def __init__(self, agent: NATSAgentBase, *, reads_cards: bool) -> None:
        self._agent = agent
        self._reads_cards = reads_cards
        self._gone_since_s: dict[str, float] = {}

    async def look(self, before: Surroundings, patience_s: float) -> Surroundings:
        """What there is now; what can't be told is as `before`."""
        with _a_trace_of_its_own():
            try:
                gone = [agent for agent in VITAL if await self._is_gone(agent, patience_s)]
            except AskError:
                return before  # the bus itself is away: nobody would see what we show
            return replace(await self._devices(before, patience_s), missing=tuple(gone))

    async def _is_gone(self, agent: str, patience_s: float) -> bool:
        return self._long_gone(agent, patience_s, away=not await self._agent.client.is_up(agent))

    def _long_gone(self, agent: str, patience_s: float, *, away: bool) -> bool:
        if not away:
            self._gone_since_s.pop(agent, None)
            return False
        now_s = asyncio.get_running_loop().time()
        return now_s - self._gone_since_s.setdefault(agent, now_s) >= patience_s

    async def _devices(self, before: Surroundings, patience_s: float) -> Surroundings:
        try:
            told = (await self._agent.request(HARDWARE_STATUS, GetStatus())).devices
        except AskError as error:
            log.debug("how the devices are is not known: %s", error)
            if not self._long_gone("hardware", patience_s, away=True):
                return before
            return replace(before, reader=not self._reads_cards, printer=False)
        self._long_gone("hardware", patience_s, away=False)
        devices = {each.name: each for each in told}
        return replace(
            before,
            reader=not self._reads_cards or _works(devices.get("reader")),
            printer=_works(devices.get("printer")) and not _code(devices.get("printer")) & CANT_PRINT,
            camera=_works(devices.get("camera")),
        )


def _works(device: DeviceStatus | None) -> bool:
    """A device that nothing was said of counts as working: a camera is told of by its own agent, later."""
    return device is None or device.condition is not Condition.ABSENT


def _code(device: DeviceStatus | None) -> frozenset[str]:
    return frozenset({device.code} if device else ())


@contextmanager
def _a_trace_of_its_own() -> Iterator[None]:
    """What is asked in here is no part of a customer's session."""
    token = current.set(NATSMessage.create(str(uuid.uuid4()), {}))
    try:
        yield
    finally:
        current.reset(token)
