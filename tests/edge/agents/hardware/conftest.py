"""The hardware agent with simulated peripherals, on a real bus."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from drivers.leds.simulated import SimulatedLeds
from drivers.nfc.simulated import SimulatedReader
from drivers.printer.simulated import SimulatedPrinter
from edge.agents.hardware import HardwareAgent
from edge.bus import EmbeddedServer

KEY = b"a device key of 32 bytes, or so."
PATIENT_S = 10
QUICK_S = 0.05  # how often its devices are looked at


@dataclass
class Bench:
    agent: HardwareAgent
    leds: SimulatedLeds
    reader: SimulatedReader
    printer: SimulatedPrinter


@pytest.fixture
async def bench(nats_server: EmbeddedServer) -> AsyncIterator[Bench]:
    leds, reader, printer = SimulatedLeds(8), SimulatedReader(), SimulatedPrinter()
    driver = printer.driver()
    agent = HardwareAgent(
        nats_server.url,
        leds=leds,
        reader=reader,
        printer=driver,
        device_key=KEY,
        shop="Volcano Burgers",
        currency="USD",
        receipts_base_url="https://receipts.example/",
        watch_every_s=QUICK_S,
    )
    await agent.connect()
    yield Bench(agent, leds, reader, printer)
    await agent.close()
    await reader.close()
    await leds.close()
    await driver.close()
