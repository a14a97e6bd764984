"""The LED strip that tells a customer from across the room what the kiosk is doing."""

from __future__ import annotations

from typing import Literal, Protocol

from drivers.address import DeviceAddress
from drivers.errors import DeviceSetup
from drivers.states import DeviceState

Pattern = Literal["solid", "pulse", "error", "progress", "idle"]
"""What a strip can say: "progress" fills up over its duration, and without one a light runs round; "idle" glows faintly
and slowly, for a kiosk that waits for somebody."""


class Leds(Protocol):
    """A strip of RGB LEDs that plays one pattern at a time."""

    @property
    def count(self) -> int:
        """How many LEDs the strip has."""

    async def play(self, pattern: Pattern, color: str, duration_ms: int | None = None) -> None:
        """Start `pattern` in `color` ("#RRGGBB"), in place of what is playing; return once it shows.

        After `duration_ms` the strip goes dark by itself; None plays until something replaces it.

        Raises:
            ValueError: the color is not "#RRGGBB" or the duration is not positive.
            DriverError: the strip can't be driven.
        """

    async def off(self) -> None:
        """Go dark now."""

    async def state(self) -> DeviceState:
        """How the strip is, as far as can be known: a WS2812 never answers, its port does.

        Answers within 2 s and never raises. A strip at rest is asked by telling it again to be dark.
        """

    async def close(self) -> None:
        """Go dark and let go of the device."""


def open_leds(url: str, *, guarded: bool = True) -> Leds:
    """Open the strip at `url`; `guarded`, a second process darkens it if this one is killed.

    ``simulated:?count=24``, ``spi:/dev/spidev0.0?count=24``, ``ws281x:18?count=24`` (a GPIO number).

    Raises:
        DeviceSetup: the address or its library can't be used.
        DeviceAbsent: nothing is there.
    """
    address = DeviceAddress.parse(url)
    match address.scheme:
        case "simulated":
            from drivers.leds.simulated import open_simulated

            return open_simulated(address)
        case "spi":
            from drivers.leds.spi import open_spi

            return open_spi(address, guarded=guarded)
        case "ws281x":
            from drivers.leds.ws281x import open_ws281x

            return open_ws281x(address, guarded=guarded)
    raise DeviceSetup(f"no LED strip backend for {url!r}; known: simulated:, spi:, ws281x:")
