"""The cabinet's wires: under the real rpi-lgpio over the shim of tests/drivers/gpio, where that is installed.

What only a fault of our own or of RPi.GPIO itself brings is struck with a simulated library in this process.
"""

from __future__ import annotations

import asyncio
import functools
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

from benchmarks.faults import Fault, Outcome, PromiseBroken
from drivers.errors import DriverError
from drivers.gpio import PinChange, Pins, Switch, open_pins
from drivers.gpio.simulated import SimulatedCabinet
from drivers.gpio.watched import LOOK_EVERY_S, RATTLES_S, SETTLE_S, WatchedPins
from drivers.states import Condition
from tests.drivers.gpio import wire
from tests.drivers.gpio.raspberry import SimulatedGpio
from tests.drivers.gpio.wire import WirePins

# On top of what the driver itself waits: a busy machine, two processes' turns.
LEEWAY_S: Final = 0.2
HELD_S: Final = 1.5


class Watch:
    """Pins with somebody who listens, and the cabinet behind them."""

    def __init__(self, pins: Pins | WirePins, cabinet: SimulatedCabinet, changes: AsyncIterator[PinChange]) -> None:
        self.pins = pins
        self.cabinet = cabinet
        self._changes = changes

    async def hears(self, switch: Switch, active: bool) -> float:
        """Seconds until the next change, which must be this one."""
        begun_s = time.monotonic()
        change = await anext(self._changes)
        if (change.switch, change.active) != (switch, active):
            raise PromiseBroken(f"heard {change}, not {switch} {active}")
        return time.monotonic() - begun_s

    async def hears_nothing_more(self) -> None:
        """End; nothing is left to be heard."""
        self.cabinet.rest()
        await self.pins.close()
        left: list[PinChange] = [change async for change in self._changes]
        if left:
            raise PromiseBroken(f"changes that nobody made: {left}")
        if self.cabinet.lamp:
            raise PromiseBroken("the lamp is lit after close")

    async def until(self, condition: Condition) -> float:
        begun_s = time.monotonic()
        while (await self.pins.state()).condition is not condition:
            await asyncio.to_thread(lambda: None)
        return time.monotonic() - begun_s


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="shim")


@functools.cache
def _shim() -> Path:
    return wire.build_shim(Path(_folder().name))


@asynccontextmanager
async def _watch() -> AsyncIterator[Watch]:
    """With the real library."""
    cabinet = SimulatedCabinet(seed=next(_seeds))
    with tempfile.TemporaryDirectory(prefix="gpio") as folder:
        async with wire.GpioChip(Path(folder), _shim(), cabinet) as chip:
            pins = await WirePins.start(chip, "rpi:")
            try:
                watch = Watch(pins, cabinet, await pins.watch())
                for switch in _SWITCHES:
                    await watch.hears(switch, False)
                yield watch
                await watch.hears_nothing_more()
            finally:
                await pins.end()


@asynccontextmanager
async def _watch_in_process() -> AsyncIterator[tuple[Watch, SimulatedGpio]]:
    cabinet = SimulatedCabinet(seed=next(_seeds))
    library = SimulatedGpio(cabinet)
    package = ModuleType("RPi")
    package.GPIO = library  # type: ignore[attr-defined]  # a module made here has no such name yet
    before = {name: sys.modules.pop(name, None) for name in ("RPi", "RPi.GPIO")}
    sys.modules["RPi"] = package
    pins = open_pins("rpi:")
    try:
        watch = Watch(pins, cabinet, pins.changes())
        for switch in _SWITCHES:
            await watch.hears(switch, False)
        yield watch, library
        await watch.hears_nothing_more()
    finally:
        await pins.close()
        library.end()
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module


_seeds = iter(range(1_000_000))
_SWITCHES: Final[tuple[Switch, ...]] = ("door", "button")


async def bouncing_button() -> Outcome:
    """Contacts that bounce for 6 ms, another way each time, and spikes between: one change a movement."""
    async with _watch() as watch:
        watch.cabinet.touch("button")
        watch.cabinet.press_button()
        noticed_s = await watch.hears("button", True)
        watch.cabinet.touch("door")
        watch.cabinet.release_button()
        return Outcome(noticed_s, await watch.hears("button", False))


async def rattling_door() -> Outcome:
    """A loose contact is no change, and is told by the state until it rests."""
    async with _watch() as watch:
        watch.cabinet.rattle("door", 0.004)
        noticed_s = await watch.until(Condition.DEGRADED)
        watch.cabinet.press_button()
        await watch.hears("button", True)  # its neighbour works meanwhile
        watch.cabinet.rest()
        watch.cabinet.open_door()
        watch.cabinet.close_door()
        return Outcome(noticed_s, await watch.until(Condition.READY))


async def door_held() -> Outcome:
    """Open for long is one change, and so is its closing."""
    async with _watch() as watch:
        watch.cabinet.open_door()
        noticed_s = await watch.hears("door", True)
        await asyncio.sleep(HELD_S)
        watch.cabinet.close_door()
        return Outcome(noticed_s, await watch.hears("door", False))


async def lost_interrupt() -> Outcome:
    """The library tells no edges any more: the pins are read all the same."""
    async with _watch() as watch:
        watch.cabinet.lose_edges()
        watch.cabinet.open_door()
        noticed_s = await watch.hears("door", True)
        watch.cabinet.close_door()
        return Outcome(noticed_s, await watch.hears("door", False))


async def chip_gone() -> Outcome:
    """Noticed by the state, over when edges and the lamp work: what moved meanwhile is told once."""
    async with _watch() as watch:
        await watch.pins.set_lamp(True)
        watch.cabinet.pull_chip()
        noticed_s = await watch.until(Condition.ABSENT)
        try:
            await watch.pins.set_lamp(True)
        except DriverError:
            pass
        else:
            raise PromiseBroken("the lamp was switched on a chip that is gone")
        watch.cabinet.open_door()
        watch.cabinet.put_chip_back()
        over_s = await watch.hears("door", True)
        if not watch.cabinet.lamp:
            raise PromiseBroken("the lamp is not as it was wanted")
        return Outcome(noticed_s, over_s)


async def raising() -> Outcome:
    """A fault of our own where an edge is taken: told to the loop, and the watch goes on."""
    async with _watch_in_process() as (watch, _):
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: told.set())
        assert isinstance(watch.pins, WatchedPins)
        debouncer = watch.pins._debouncers["button"]
        edge = debouncer.edge
        try:
            debouncer.edge = _raise  # type: ignore[method-assign]  # that is the fault
            watch.cabinet.press_button()
            noticed_s = await _seconds(told.wait())
            debouncer.edge = edge  # type: ignore[method-assign]  # and its end
            return Outcome(noticed_s, await watch.hears("button", True))
        finally:
            loop.set_exception_handler(None)


async def failing_calls() -> Outcome:
    """The library raises at each call, as RPi.GPIO does when another program cleaned up its pins."""
    async with _watch_in_process() as (watch, library):
        library.broken = "GPIO not allocated"
        noticed_s = await watch.until(Condition.ABSENT)
        watch.cabinet.press_button()
        library.broken = None
        return Outcome(noticed_s, await watch.hears("button", True))


def _raise(raw: bool, at_s: float) -> None:
    raise ZeroDivisionError(f"a fault at {at_s} with {raw}")


async def _seconds(work: Awaitable[object]) -> float:
    begun_s = time.monotonic()
    await work
    return time.monotonic() - begun_s


_SETTLED_S: Final = 0.006 + max(SETTLE_S.values()) + LEEWAY_S
_LOOKED_S: Final = LOOK_EVERY_S + _SETTLED_S

FAULTS: Final = [
    Fault("bouncing button, spikes on both wires", _SETTLED_S, _SETTLED_S, bouncing_button, wire.missing),
    # A bench that pauses for 50 ms is a contact at rest: it begins anew.
    Fault("door contact that rattles", 3 * RATTLES_S, LEEWAY_S, rattling_door, wire.missing),
    Fault(f"door held open for {HELD_S:g} s", _SETTLED_S, _SETTLED_S, door_held, wire.missing),
    Fault("interrupts lost", _LOOKED_S, _LOOKED_S, lost_interrupt, wire.missing),
    Fault("chip gone and back", LEEWAY_S, _LOOKED_S, chip_gone, wire.missing),
    Fault("callback raising, a fault of our own (simulated library)", LEEWAY_S, _LOOKED_S, raising),
    Fault("each call of the library raises (simulated library)", LEEWAY_S, _LOOKED_S, failing_calls),
]
