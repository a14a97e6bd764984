"""What pins promise: simulated, and the Raspberry Pi backend with a simulated cabinet on the library's pins."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from drivers.errors import DeviceLost, DriverError
from drivers.gpio import PinChange, Pins, Switch, open_pins
from drivers.gpio.simulated import SimulatedCabinet, SimulatedPins
from drivers.states import READY, Condition
from tests.drivers.gpio import wire
from tests.drivers.gpio.raspberry import SimulatedGpio
from tests.drivers.gpio.wire import GpioChip, WirePins
from tests.drivers.leds.remote import REPOSITORY

TIMEOUT_S = 5.0


@dataclass
class Bench:
    """Pins, the cabinet behind them, and what its driver's process takes otherwise."""

    pins: Pins | WirePins
    cabinet: SimulatedCabinet
    monkeypatch: pytest.MonkeyPatch

    async def changes(self) -> AsyncIterator[PinChange]:
        return await self.pins.watch() if isinstance(self.pins, WirePins) else self.pins.changes()

    async def set_constant(self, name: str, value: float) -> None:
        if isinstance(self.pins, WirePins):
            await self.pins.set_constant(name, value)
        else:
            self.monkeypatch.setattr(f"drivers.gpio.watched.{name}", value)


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wire.build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture(params=["simulated", "rpi", "rpi-lgpio"])
async def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    cabinet = SimulatedCabinet(seed=3)
    library = SimulatedGpio(cabinet)
    async with AsyncExitStack() as stack:
        stack.callback(library.end)
        pins: Pins | WirePins
        if request.param == "simulated":
            pins = SimulatedPins(cabinet)
        elif request.param == "rpi":
            package = ModuleType("RPi")
            package.GPIO = library  # type: ignore[attr-defined]  # a module made here has no such name yet
            monkeypatch.setitem(sys.modules, "RPi", package)
            pins = open_pins("rpi:")
        else:
            reason = wire.missing()
            if reason is not None:
                pytest.skip(reason)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gpio"))
            chip = await stack.enter_async_context(GpioChip(Path(folder), request.getfixturevalue("shim"), cabinet))
            pins = await WirePins.start(chip, "rpi:")
            stack.push_async_callback(pins.end)
        made = Bench(pins, cabinet, monkeypatch)
        await made.set_constant("LOOK_EVERY_S", 60.0)  # what is heard comes from edges
        yield made
        cabinet.rest()
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
    changes = await bench.changes()
    assert {await heard(changes), await heard(changes)} == {("door", True), ("button", False)}


async def test_each_movement_is_one_change_in_order(bench: Bench) -> None:
    changes = await bench.changes()
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
    changes = await bench.changes()
    await heard(changes)
    await heard(changes)
    before_s = loop.time()
    bench.cabinet.press_button()
    change = await anext(changes)
    assert before_s + 0.02 <= change.at_s <= loop.time()


async def test_a_spike_on_the_wire_is_nothing(bench: Bench) -> None:
    changes = await bench.changes()
    await heard(changes)
    await heard(changes)
    for _ in range(5):
        bench.cabinet.touch("door")
        bench.cabinet.touch("button")
    bench.cabinet.press_button()
    assert await heard(changes) == ("button", True)


async def test_everyone_who_listens_hears_it(bench: Bench) -> None:
    first, second = await bench.changes(), await bench.changes()
    bench.cabinet.open_door()
    for changes in (first, second):
        assert [await heard(changes) for _ in range(3)][-1] == ("door", True)


async def test_edges_that_get_lost_are_made_up_for(bench: Bench) -> None:
    await bench.set_constant("LOOK_EVERY_S", 0.01)
    changes = await bench.changes()
    await heard(changes)
    await heard(changes)
    bench.cabinet.lose_edges()
    bench.cabinet.open_door()
    assert await heard(changes) == ("door", True)


async def test_close_ends_the_changes(bench: Bench) -> None:
    changes = await bench.changes()
    await bench.pins.close()
    assert len([change async for change in changes]) == 2
    assert [change async for change in await bench.changes()] == []
    await bench.pins.close()


async def test_pins_say_how_they_are_whether_watched_or_not(bench: Bench) -> None:
    for watched in (False, True):
        assert await bench.pins.state() == READY
        bench.cabinet.pull_chip()
        state = await bench.pins.state()
        assert state.condition is Condition.ABSENT
        assert state.reason.startswith("rpi: ") or "pulled" in state.reason
        bench.cabinet.put_chip_back()
        assert await bench.pins.state() == READY
        if not watched:
            await bench.changes()
    await bench.pins.close()
    assert (await bench.pins.state()).condition is Condition.ABSENT


async def test_a_chip_that_comes_back_goes_on_where_it_was(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    await bench.set_constant("LOOK_EVERY_S", 0.01)
    caplog.set_level(logging.INFO, "drivers.gpio")
    changes = await bench.changes()
    await heard(changes)
    await heard(changes)
    await bench.pins.set_lamp(True)
    for _ in range(2):
        bench.cabinet.pull_chip()
        with pytest.raises(DriverError):
            await bench.pins.set_lamp(True)
        bench.cabinet.open_door()  # while nobody could tell
        bench.cabinet.put_chip_back()
        assert await heard(changes) == ("door", True)
        await bench.cabinet.wait_for_lamp(True)
        bench.cabinet.close_door()
        assert await heard(changes) == ("door", False)
    if not isinstance(bench.pins, WirePins):  # that one's log is in its process
        told = [record.levelname for record in caplog.records if record.name == "drivers.gpio.watched"]
        assert told == ["WARNING", "INFO"] * 2


async def test_edges_are_told_again_when_the_chip_is_back(bench: Bench) -> None:
    changes = await bench.changes()
    await heard(changes)
    await heard(changes)
    bench.cabinet.pull_chip()
    assert (await bench.pins.state()).condition is Condition.ABSENT
    bench.cabinet.put_chip_back()
    assert await bench.pins.state() == READY
    bench.cabinet.press_button()  # nobody looks for a minute: an edge told it
    assert await heard(changes) == ("button", True)


async def test_a_rattling_contact_is_no_change_and_is_told(bench: Bench) -> None:
    await bench.set_constant("RATTLES_S", 0.1)
    changes = await bench.changes()
    await heard(changes)
    await heard(changes)
    bench.cabinet.rattle("door", 0.002)
    async with asyncio.timeout(TIMEOUT_S):
        while (state := await bench.pins.state()).condition is not Condition.DEGRADED:
            await asyncio.to_thread(lambda: None)
    assert "door's contact has rattled" in state.reason
    bench.cabinet.press_button()
    assert await heard(changes) == ("button", True)
    bench.cabinet.rest()
    bench.cabinet.open_door()
    assert await heard(changes) == ("door", True)
    assert await bench.pins.state() == READY


async def test_a_stuck_button_is_one_change_and_is_told(bench: Bench) -> None:
    await bench.set_constant("STUCK_S", 0.0)
    changes = await bench.changes()
    await heard(changes)
    await heard(changes)
    bench.cabinet.press_button()
    assert await heard(changes) == ("button", True)
    assert "button has been pressed for 0 s: is it stuck?" in (await bench.pins.state()).reason
    await bench.set_constant("STUCK_S", 60.0)
    assert await bench.pins.state() == READY
    bench.cabinet.release_button()
    assert await heard(changes) == ("button", False)


@pytest.mark.parametrize("bench", ["rpi-lgpio"], indirect=True)
async def test_the_library_leaves_the_programs_folder_alone(bench: Bench) -> None:
    assert isinstance(bench.pins, WirePins)
    await bench.pins.set_lamp(True)
    assert await bench.pins.folder() == str(REPOSITORY)
    assert not list(REPOSITORY.glob(".lgd-nfy*"))
