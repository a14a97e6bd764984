"""The assistance button, felt through a driver's pins."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.deeds import Deed
from bench.stations import Assembled, Doing
from bench.surroundings import Surroundings
from bench.waiting import hold
from drivers.gpio import Pins
from drivers.gpio.simulated import SimulatedCabinet, SimulatedPins
from drivers.isolated import open_pins
from tests.drivers.gpio.raspberry import LAMP, PINS
from tests.drivers.gpio.wire import LGPIO_FOLDER, GpioChip, build_shim, missing

_FELT_S = 10.0
_HELD_S = 0.1  # a quick finger


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

    async def open(self) -> Pins:
        """See `Station`."""
        pins = SimulatedPins()
        self._cabinet = pins.cabinet
        self._pins: Pins = pins
        self.felt = FeltPresses(pins)
        await self.felt.until(down=False)
        return pins

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        return {Deed.PRESS_BUTTON: lambda _: self._press()}

    async def _press(self) -> None:
        self._cabinet.press_button()
        await hold(_HELD_S)  # beyond the contact's bouncing
        await self.felt.until(down=True)
        self._cabinet.release_button()
        await hold(_HELD_S)
        await self.felt.until(down=False)

    async def close(self) -> None:
        """See `Station`."""
        await self.felt.close()


class GpioButton(Assembled, SimulatedButton):
    """The same contact on a GPIO chip that a shim supplies to the real rpi-lgpio."""

    how = "the driver and the real rpi-lgpio in a process of its own; a shim's GPIO chip with contacts that bounce"

    def __init__(self, folder: Path, surroundings: Surroundings) -> None:
        super().__init__()
        self._folder = folder
        self._surroundings = surroundings

    async def assemble(self) -> Pins:
        """See `Assembled`."""
        # Short enough for a socket's name, which a test's folder may not be.
        short = Path(self._leaving.enter_context(tempfile.TemporaryDirectory(prefix="gpio")))
        shim = await asyncio.to_thread(build_shim, self._folder)
        self._cabinet = SimulatedCabinet()
        chip = await self._leaving.enter_async_context(GpioChip(short, shim, self._cabinet))
        self._surroundings.preload(shim)
        self._surroundings.set({name: chip.environment[name] for name in ("GPIO_SHIM", "RPI_LGPIO_REVISION")})
        self._surroundings.import_from(LGPIO_FOLDER)
        pins = await asyncio.to_thread(open_pins, _url())
        self.felt = FeltPresses(pins)
        self._leaving.push_async_callback(self.felt.close)
        await self.felt.until(down=False)
        return pins


class NoButton:
    """A machine without pins, and without the library that would find a shim's."""

    felt: FeltPresses | None = None

    def __init__(self, why: str) -> None:
        self.how = f"none: {why}"
        self.lacks: Mapping[Deed, str] = {Deed.PRESS_BUTTON: why}

    async def open(self) -> None:
        """There is nothing to set up."""

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        return {}

    async def close(self) -> None:
        """There is nothing to take down."""


def gpio_button(folder: Path, surroundings: Surroundings) -> GpioButton | NoButton:
    """The button on a shim's GPIO chip, where this machine has rpi-lgpio."""
    reason = missing()
    return GpioButton(folder, surroundings) if reason is None else NoButton(reason)


def _url() -> str:
    places = {switch: line for line, switch in PINS.items()}
    return f"rpi:?lamp={LAMP}&door={places['door']}&button={places['button']}"
