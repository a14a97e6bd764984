"""The simulated cabinet: its contacts bounce, its lamp can be waited for."""

from __future__ import annotations

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import DeviceLost, DeviceSetup, DeviceTimeout
from drivers.gpio import Switch, open_pins
from drivers.gpio.simulated import BOUNCE_S, SimulatedCabinet, SimulatedPins
from drivers.gpio.watched import KEPT_CHANGES


async def test_it_opens_by_url() -> None:
    pins = open_pins("simulated:")
    assert isinstance(pins, SimulatedPins)
    await pins.close()
    with pytest.raises(DeviceSetup, match="unknown option"):
        open_pins("simulated:?door=open")
    with pytest.raises(DeviceSetup, match="known: simulated:, rpi:"):
        open_pins("relay:")


async def test_its_contacts_bounce() -> None:
    cabinet = SimulatedCabinet(seed=1)
    edges: list[bool] = []
    cabinet.listen(lambda switch: edges.append(cabinet.read(switch)))
    for press in (True, False) * 5:
        (cabinet.press_button if press else cabinet.release_button)()
        at_rest = asyncio.Event()
        asyncio.get_running_loop().call_later(2 * BOUNCE_S, at_rest.set)
        await at_rest.wait()
        assert cabinet.read("button") == press
    assert edges == [True, False] * (len(edges) // 2)
    assert len(edges) > 10


@given(st.integers(0, 10_000), st.lists(st.booleans(), min_size=1, max_size=6))
def test_whatever_is_done_in_a_hurry_the_contact_ends_where_it_was_moved(seed: int, presses: list[bool]) -> None:
    async def run() -> tuple[bool, int]:
        cabinet = SimulatedCabinet(bounce_s=0.0, seed=seed)
        edges = 0

        def count(switch: Switch) -> None:
            nonlocal edges
            edges += 1

        cabinet.listen(count)
        for press in presses:
            (cabinet.press_button if press else cabinet.release_button)()
        done = asyncio.Event()
        asyncio.get_running_loop().call_later(0, done.set)  # behind the last flip
        await done.wait()
        return cabinet.read("button"), edges

    level, edges = asyncio.run(run())
    assert level == presses[-1]
    assert edges % 2 == level


async def test_the_lamp_can_be_waited_for() -> None:
    pins = SimulatedPins()
    waiting = asyncio.create_task(pins.cabinet.wait_for_lamp(True))
    await pins.set_lamp(True)
    await waiting
    with pytest.raises(DeviceTimeout, match="not off within"):
        await pins.cabinet.wait_for_lamp(False, timeout_s=0.01)
    await pins.close()


async def test_who_does_not_read_loses_the_oldest(caplog: pytest.LogCaptureFixture) -> None:
    pins = SimulatedPins(SimulatedCabinet(bounce_s=0.0))
    slow, quick = pins.changes(), pins.changes()
    await anext(quick)
    await anext(quick)
    for number in range(KEPT_CHANGES):
        (pins.cabinet.release_button if number % 2 else pins.cabinet.press_button)()
        async with asyncio.timeout(5):
            await anext(quick)
    await pins.close()
    assert len([change async for change in slow]) == KEPT_CHANGES
    assert caplog.text.count("dropped") == 2


async def test_pins_that_fail_are_logged_once_and_watched_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.gpio.watched.LOOK_EVERY_S", 0.005)
    pins = SimulatedPins()
    changes = pins.changes()
    await anext(changes)
    await anext(changes)
    read = pins.cabinet.read
    tries = 0
    failed_often = asyncio.Event()

    def fail(switch: Switch) -> bool:
        nonlocal tries
        tries += 1
        if tries == 5:
            failed_often.set()
        raise DeviceLost("no answer")

    monkeypatch.setattr(pins.cabinet, "read", fail)
    caplog.set_level(logging.INFO)
    pins.cabinet.press_button()
    async with asyncio.timeout(5):
        await failed_often.wait()
    assert str(pins.failure) == "no answer"
    monkeypatch.setattr(pins.cabinet, "read", read)
    async with asyncio.timeout(5):
        change = await anext(changes)
    assert (change.switch, change.active) == ("button", True)
    assert caplog.text.count("no answer") == 1
    await pins.close()


async def test_a_fault_in_our_own_code_is_told_and_the_watch_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.gpio.watched.LOOK_EVERY_S", 0.005)
    pins = SimulatedPins()
    changes = pins.changes()
    await anext(changes)
    await anext(changes)
    told: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))
    read = pins.cabinet.read
    failed = 0

    def fail_five_times(switch: Switch) -> bool:
        nonlocal failed
        if failed < 5:
            failed += 1
            raise ZeroDivisionError("a bug")
        return read(switch)

    monkeypatch.setattr(pins.cabinet, "read", fail_five_times)
    pins.cabinet.press_button()
    async with asyncio.timeout(5):
        change = await anext(changes)
    assert (change.switch, change.active) == ("button", True)
    assert told == ["a bug"] * 5
    await pins.close()
