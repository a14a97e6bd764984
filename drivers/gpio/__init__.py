"""The cabinet's wires: status lamp, cabinet door, assistance button."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

from drivers.address import DeviceAddress
from drivers.errors import DeviceSetup
from drivers.states import DeviceState

Switch = Literal["door", "button"]
"""What closes a contact."""


@dataclass(frozen=True)
class PinChange:
    """A switch that came to rest in another position; `at_s` (the event loop's clock, monotonic) is when.

    `active` is the position that wants attention: the door is open, the button is pressed.
    """

    switch: Switch
    active: bool
    at_s: float


class Pins(Protocol):
    """The lamp that is switched and the switches that are watched."""

    async def set_lamp(self, on: bool) -> None:
        """Switch the status lamp.

        Raises:
            DriverError: the pin can't be driven.
        """

    def changes(self) -> AsyncIterator[PinChange]:
        """How door and button are now, then each change of them, debounced, for ever.

        Raises:
            DriverError: the pins can't be watched.
        """

    async def state(self) -> DeviceState:
        """How the pins are: they are read, nothing is moved. A contact that rattles or a button that is stuck degrade.

        Answers within 2 s and never raises.
        """

    async def close(self) -> None:
        """Put out the lamp and let go of the pins; running `changes()` end."""


def open_pins(url: str) -> Pins:
    """Open the pins at `url`.

    ``simulated:``, ``rpi:`` or ``rpi:?lamp=17&door=27&button=22`` (GPIO numbers, not places on the header).

    Raises:
        DeviceSetup: the address or its library can't be used.
        DeviceAbsent: this machine has no such pins.
    """
    address = DeviceAddress.parse(url)
    match address.scheme:
        case "simulated":
            from drivers.gpio.simulated import open_simulated

            return open_simulated(address)
        case "rpi":
            from drivers.gpio.rpi import open_rpi

            return open_rpi(address)
    raise DeviceSetup(f"no GPIO backend for {url!r}; known: simulated:, rpi:")
