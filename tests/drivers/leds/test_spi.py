"""The SPI backend: what it says on a machine without one, and what it sends on a machine with one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup, DriverError
from drivers.leds import open_leds
from drivers.leds.simulated import SimulatedStrip
from drivers.leds.ws2812 import encoded_size

spidev = pytest.importorskip("spidev", reason="the Python package spidev is not installed (extra: leds)")

PORT = "/dev/spidev0.0"


@pytest.mark.skipif(Path(PORT).exists(), reason=f"this machine has {PORT}")
def test_without_a_port_it_says_how_to_get_one() -> None:
    with pytest.raises(DeviceAbsent, match=r"no SPI port /dev/spidev0\.0: put dtparam=spi=on into"):
        open_leds(f"spi:{PORT}?count=24")


@pytest.mark.parametrize("url", ["spi:", "spi:/dev/ttyS0", "spi:0.0", "spi:/dev/spidev0.0/../x"])
def test_an_address_that_is_no_port(url: str) -> None:
    with pytest.raises(DeviceSetup, match="is no SPI port; for example"):
        open_leds(url)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spidev", None)
    with pytest.raises(DeviceSetup, match=r"pip install 'kiosk-edge\[leds\]'"):
        open_leds(f"spi:{PORT}")


class SimulatedPort:
    """spidev.SpiDev as its documentation has it, with a simulated strip on its data line."""

    def __init__(self, strip: SimulatedStrip, node: Path) -> None:
        self.strip = strip
        self.mode = 3
        self.max_speed_hz = 500_000
        self.pulled = False
        self.closed = True
        self._node = node.open("w+b")

    def writebytes2(self, values: bytes) -> None:
        assert not self.closed
        if self.pulled:
            raise OSError(19, "No such device")
        assert self.mode == 0
        self.strip.receive(values, self.max_speed_hz)

    def fileno(self) -> int:
        return self._node.fileno()

    def close(self) -> None:
        self.closed = True

    def go(self) -> None:
        self._node.close()


Plug = Callable[[int], SimulatedPort]


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Plug]:
    ports = []

    def plug(count: int) -> SimulatedPort:
        port = SimulatedPort(SimulatedStrip(count), tmp_path / "node")
        ports.append(port)

        def open_port(bus: int, chip_select: int) -> SimulatedPort:
            assert (bus, chip_select) == (0, 0)
            port.closed = False
            return port

        monkeypatch.setattr(spidev, "SpiDev", open_port)
        return port

    yield plug
    for port in ports:
        port.go()


async def test_a_strip_on_the_port_shows_the_pattern(plug: Plug) -> None:
    port = plug(5)
    leds = open_leds(f"spi:{PORT}?count=5", guarded=False)
    await leds.play("solid", "#0000FF")
    assert port.strip.frame.colors == ("#0000FF",) * 5
    assert port.strip.bad_pulses == 0
    await leds.close()
    assert not port.strip.frame.lit
    assert port.closed


async def test_a_port_that_fails_is_told_to_who_plays(plug: Plug) -> None:
    port = plug(5)
    leds = open_leds(f"spi:{PORT}?count=5", guarded=False)
    port.pulled = True
    with pytest.raises(DeviceLost, match="No such device"):
        await leds.play("solid", "#0000FF")
    await leds.close()


@pytest.mark.parametrize(("size", "fits"), [(encoded_size(60), True), (encoded_size(60) - 1, False)])
async def test_a_frame_must_fit_into_the_kernels_buffer(
    plug: Plug, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int, fits: bool
) -> None:
    bufsiz = tmp_path / "bufsiz"
    bufsiz.write_text(f"{size}\n")
    monkeypatch.setattr("drivers.leds.spi._BUFFER_SIZE", bufsiz)
    port = plug(60)
    if fits:
        await open_leds(f"spi:{PORT}?count=60", guarded=False).close()
    else:
        with pytest.raises(DeviceSetup, match="SPI buffer has"):
            open_leds(f"spi:{PORT}?count=60")
    assert port.closed


@pytest.mark.parametrize(
    ("error", "words"),
    [(PermissionError(13, "Permission denied"), "group spi"), (OSError(16, "Busy"), "does not open")],
)
def test_a_port_that_does_not_open(monkeypatch: pytest.MonkeyPatch, error: OSError, words: str) -> None:
    def refuse(bus: int, chip_select: int) -> None:
        raise error

    monkeypatch.setattr(spidev, "SpiDev", refuse)
    with pytest.raises(DriverError, match=words):
        open_leds(f"spi:{PORT}")
