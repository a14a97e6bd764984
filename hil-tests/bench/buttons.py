"""The assistance button, felt through a driver's pins."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bench.deeds import Deed
from bench.stations import Doing
from drivers.gpio import Pins
from drivers.gpio.simulated import SimulatedPins

_FELT_S = 5.0


class FeltPresses:
    """`Button` through pins; they are closed with it."""

    def __init__(self, pins: Pins) -> None:
        self._pins = pins
        self._pressed_s: list[float] = []
        self._looked_at = 0
        self._down: bool | None = None
        self._news = asyncio.Condition()
        self._feeling = asyncio.create_task(self._feel(), name="the bench's button")

    async def _feel(self) -> None:
        async for change in self._pins.changes():
            if change.switch == "button":
                async with self._news:
                    self._down = change.active
                    if change.active:
                        self._pressed_s.append(change.at_s)
                    self._news.notify_all()

    async def until(self, down: bool) -> None:
        """Return once the driver says that it is down, or not; first of all, that it is watched."""
        async with asyncio.timeout(_FELT_S), self._news:
            await self._news.wait_for(lambda: self._down is down)

    def begin(self) -> None:
        """See `Button`."""
        self._pressed_s.clear()
        self._looked_at = 0

    async def next_press(self, timeout_s: float) -> float:
        """See `Button`."""
        try:
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(lambda: len(self._pressed_s) > self._looked_at)
        except TimeoutError:
            raise AssertionError(f"no press was felt within {timeout_s:g} s") from None
        self._looked_at += 1
        return self._pressed_s[self._looked_at - 1]

    async def presses(self) -> int:
        """See `Button`."""
        return len(self._pressed_s)

    async def close(self) -> None:
        """Stop feeling."""
        self._feeling.cancel()
        await asyncio.wait([self._feeling])
        await self._pins.close()


class SimulatedButton:
    """A contact that bounces, as the worst ordinary switch does."""

    how = "simulated contacts that bounce"
    lacks: Mapping[Deed, str] = {}

    async def open(self) -> FeltPresses:
        """See `Station`."""
        self._pins = SimulatedPins()
        self.felt = FeltPresses(self._pins)
        await self.felt.until(down=False)
        return self.felt

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        return {Deed.PRESS_BUTTON: lambda _: self._press()}

    async def _press(self) -> None:
        self._pins.cabinet.press_button()
        await self.felt.until(down=True)
        self._pins.cabinet.release_button()
        await self.felt.until(down=False)

    async def close(self) -> None:
        """See `Station`."""
        await self.felt.close()


class NoButton:
    """A machine without pins."""

    lacks: Mapping[Deed, str]

    def __init__(self, why: str) -> None:
        self.how = f"none: {why}"
        self.lacks = {Deed.PRESS_BUTTON: why}

    async def open(self) -> None:
        """There is nothing to set up."""

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        return {}

    async def close(self) -> None:
        """There is nothing to take down."""
