"""Which device an agent gets, and in which process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.address import DeviceAddress
from drivers.errors import DeviceAbsent, DeviceSetup
from drivers.gpio.simulated import SimulatedPins
from drivers.isolated.devices import IsolatedLeds
from drivers.leds.simulated import SimulatedLeds
from drivers.states import Condition
from edge.agents.hardware import HardwareAgent
from edge.assembly import Assembly, with_journal
from edge.config import parse
from edge.models import Store


@asynccontextmanager
async def hardware(folder: Path, devices: str) -> AsyncIterator[HardwareAgent]:
    assembly = Assembly(parse(f"[devices]\n{devices}"), Store(folder), folder, bus_url="nats://127.0.0.1:1")
    try:
        agent = assembly.build("hardware")
        assert isinstance(agent, HardwareAgent)
        yield agent
    finally:
        await assembly.close()


async def test_as_shipped_every_device_is_simulated_and_there_are_no_wires(tmp_path: Path) -> None:
    async with hardware(tmp_path, "") as agent:
        assert isinstance(agent.leds, SimulatedLeds)
        assert agent.pins is None
        assert [each.name for each in await agent.devices.status()] == ["leds", "reader", "printer"]


async def test_a_cabinet_with_wires_has_them_followed(tmp_path: Path) -> None:
    async with hardware(tmp_path, 'gpio = "simulated:"') as agent:
        assert isinstance(agent.pins, SimulatedPins)
        assert [each.name for each in await agent.devices.status()] == ["leds", "reader", "printer", "pins"]


async def test_a_device_that_is_not_there_keeps_no_agent_from_starting(tmp_path: Path) -> None:
    async with hardware(tmp_path, 'leds = "spi:/dev/spidev7.3?count=5"') as agent:
        assert isinstance(agent.leds, IsolatedLeds)
        assert (await agent.leds.state()).condition is Condition.ABSENT
        assert (await agent.reader.state()).condition is Condition.READY


async def test_without_processes_of_their_own_devices_are_opened_here(tmp_path: Path) -> None:
    with pytest.raises(DeviceAbsent):
        async with hardware(tmp_path, 'leds = "spi:/dev/spidev7.3"\nisolated = false'):
            pass


async def test_what_a_person_has_to_mend_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(DeviceSetup, match="no LED strip backend for 'candles:'"):
        async with hardware(tmp_path, 'leds = "candles:"'):
            pass


@pytest.mark.parametrize(
    ("url", "has"),
    [
        ("escpos+tcp://10.0.0.5:9100", "/data/the kiosk's/printer&more"),
        ("escpos+usb://04b8:0e15?columns=32", "/data/the kiosk's/printer&more"),
        ("escpos+serial:/dev/ttyUSB0?journal=/elsewhere", "/elsewhere"),
        ("simulated:", None),
    ],
)
def test_a_real_printer_has_a_journal(url: str, has: str | None) -> None:
    named = with_journal(url, Path("/data/the kiosk's/printer&more"))
    address = DeviceAddress.parse(named.replace("escpos+usb://", "escpos+usb:"))
    assert address.options.get("journal") == has
    assert {"columns": "32"}.items() <= address.options.items() or "columns" not in url
