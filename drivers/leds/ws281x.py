"""A WS281x strip on a Pi 4 or older, by rpi_ws281x (PWM, PCM or SPI with DMA).

PWM and PCM need root, and PWM takes the analogue audio output: on a new kiosk prefer ``spi:``. A Pi 5 needs
it.
"""

from __future__ import annotations

import atexit
import os
from typing import Any, Final

from drivers.address import DeviceAddress
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup
from drivers.leds.claim import claim
from drivers.leds.guard import GuardedStrip
from drivers.leds.player import PatternPlayer, led_count
from drivers.leds.threaded import BlockingStrip, ThreadedStrip

# rpi_ws281x, ws2811.c: GPIOs of the 40-pin header and the channel each belongs to.
_CHANNELS: Final = {10: 0, 12: 0, 18: 0, 21: 0, 13: 1, 19: 1}
_SPI_GPIO: Final = 10
_SPI_PORT: Final = "/dev/spidev0.0"  # the library knows no other
_MAILBOX: Final = "/dev/vcio"  # what PWM and PCM get their memory by


class Ws281xStrip:
    """A strip that rpi_ws281x has begun; begun again when it failed.

    Raises:
        DeviceSetup: rpi_ws281x is missing.
        DeviceAbsent: it can't drive this machine's pins, or another program drives them.
    """

    def __init__(self, gpio: int, count: int) -> None:
        try:
            import rpi_ws281x  # noqa: PLC0415 - only a Pi 4 or older has it
        except ImportError as error:
            raise DeviceSetup(
                "ws281x: the Python package rpi_ws281x is missing: pip install 'kiosk-edge[pi4]'; "
                "on a Pi 5 use spi: instead"
            ) from error
        self._library: Any = rpi_ws281x
        self._gpio = gpio
        self._count = count
        self._claimed = -1
        self._strip: Any = None
        self._begin()

    @property
    def count(self) -> int:
        """How many LEDs the strip has."""
        return self._count

    def show(self, pixels: bytes) -> None:
        """Send a frame.

        Raises:
            DeviceLost: the library failed to.
            DeviceAbsent: it failed before, and does not begin again.
        """
        if self._strip is None:
            self._begin()
        for led in range(self._count):
            self._strip.setPixelColor(led, int.from_bytes(pixels[3 * led : 3 * led + 3]))
        try:
            self._strip.show()
        except RuntimeError as error:
            self.close()
            raise DeviceLost(f"ws281x: the LED frame could not be sent: {error}") from error

    def close(self) -> None:
        """Let go of DMA and pins."""
        strip, self._strip = self._strip, None
        if strip is not None:
            atexit.unregister(strip._cleanup)
            strip._cleanup()
        if self._claimed >= 0:
            os.close(self._claimed)
            self._claimed = -1

    def _begin(self) -> None:
        self._claim()
        strip = self._library.PixelStrip(self._count, self._gpio, channel=_CHANNELS[self._gpio])
        try:
            strip.begin()
        except RuntimeError as error:
            # Its exit handler frees what was never set up and takes the interpreter down with it.
            atexit.unregister(strip._cleanup)
            self.close()
            raise DeviceAbsent(f"ws281x: no LED strip on GPIO{self._gpio}: {error}") from error
        self._strip = strip

    def _claim(self) -> None:
        device = _SPI_PORT if self._gpio == _SPI_GPIO else _MAILBOX
        try:
            self._claimed = os.open(device, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            if self._gpio == _SPI_GPIO:
                # Not to be left to the library: what it takes for a beginning that fails it never gives back.
                raise DeviceAbsent(
                    f"ws281x: {_SPI_PORT} does not open: {error}; it needs dtparam=spi=on in "
                    "/boot/firmware/config.txt and the group spi"
                ) from error
            return  # the library says what it lacks
        try:
            claim(self._claimed, f"ws281x:{self._gpio}")
        except DeviceAbsent:
            self.close()
            raise


def open_ws281x(address: DeviceAddress, *, guarded: bool = True) -> PatternPlayer:
    """Open ``ws281x:18?count=24``, where the number is a GPIO's.

    `guarded`, a second process darkens the strip if this one is killed.

    Raises:
        DeviceSetup: the address is wrong or rpi_ws281x is missing.
        DeviceAbsent: rpi_ws281x can't drive this machine's pins; the text has its own words.
    """
    address.only("count")
    if not address.path.isascii() or not address.path.isdigit() or int(address.path) not in _CHANNELS:
        known = ", ".join(str(gpio) for gpio in sorted(_CHANNELS))
        raise DeviceSetup(f"ws281x: {address.path!r} is not a GPIO that drives a strip; those are {known}")
    count = led_count(address)
    strip: BlockingStrip = Ws281xStrip(int(address.path), count)
    if guarded:
        strip = GuardedStrip(strip, f"ws281x:{address.path}?count={count}")
    return PatternPlayer(ThreadedStrip(strip))
