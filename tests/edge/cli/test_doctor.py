"""`kiosk doctor` and `kiosk bus status` on devices."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from drivers.leds.simulated import SimulatedLeds
from drivers.nfc.simulated import SimulatedReader
from drivers.printer.simulated import SimulatedPrinter
from edge.agents.hardware import HardwareAgent
from edge.bus import EmbeddedServer

from .conftest import Kiosk

NO_BUS = '[bus]\nurl = "nats://127.0.0.1:1"\n'


@pytest.fixture
async def roll_is_empty(nats_server: EmbeddedServer) -> AsyncIterator[None]:
    """A running kiosk whose printer is out of paper."""
    leds, reader, printer = SimulatedLeds(4), SimulatedReader(), SimulatedPrinter()
    printer.empty_roll()
    driver = printer.driver()
    async with AsyncExitStack() as leaving:
        for closing in (leds, reader, driver):
            leaving.push_async_callback(closing.close)
        agent = HardwareAgent(
            nats_server.url,
            leds=leds,
            reader=reader,
            printer=driver,
            device_key=b"sixteen bytes or more",
            shop="Shop",
            currency="USD",
            receipts_base_url=None,
        )
        await agent.connect()
        leaving.push_async_callback(agent.close)
        yield


def row(out: str, what: str) -> str:
    (line,) = [line for line in out.splitlines() if f" {what} " in line]
    return line


@pytest.mark.usefixtures("roll_is_empty")
async def test_a_running_kiosk_is_asked(kiosk: Kiosk, nats_server: EmbeddedServer, tmp_path: Path) -> None:
    config = tmp_path / "kiosk.toml"
    config.write_text(f'[bus]\nurl = "{nats_server.url}"\n[devices]\nprinter = "escpos+tcp://192.0.2.1:9100"\n')
    done = await kiosk("doctor", "--config", str(config))
    assert "ready (the running kiosk says, since " in row(done.out, "leds: now")
    printer = row(done.out, "printer: now")
    assert "degraded: " in printer
    assert "paper" in printer
    assert "docs/devices.md" in printer
    assert "Traceback" not in done.err


async def test_without_one_each_device_is_opened(kiosk: Kiosk, tmp_path: Path) -> None:
    config = tmp_path / "kiosk.toml"
    config.write_text(f'{NO_BUS}[devices]\nleds = "spi:/dev/spidev7.3"\nprinter = "printed:"\ngpio = "simulated:"\n')
    done = await kiosk("doctor", "--config", str(config))
    assert "absent at spi:/dev/spidev7.3: no SPI port" in row(done.out, "leds in kiosk.toml")
    assert "no printer backend for 'printed:'" in row(done.out, "printer in kiosk.toml")
    for device in ("reader", "camera", "microphone", "pins"):
        assert "ready at simulated:" in row(done.out, f"{device} in kiosk.toml")
    assert "Traceback" not in done.err


@pytest.mark.usefixtures("roll_is_empty")
async def test_status_shows_them_and_an_empty_roll_is_wrong(kiosk: Kiosk, nats_server: EmbeddedServer) -> None:
    where = ("--url", nats_server.url, "--server-monitor-url", nats_server.monitor_url, "--agent", "hardware")
    done = await kiosk("bus", "status", *where)
    assert done.code == 1
    (leds,) = [line for line in done.out.splitlines() if line.startswith("leds ")]
    assert leds.split()[1] == "ready"
    assert "printer is degraded: " in done.out
    found = json.loads((await kiosk("bus", "status", "--json", *where)).out)
    assert found["devices"]["printer"]["code"] == "out_of_paper"
    assert [alert["alert"] for alert in found["alerts"]] == ["KioskDeviceDegraded"]
