"""A WS2812 strip on a SPI port: any Raspberry Pi, a Pi 5 too, without root.

The strip's data wire goes to MOSI (GPIO10).

What a Pi needs, in /boot/firmware/config.txt: ``dtparam=spi=on``, and on a Pi 4 or older also
``core_freq=500`` and ``core_freq_min=500`` (250 on a Pi 3), because there the SPI clock follows the core's.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from drivers.address import DeviceAddress
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup
from drivers.leds.player import PatternPlayer, led_count
from drivers.leds.threaded import ThreadedStrip
from drivers.leds.ws2812 import SPI_RATE_HZ, encode, encoded_size

_PORT: Final = re.compile(r"/dev/spidev(\d+)\.(\d+)")
_BUFFER_SIZE: Final = Path("/sys/module/spidev/parameters/bufsiz")
_DEFAULT_BUFFER_SIZE: Final = 4096  # the kernel's


class SpiStrip:
    """A strip on an open SPI port."""

    def __init__(self, path: str, count: int) -> None:
        self._path = path
        self._count = count
        self._port = _open_port(path)
        try:
            self._port.mode = 0
            self._port.max_speed_hz = SPI_RATE_HZ
            _check_buffer(count)
        except OSError as error:
            self._port.close()
            raise DeviceAbsent(f"{path}: the port does not run at {SPI_RATE_HZ} Hz: {error}") from error
        except DeviceSetup:
            self._port.close()
            raise

    @property
    def count(self) -> int:
        """How many LEDs the strip has."""
        return self._count

    def show(self, pixels: bytes) -> None:
        """Send a frame, in one piece: a pause of 9 us ends it on some strips.

        Raises:
            DeviceLost: the port failed. That the strip is there nobody knows: a WS2812 never answers.
        """
        try:
            self._port.writebytes2(encode(pixels))
        except OSError as error:
            raise DeviceLost(f"{self._path}: the LED frame could not be sent: {error}") from error

    def close(self) -> None:
        """Close the port."""
        self._port.close()


def _open_port(path: str) -> Any:
    match = _PORT.fullmatch(path)
    if match is None:
        raise DeviceSetup(f"spi: {path!r} is no SPI port; for example spi:/dev/spidev0.0?count=24")
    try:
        import spidev  # noqa: PLC0415 - only a machine with LEDs on SPI has it
    except ImportError as error:
        raise DeviceSetup("spi: the Python package spidev is missing: pip install 'kiosk-edge[leds]'") from error
    bus, chip_select = (int(number) for number in match.groups())
    try:
        return spidev.SpiDev(bus, chip_select)
    except FileNotFoundError as error:
        raise DeviceAbsent(
            f"no SPI port {path}: put dtparam=spi=on into /boot/firmware/config.txt and restart"
        ) from error
    except PermissionError as error:
        raise DeviceAbsent(f"no permission for {path}: add this user to the group spi") from error
    except OSError as error:
        raise DeviceAbsent(f"{path} does not open: {error}") from error


def _check_buffer(count: int) -> None:
    try:
        size = int(_BUFFER_SIZE.read_text())
    except (OSError, ValueError):
        size = _DEFAULT_BUFFER_SIZE
    needed = encoded_size(count)
    if needed > size:
        raise DeviceSetup(
            f"spi: {count} LEDs take {needed} bytes at once and the kernel's SPI buffer has {size}: "
            "put spidev.bufsiz=32768 into /boot/firmware/cmdline.txt and restart"
        )


def open_spi(address: DeviceAddress) -> PatternPlayer:
    """Open ``spi:/dev/spidev0.0?count=24``.

    Raises:
        DeviceSetup: the address is wrong, spidev is missing, or the kernel's buffer is too small.
        DeviceAbsent: there is no such port, or no permission for it.
    """
    address.only("count")
    return PatternPlayer(ThreadedStrip(SpiStrip(address.path, led_count(address))))
