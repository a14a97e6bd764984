"""The Raspberry Pi backend, as far as another machine shows it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup
from drivers.gpio import open_pins
from drivers.gpio.simulated import SimulatedCabinet
from tests.drivers.gpio.raspberry import SimulatedGpio

INSTALLED = importlib.util.find_spec("RPi") is not None
_MODEL = Path("/proc/device-tree/model")
IS_PI = _MODEL.exists() and "raspberry pi" in _MODEL.read_text().lower()


@pytest.fixture
def gpio(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedGpio]:
    library = SimulatedGpio(SimulatedCabinet())
    package = ModuleType("RPi")
    package.GPIO = library  # type: ignore[attr-defined]  # a module made here has no such name yet
    monkeypatch.setitem(sys.modules, "RPi", package)
    yield library
    library.end()


@pytest.mark.skipif(INSTALLED, reason="RPi.GPIO is installed")
def test_without_the_library_it_says_what_to_install() -> None:
    with pytest.raises(DeviceSetup, match=r"pip install 'kiosk-edge\[pi5\]' on a Pi 5"):
        open_pins("rpi:")


@pytest.mark.skipif(not INSTALLED, reason="RPi.GPIO is not installed (extras: pi4, pi5)")
@pytest.mark.skipif(IS_PI, reason="this is a Raspberry Pi: it would drive its pins")
def test_on_another_machine_it_passes_on_the_librarys_words() -> None:
    with pytest.raises(DeviceAbsent, match="can only be run on a Raspberry Pi"):
        open_pins("rpi:")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("lamp=28", "lamp=28 is no GPIO of the header"),
        ("door=1", "door=1 is no GPIO"),
        ("button=x", "not a whole number"),
        ("lamp=22", "share a pin"),
        ("led=3", "known: lamp, door, button"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(options: str, words: str) -> None:
    with pytest.raises(DeviceSetup, match=words):
        open_pins(f"rpi:?{options}")


@pytest.mark.parametrize("error", [RuntimeError("Cannot determine SOC peripheral base address"), Exception("busy")])
def test_pins_that_cannot_be_had(gpio: SimulatedGpio, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(gpio, "setup", fail)
    with pytest.raises(DeviceAbsent, match=f"{error}; on a Pi 5 install rpi-lgpio"):
        open_pins("rpi:")


async def test_a_library_that_fails_is_told_in_its_words(gpio: SimulatedGpio) -> None:
    pins = open_pins("rpi:")
    gpio.broken = "GPIO not allocated"
    with pytest.raises(DeviceLost, match="lamp on GPIO17 can't be switched: GPIO not allocated"):
        await pins.set_lamp(True)
    with pytest.raises(DeviceAbsent, match="pins can't be used: GPIO not allocated"):
        pins.changes()
    assert (await pins.state()).reason.startswith("rpi: the GPIO pins can't be used: GPIO not allocated")
    gpio.broken = None
    await pins.set_lamp(True)
    assert gpio.cabinet.lamp
    await pins.close()
    assert gpio.directions == {}
