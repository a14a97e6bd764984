"""The rpi_ws281x backend, as far as a machine that is no Raspberry Pi shows it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest

from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup
from drivers.leds import open_leds

INSTALLED = importlib.util.find_spec("rpi_ws281x") is not None
IS_PI = "raspberry pi" in (
    Path("/proc/device-tree/model").read_text().lower() if Path("/proc/device-tree/model").exists() else ""
)


@pytest.mark.skipif(INSTALLED, reason="rpi_ws281x is installed")
def test_without_the_library_it_says_what_to_install() -> None:
    with pytest.raises(DeviceSetup, match=r"pip install 'kiosk-edge\[pi4\]'; on a Pi 5 use spi:"):
        open_leds("ws281x:18")


@pytest.mark.skipif(not INSTALLED, reason="rpi_ws281x is not installed (extra: pi4)")
@pytest.mark.skipif(IS_PI, reason="this is a Raspberry Pi: it would drive its pins")
def test_on_another_machine_it_passes_on_the_librarys_words() -> None:
    with pytest.raises(DeviceAbsent, match="ws2811_init failed with code -3"):
        open_leds("ws281x:18")


@pytest.mark.parametrize("gpio", ["7", "", "x", "-18", "²"])
def test_a_pin_that_cannot_drive_a_strip(gpio: str) -> None:
    with pytest.raises(DeviceSetup, match="those are 10, 12, 13, 18, 19, 21"):
        open_leds(f"ws281x:{gpio}")


class PixelStrip:
    """rpi_ws281x.PixelStrip as its 5.0.0 has it, without the C library."""

    made: ClassVar[list[PixelStrip]] = []

    def __init__(self, num: int, pin: int, channel: int = 0) -> None:
        self.place = (num, pin, channel)
        self.begun = False
        self.set_to = [0] * num
        self.shown = [0] * num
        self.broken = False
        self.made.append(self)

    def begin(self) -> None:
        self.begun = True

    def setPixelColor(self, n: int, color: int) -> None:  # noqa: N802 - the library's name
        self.set_to[n] = color

    def show(self) -> None:
        assert self.begun
        if self.broken:
            raise RuntimeError("ws2811_render failed with code -10 (Unable to wait)")
        self.shown = list(self.set_to)

    def _cleanup(self) -> None:
        """What the library registers for the end of the program: it lets go of DMA and pins."""
        assert self.begun
        self.begun = False


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("rpi_ws281x")
    module.PixelStrip = PixelStrip  # type: ignore[attr-defined]  # a module made here has no such name yet
    monkeypatch.setitem(sys.modules, "rpi_ws281x", module)
    monkeypatch.setattr(PixelStrip, "made", [])


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(("gpio", "channel"), [(18, 0), (13, 1)])
async def test_colors_and_channel_are_as_the_library_wants_them(gpio: int, channel: int) -> None:
    leds = open_leds(f"ws281x:{gpio}?count=2", guarded=False)
    strip = PixelStrip.made[0]
    assert strip.place == (2, gpio, channel)
    await leds.play("solid", "#FF0080")
    assert strip.shown == [0xFF0037, 0xFF0037]
    await leds.close()
    assert strip.shown == [0, 0]


@pytest.mark.usefixtures("library")
async def test_a_failing_library_is_told_in_its_words() -> None:
    leds = open_leds("ws281x:18?count=2", guarded=False)
    PixelStrip.made[0].broken = True
    with pytest.raises(DeviceLost, match="code -10"):
        await leds.play("solid", "#FF0080")
    assert not PixelStrip.made[0].begun
    await leds.play("solid", "#FF0080")
    assert PixelStrip.made[1].shown == [0xFF0037, 0xFF0037]
    await leds.close()
    assert not any(strip.begun for strip in PixelStrip.made)


@pytest.mark.usefixtures("library")
def test_a_strip_that_does_not_begin_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(self: PixelStrip) -> None:
        raise RuntimeError("ws2811_init failed with code -3 (Hardware revision is not supported)")

    monkeypatch.setattr(PixelStrip, "begin", begin)
    with pytest.raises(DeviceAbsent, match=r"GPIO18: ws2811_init failed with code -3 \(Hardware"):
        open_leds("ws281x:18?count=2")
