"""`kiosk leds`."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest

from tests.drivers.leds import wire
from tests.drivers.leds.wire import SpiPort, WireLeds, build_shim

from .conftest import Kiosk

URL = "spi:/dev/spidev0.0?count=8"


def kill_with_guard(pid: int) -> None:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    for each in (*map(int, children.split()), pid):
        os.kill(each, signal.SIGKILL)


@pytest.mark.skipif(bool(wire.missing_for_spidev()), reason=wire.missing_for_spidev() or "")
async def test_off_darkens_what_a_killed_program_and_its_guard_left(kiosk: Kiosk, tmp_path: Path) -> None:
    settings = tmp_path / "kiosk.toml"
    settings.write_text(f'[devices]\nleds = "{URL}"\n')
    with tempfile.TemporaryDirectory(prefix="spi") as folder:  # a socket's name there may have 107 bytes
        async with SpiPort(Path(folder), build_shim(tmp_path), 8) as port:
            leds = await WireLeds.start(port, URL)
            await leds.play("solid", "#00FF00")
            kill_with_guard(leds.process.pid)
            await leds.end()
            assert port.strip.frame.lit
            done = await kiosk("leds", "off", "--config", str(settings), **port.environment)
            assert (done.code, done.out) == (0, f"dark: {URL}\n"), done.err
            assert not port.strip.frame.lit


async def test_off_says_what_is_wrong_in_a_line(kiosk: Kiosk) -> None:
    done = await kiosk("leds", "off", "spi:/dev/spidev7.7?count=8")
    assert done.code == 1
    assert "no SPI port /dev/spidev7.7" in done.err
    assert "Traceback" not in done.err
    done = await kiosk("leds", "off", "--config", "nowhere.toml")
    assert done.code == 1
    assert "nowhere.toml" in done.err
