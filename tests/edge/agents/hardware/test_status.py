"""How the devices are, as `kiosk.hardware.status` tells it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from datetime import datetime

import pytest

from drivers.isolated.devices import IsolatedLeds
from edge.agents.hardware.devices import DeviceRegister
from edge.bus import Client
from edge.contract import hardware
from edge.contract.hardware import Condition, DeviceStatus
from edge.contract.subjects import CAMERA_STATE, HARDWARE_STATUS, MICROPHONE_STATE, PRINT_RECEIPT, SET_LED

from .conftest import PATIENT_S, Bench
from .test_agent import receipt

SINCE = "2026-01-02T03:04:05.678Z"


async def devices(bus: Client) -> dict[str, DeviceStatus]:
    answer = await bus.request(HARDWARE_STATUS, hardware.GetStatus())
    return {each.name: each for each in answer.devices}


async def until(bus: Client, name: str, condition: Condition, code: str | None = None) -> DeviceStatus:
    """The device's status once it is as wanted."""
    async with asyncio.timeout(PATIENT_S):
        while True:
            found = (await devices(bus)).get(name)
            if found is not None and found.condition is condition and code in (None, found.code):
                return found


@pytest.mark.parametrize("subject", HARDWARE_STATUS.subjects)
async def test_each_device_is_told_on_either_subject(bus: Client, bench: Bench, subject: str) -> None:
    answer = await bus.request(subject, {"command": "status"})
    told = answer["payload"]
    assert told["status"] == "success"
    assert [each["name"] for each in told["devices"]] == ["leds", "reader", "printer"]
    for each in told["devices"]:
        assert each["condition"] == "ready", each
        assert each["reason"] == each["code"] == ""
        assert datetime.fromisoformat(each["since"]).utcoffset() is not None


async def test_a_change_is_told_with_its_reason_and_moment_and_logged_once(
    bus: Client, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    before = (await devices(bus))["printer"]
    bench.printer.empty_roll()
    out = await until(bus, "printer", Condition.DEGRADED)
    assert out.code == "out_of_paper"
    assert "paper" in out.reason
    assert out.since >= before.since
    again = await devices(bus)
    assert again["printer"] == out
    assert again["leds"].condition is Condition.READY  # the neighbours are as they were
    bench.printer.load_roll()
    back = await until(bus, "printer", Condition.READY)
    assert back.since >= out.since
    lines = [record.getMessage() for record in caplog.records if record.name == "drivers.watching"]
    assert [line.partition(":")[2].partition(":")[0].strip() for line in lines] == ["degraded", "ready"]


async def test_a_device_is_looked_at_after_it_was_used(bus: Client, bench: Bench) -> None:
    bench.agent.devices.watch("printer")._every_s = 3600.0  # only its use makes it look again
    await until(bus, "printer", Condition.READY)
    await bus.request(PRINT_RECEIPT, receipt())  # whoever waits for the hour now is woken by it
    bench.printer.empty_roll()
    with pytest.raises(Exception, match="paper"):
        await bus.request(PRINT_RECEIPT, receipt("txn-2"))
    await until(bus, "printer", Condition.DEGRADED, "out_of_paper")


async def test_a_strip_and_a_reader_that_are_unplugged_are_absent(bus: Client, bench: Bench) -> None:
    bench.leds.strip.unplug()
    bench.reader.unplug()
    with pytest.raises(Exception, match="unplugged"):
        await bus.request(SET_LED, hardware.SetLed(color="#00FF00"))
    await until(bus, "leds", Condition.ABSENT, "lost")
    await until(bus, "reader", Condition.ABSENT)
    bench.reader.plug()
    await until(bus, "reader", Condition.READY)


async def test_camera_and_microphone_are_told_of_once_their_agents_have(bus: Client, bench: Bench) -> None:
    assert set(await devices(bus)) == {"leds", "reader", "printer"}
    camera = hardware.CameraState(condition=Condition.ABSENT, since=SINCE, reason="unplugged", code="lost")
    await bus.publish(CAMERA_STATE, camera)
    told = await until(bus, "camera", Condition.ABSENT)
    assert (told.since, told.reason, told.code) == (SINCE, "unplugged", "lost")
    await bus.publish(MICROPHONE_STATE, hardware.MicrophoneState(condition=Condition.READY, since=SINCE))
    assert (await until(bus, "microphone", Condition.READY)).since == SINCE


async def test_a_device_whose_agent_is_silent_counts_as_absent() -> None:
    register = DeviceRegister([], silent_s=0.0)
    register.told("camera", "vision", hardware.CameraState(condition=Condition.READY, since=SINCE))
    (camera,) = await register.status()
    assert (camera.condition, camera.code) == (Condition.ABSENT, "silent")
    assert "the vision agent" in camera.reason
    assert camera.since > SINCE


async def test_a_hanging_device_keeps_nobody_waiting(bus: Client, bench: Bench) -> None:
    """The strip's process stands still: status, printing and the reader go on, and another process takes over."""
    leds = await asyncio.to_thread(IsolatedLeds, "drivers.leds:open_leds", "simulated:?count=4", count=4)
    try:
        await leds.off()
        bench.agent.devices.watch("leds")._device = leds
        bench.agent.leds = leds
        await until(bus, "leds", Condition.READY)
        pid = leds.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        asking = asyncio.create_task(bus.request(SET_LED, hardware.SetLed(color="#00FF00"), 30))
        await until(bus, "leds", Condition.DEGRADED, "timeout")
        await bus.request(PRINT_RECEIPT, receipt())
        assert not asking.done()
        with pytest.raises(Exception, match=r"the LED strip .*"):
            await asking
        await until(bus, "leds", Condition.READY)
        await bus.request(SET_LED, hardware.SetLed(color="#0000FF"))
        assert leds.pid != pid
    finally:
        await leds.close()
