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
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup, DriverError
from drivers.leds.claim import claim
from drivers.leds.guard import GuardedStrip
from drivers.leds.player import PatternPlayer, led_count
from drivers.leds.threaded import BlockingStrip, ThreadedStrip
from drivers.leds.ws2812 import SPI_RATE_HZ, encode, encoded_size

_PORT: Final = re.compile(r"/dev/spidev(\d+)\.(\d+)")
_BUFFER_SIZE: Final = Path("/sys/module/spidev/parameters/bufsiz")
_DEFAULT_BUFFER_SIZE: Final = 4096  # the kernel's
LONGEST_STRIP: Final = 1000  # a kiosk's outline at 144 LEDs a meter is 7 m; 30 ms on the wire


class SpiStrip:
    """A strip on a SPI port, which is opened again when it failed.

    Raises:
        DeviceSetup: the path is no port's, spidev is missing, or the kernel's buffer is too small.
        DeviceAbsent: there is no such port, no permission for it, or another program has it.
    """

    def __init__(self, path: str, count: int) -> None:
        self._path = path
        self._count = count
        self._port: Any = None
        self._fitting = count
        self._open()

    @property
    def count(self) -> int:
        """How many LEDs the strip has."""
        return self._count

    def show(self, pixels: bytes) -> None:
        """Send a frame, in one piece: a pause of 9 us ends it on some strips.

        Raises:
            DeviceLost: the port failed. That the strip is there nobody knows: a WS2812 never answers.
            DeviceAbsent: it failed before, and is not to be had again.
        """
        if self._port is None:
            self._open()
        try:
            # Beyond `count` an earlier setting of it may have left something lit.
            beyond, self._fitting = self._fitting - self._count, self._count
            self._port.writebytes2(encode(pixels + bytes(3 * beyond)))
        except OSError as error:
            self.close()  # a device that is back has another file behind the same name
            raise DeviceLost(f"{self._path}: the LED frame could not be sent: {error}") from error

    def close(self) -> None:
        """Close the port."""
        port, self._port = self._port, None
        if port is not None:
            port.close()

    def _open(self) -> None:
        port = _open_port(self._path)
        try:
            port.mode = 0
            port.max_speed_hz = SPI_RATE_HZ
            self._fitting = _fitting(self._count)
            claim(port.fileno(), self._path)
        except OSError as error:
            port.close()
            if isinstance(error, DriverError):
                raise
            raise DeviceAbsent(f"{self._path}: the port does not run at {SPI_RATE_HZ} Hz: {error}") from error
        except DeviceSetup:
            port.close()
            raise
        self._port = port


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


def _fitting(count: int) -> int:
    """How many LEDs one frame reaches: at least the strip's `count`."""
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
    return max(count, min(LONGEST_STRIP, count + (size - needed) // (encoded_size(1) - encoded_size(0))))


def open_spi(address: DeviceAddress, *, guarded: bool = True) -> PatternPlayer:
    """Open ``spi:/dev/spidev0.0?count=24``; `guarded`, a second process darkens it if this one is killed.

    Raises:
        DeviceSetup: the address is wrong, spidev is missing, or the kernel's buffer is too small.
        DeviceAbsent: there is no such port, no permission for it, or another program has it.
    """
    address.only("count")
    count = led_count(address)
    strip: BlockingStrip = SpiStrip(address.path, count)
    if guarded:
        strip = GuardedStrip(strip, f"spi:{address.path}?count={count}")
    return PatternPlayer(ThreadedStrip(strip))
