"""Following a device's state."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing

import pytest

from drivers.errors import DeviceLost
from drivers.states import READY, Condition, DeviceState
from drivers.watching import DeviceWatch, Seen, utc_text

LOW = DeviceState(Condition.DEGRADED, "12 of 30 pictures a second")
LOWER = DeviceState(Condition.DEGRADED, "9.5 of 30 pictures a second")
GONE = DeviceState.of(DeviceLost("unplugged"))
PATIENT_S = 10


class Device:
    """Is as it is told to be."""

    def __init__(self) -> None:
        self.now: DeviceState | Exception | None = READY
        self.looks = 0

    async def state(self) -> DeviceState:
        self.looks += 1
        if self.now is None:
            await asyncio.Event().wait()
        if isinstance(self.now, Exception):
            raise self.now
        assert self.now is not None
        return self.now


async def test_a_change_has_its_moment_and_other_numbers_are_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    device = Device()
    watch = DeviceWatch("camera", device)
    first = await watch.seen()
    assert (await watch.seen()) == first
    assert device.looks == 1
    device.now = LOW
    low = await watch.look()
    device.now = LOWER
    lower = await watch.look()
    assert (low.state, lower.state) == (LOW, LOWER)
    assert first.since <= low.since == lower.since
    device.now = GONE
    await watch.look()
    device.now = READY
    await watch.look()
    assert [record.getMessage() for record in caplog.records] == [
        "camera: degraded: 12 of 30 pictures a second",
        "camera: absent: unplugged",
        "camera: ready",
    ]
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]


async def test_a_device_that_does_not_answer_is_not_waited_for() -> None:
    device = Device()
    device.now = None
    seen = await DeviceWatch("printer", device, look_s=0.05).look()
    assert (seen.state.condition, seen.state.code) == (Condition.DEGRADED, "timeout")


async def test_a_fault_in_a_driver_is_logged_once_and_does_not_end_the_watch(
    caplog: pytest.LogCaptureFixture,
) -> None:
    device = Device()
    device.now = ZeroDivisionError("a fault")
    watch = DeviceWatch("printer", device)
    for _ in range(3):
        seen = await watch.look()
    assert (seen.state.condition, seen.state.code) == (Condition.DEGRADED, "driver_error")
    assert caplog.text.count("Traceback") == 1
    device.now = READY
    assert (await watch.look()).state == READY


async def test_changes_are_told_and_a_use_makes_it_look() -> None:
    device = Device()
    watch = DeviceWatch("leds", device, every_s=3600.0)
    async with asyncio.timeout(PATIENT_S), aclosing(watch.follow()) as changes:
        assert (await anext(changes)).state == READY
        next_change = asyncio.ensure_future(anext(changes))
        looks = device.looks
        while device.looks == looks:  # nothing changed: nothing is told
            watch.used()
            await asyncio.wait([next_change], timeout=0.01)
        assert not next_change.done()
        device.now = GONE
        watch.used()
        assert (await next_change).state == GONE


async def test_what_did_not_change_is_told_again_in_time() -> None:
    device = Device()
    told: list[Seen] = []
    async with asyncio.timeout(PATIENT_S), aclosing(DeviceWatch("leds", device, every_s=0.0).follow(0.02)) as changes:
        async for seen in changes:
            told.append(seen)
            if len(told) == 3:
                break
    assert told == [told[0]] * 3
    assert utc_text(told[0].since) == told[0].since_text
    assert told[0].since_text.endswith("Z")
