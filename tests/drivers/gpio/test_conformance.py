"""What pins promise: simulated, and the Raspberry Pi backend with a simulated cabinet on the library's pins."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import ModuleType

import pytest

from drivers.errors import DeviceLost
from drivers.gpio import PinChange, Pins, Switch, open_pins
from drivers.gpio.simulated import SimulatedCabinet, SimulatedPins
from tests.drivers.gpio.raspberry import SimulatedGpio

TIMEOUT_S = 5.0


@dataclass
class Bench:
    """Pins, and the cabinet behind them."""

    pins: Pins
    cabinet: SimulatedCabinet


@pytest.fixture(params=["simulated", "rpi"])
async def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr("drivers.gpio.watched.LOOK_EVERY_S", 60.0)  # what is heard comes from edges
    cabinet = SimulatedCabinet(seed=3)
    pins: Pins
    if request.param == "simulated":
        pins = SimulatedPins(cabinet)
    else:
        package = ModuleType("RPi")
        package.GPIO = SimulatedGpio(cabinet)  # type: ignore[attr-defined]  # a module made here has no such name yet
        monkeypatch.setitem(sys.modules, "RPi", package)
        pins = open_pins("rpi:")
    yield Bench(pins, cabinet)
    await pins.close()


async def heard(changes: AsyncIterator[PinChange]) -> tuple[Switch, bool]:
    async with asyncio.timeout(TIMEOUT_S):
        change = await anext(changes)
    return change.switch, change.active


async def test_the_lamp_is_switched_and_goes_out_in_the_end(bench: Bench) -> None:
    seen = []
    for on in (True, False, True):
        await bench.pins.set_lamp(on)
        seen.append(bench.cabinet.lamp)
    await bench.pins.close()
    seen.append(bench.cabinet.lamp)
    assert seen == [True, False, True, False]
    with pytest.raises(DeviceLost, match="closed"):
        await bench.pins.set_lamp(True)


async def test_changes_begin_with_how_things_are(bench: Bench) -> None:
    bench.cabinet.open_door()
    changes = bench.pins.changes()
    assert {await heard(changes), await heard(changes)} == {("door", True), ("button", False)}


async def test_each_movement_is_one_change_in_order(bench: Bench) -> None:
    changes = bench.pins.changes()
    await heard(changes)
    await heard(changes)
    movements: list[tuple[Switch, bool]] = []
    for _ in range(3):
        for move, told in (
            (bench.cabinet.press_button, ("button", True)),
            (bench.cabinet.open_door, ("door", True)),
            (bench.cabinet.release_button, ("button", False)),
            (bench.cabinet.close_door, ("door", False)),
        ):
            move()
            movements.append(await heard(changes))
            assert movements[-1] == told
    await bench.pins.close()
    assert [change async for change in changes] == []


async def test_times_rise_on_the_loops_clock(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    changes = bench.pins.changes()
    await heard(changes)
    await heard(changes)
    before_s = loop.time()
    bench.cabinet.press_button()
    change = await anext(changes)
    assert before_s + 0.02 <= change.at_s <= loop.time()


async def test_a_spike_on_the_wire_is_nothing(bench: Bench) -> None:
    changes = bench.pins.changes()
    await heard(changes)
    await heard(changes)
    for _ in range(5):
        bench.cabinet.touch("door")
        bench.cabinet.touch("button")
    bench.cabinet.press_button()
    assert await heard(changes) == ("button", True)


async def test_everyone_who_listens_hears_it(bench: Bench) -> None:
    first, second = bench.pins.changes(), bench.pins.changes()
    bench.cabinet.open_door()
    for changes in (first, second):
        assert [await heard(changes) for _ in range(3)][-1] == ("door", True)


async def test_edges_that_get_lost_are_made_up_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.gpio.watched.LOOK_EVERY_S", 0.01)
    changes = bench.pins.changes()
    await heard(changes)
    await heard(changes)
    bench.cabinet.lose_edges()
    bench.cabinet.open_door()
    assert await heard(changes) == ("door", True)


async def test_close_ends_the_changes(bench: Bench) -> None:
    changes = bench.pins.changes()
    await bench.pins.close()
    assert len([change async for change in changes]) == 2
    assert [change async for change in bench.pins.changes()] == []
    await bench.pins.close()
