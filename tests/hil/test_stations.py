"""Stations of a bench: what was set up is taken down, also when only a part of it could be."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from bench import buttons, cards, receipts, strips
from bench.stations import Assembled
from bench.surroundings import Surroundings
from drivers.errors import DeviceAbsent
from tests.drivers.gpio import wire as gpio
from tests.drivers.leds.wire import missing_for_spidev
from tests.drivers.nfc import pcscd


class Desk(Assembled):
    """A station that notes what is taken down."""

    def __init__(self, *, broken: bool) -> None:
        super().__init__()
        self.broken = broken
        self.taken_down: list[str] = []

    async def assemble(self) -> str:
        self._leaving.callback(self.taken_down.append, "first")
        if self.broken:
            raise DeviceAbsent("no second part")
        self._leaving.callback(self.taken_down.append, "second")
        return "device"


async def test_parts_are_taken_down_the_last_one_first() -> None:
    desk = Desk(broken=False)
    assert await desk.open() == "device"
    assert desk.taken_down == []
    await desk.close()
    assert desk.taken_down == ["second", "first"]


async def test_parts_are_taken_down_when_the_next_one_fails() -> None:
    desk = Desk(broken=True)
    with pytest.raises(DeviceAbsent, match="no second part"):
        await desk.open()
    assert desk.taken_down == ["first"]
    await desk.close()
    assert desk.taken_down == ["first"]


@pytest.fixture
def surroundings() -> Iterator[Surroundings]:
    surroundings = Surroundings()
    yield surroundings
    surroundings.restore()


class NoDriver:
    """Stands where a driver is opened, and finds no device."""

    def __init__(self) -> None:
        self.url = ""

    def __call__(self, url: str, *_: Any) -> None:
        self.url = url
        raise DeviceAbsent("no device for this test")


_WITHOUT: Final = "no device for this test"


def _gone(variable: str) -> bool:
    """Whether the folder that the variable names was taken away."""
    return not Path(os.environ[variable]).exists()


async def test_no_printer_stays_on_the_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(receipts, "open_printer", no_driver := NoDriver())
    with pytest.raises(DeviceAbsent, match=_WITHOUT):
        await receipts.SimulatedPrinterOn("tcp", tmp_path).open()
    with socket.socket() as probe:
        assert probe.connect_ex((urlsplit(no_driver.url).hostname or "", urlsplit(no_driver.url).port or 0)) != 0


@pytest.mark.skipif(bool(pcscd.missing()), reason=pcscd.missing() or "")
async def test_no_pcscd_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, surroundings: Surroundings
) -> None:
    monkeypatch.setattr(cards, "open_nfc_reader", NoDriver())
    with pytest.raises(DeviceAbsent, match=_WITHOUT):
        await cards.PcscCards(tmp_path, surroundings).open()
    with socket.socket(socket.AF_UNIX) as probe:
        assert probe.connect_ex(os.environ["PCSCLITE_CSOCK_NAME"]) != 0


@pytest.mark.skipif(bool(missing_for_spidev()), reason=missing_for_spidev() or "")
async def test_no_spi_port_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, surroundings: Surroundings
) -> None:
    monkeypatch.setattr(strips, "open_leds", NoDriver())
    with pytest.raises(DeviceAbsent, match=_WITHOUT):
        await strips.SpiStripHere(tmp_path, surroundings).open()
    assert _gone("SPIDEV_SHIM")


@pytest.mark.skipif(bool(gpio.missing()), reason=gpio.missing() or "")
async def test_no_gpio_chip_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, surroundings: Surroundings
) -> None:
    monkeypatch.setattr(buttons, "open_pins", NoDriver())
    with pytest.raises(DeviceAbsent, match=_WITHOUT):
        await buttons.GpioButton(tmp_path, surroundings).open()
    assert _gone("GPIO_SHIM")
