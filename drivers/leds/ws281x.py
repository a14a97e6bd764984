"""A WS281x strip on a Pi 4 or older, by rpi_ws281x (PWM, PCM or SPI with DMA).

PWM and PCM need root, and PWM takes the analogue audio output: on a new kiosk prefer ``spi:``. A Pi 5 needs
it.
"""

from __future__ import annotations

import atexit
from typing import Any, Final

from drivers.address import DeviceAddress
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup
from drivers.leds.player import PatternPlayer, led_count
from drivers.leds.threaded import ThreadedStrip

# rpi_ws281x, ws2811.c: GPIOs of the 40-pin header and the channel each belongs to.
_CHANNELS: Final = {10: 0, 12: 0, 18: 0, 21: 0, 13: 1, 19: 1}


class Ws281xStrip:
    """A strip that rpi_ws281x has begun."""

    def __init__(self, gpio: int, count: int) -> None:
        try:
            import rpi_ws281x  # noqa: PLC0415 - only a Pi 4 or older has it
        except ImportError as error:
            raise DeviceSetup(
                "ws281x: the Python package rpi_ws281x is missing: pip install 'kiosk-edge[pi4]'; "
                "on a Pi 5 use spi: instead"
            ) from error
        self._count = count
        strip: Any = rpi_ws281x.PixelStrip(count, gpio, channel=_CHANNELS[gpio])
        try:
            strip.begin()
        except RuntimeError as error:
            # Its exit handler frees what was never set up and takes the interpreter down with it.
            atexit.unregister(strip._cleanup)
            raise DeviceAbsent(f"ws281x: no LED strip on GPIO{gpio}: {error}") from error
        self._strip = strip

    @property
    def count(self) -> int:
        """How many LEDs the strip has."""
        return self._count

    def show(self, pixels: bytes) -> None:
        """Send a frame.

        Raises:
            DeviceLost: the library failed to.
        """
        for led in range(self._count):
            self._strip.setPixelColor(led, int.from_bytes(pixels[3 * led : 3 * led + 3]))
        try:
            self._strip.show()
        except RuntimeError as error:
            raise DeviceLost(f"ws281x: the LED frame could not be sent: {error}") from error

    def close(self) -> None:
        """Nothing: rpi_ws281x lets go of DMA and GPIO when the program ends."""


def open_ws281x(address: DeviceAddress) -> PatternPlayer:
    """Open ``ws281x:18?count=24``: the number is a GPIO's.

    Raises:
        DeviceSetup: the address is wrong or rpi_ws281x is missing.
        DeviceAbsent: rpi_ws281x can't drive this machine's pins; the text has its own words.
    """
    address.only("count")
    if not address.path.isascii() or not address.path.isdigit() or int(address.path) not in _CHANNELS:
        known = ", ".join(str(gpio) for gpio in sorted(_CHANNELS))
        raise DeviceSetup(f"ws281x: {address.path!r} is not a GPIO that drives a strip; those are {known}")
    return PatternPlayer(ThreadedStrip(Ws281xStrip(int(address.path), led_count(address))))
