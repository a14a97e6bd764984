"""A simulated cabinet: a lamp, and a door and a button whose contacts bounce."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final

from drivers.address import DeviceAddress
from drivers.errors import DeviceLost, DeviceTimeout
from drivers.gpio import Switch
from drivers.gpio.watched import WatchedPins

# Ganssle's worst ordinary switch (see watched.py), and about as many edges.
BOUNCE_S: Final = 0.006
BOUNCES: Final = 4


class SimulatedCabinet:
    """The wires of a cabinet, as a Port, and what a person does to them. Everything happens on one event loop.

    Each movement of a contact bounces: it flips to and fro up to `BOUNCES` times within `bounce_s` seconds, at
    moments that `seed` decides.
    """

    def __init__(self, *, bounce_s: float = BOUNCE_S, seed: int = 0) -> None:
        self._bounce_s = bounce_s
        self._random = random.Random(seed)  # noqa: S311 - bounces, no secrets
        self._position: dict[Switch, bool] = {"door": False, "button": False}
        self._contact: dict[Switch, bool] = {"door": False, "button": False}
        self._on_edge: Callable[[Switch], None] | None = None
        self._flips: dict[Switch, list[asyncio.TimerHandle]] = {"door": [], "button": []}
        self._lamp = False
        self._pulled = False
        self._lamp_news = asyncio.Event()

    def light(self, on: bool) -> None:
        """Switch the lamp.

        Raises:
            DeviceLost: the chip was pulled.
        """
        self._check()
        self._shine(on)

    def _shine(self, on: bool) -> None:
        self._lamp = on
        news, self._lamp_news = self._lamp_news, asyncio.Event()
        news.set()

    def read(self, switch: Switch) -> bool:
        """What the contact says at this moment, in the middle of a bounce too.

        Raises:
            DeviceLost: the chip was pulled.
        """
        self._check()
        return self._contact[switch]

    def listen(self, on_edge: Callable[[Switch], None]) -> None:
        """Tell of each edge."""
        self._check()
        self._on_edge = on_edge

    def restore(self) -> None:
        """Begin anew.

        Raises:
            DeviceLost: the chip was pulled.
        """
        self._check()
        self._on_edge = None
        self._shine(False)

    def close(self) -> None:
        """Stop telling."""
        self._on_edge = None

    def _check(self) -> None:
        if self._pulled:
            raise DeviceLost("the simulated GPIO chip was pulled")

    # Stage directions

    @property
    def lamp(self) -> bool:
        """Whether the status lamp shines."""
        return self._lamp

    async def wait_for_lamp(self, on: bool, timeout_s: float = 5.0) -> None:
        """Return once the lamp is `on`, or off.

        Raises:
            DeviceTimeout: it was not in time.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while self._lamp != on:
                    await self._lamp_news.wait()
        except TimeoutError as error:
            raise DeviceTimeout(f"the lamp is not {'on' if on else 'off'} within {timeout_s:g} s") from error

    def press_button(self) -> None:
        """Press the assistance button and keep it down."""
        self._move("button", True)

    def release_button(self) -> None:
        """Let go of the button."""
        self._move("button", False)

    def open_door(self) -> None:
        """Open the cabinet's door."""
        self._move("door", True)

    def close_door(self) -> None:
        """Close the door."""
        self._move("door", False)

    def touch(self, switch: Switch) -> None:
        """Knock on a contact, or induce a spike in its wire: it flips away and back, and nothing is moved."""
        self._flip(switch)
        self._flip(switch)

    def lose_edges(self) -> None:
        """Let the pins' interrupt fail from now on: contacts move and nobody is told."""
        self._on_edge = None

    def pull_chip(self) -> None:
        """Take the GPIO chip away: the lamp goes out, and what has the pins open is told nothing any more."""
        self._pulled = True
        self._on_edge = None
        self._shine(False)

    def put_chip_back(self) -> None:
        """Put it back: its pins are to be set up anew."""
        self._pulled = False

    def rattle(self, switch: Switch, every_s: float = 0.005) -> None:
        """Let a contact that is loose flip for ever, until it is next moved."""
        self._flip(switch)
        again = asyncio.get_running_loop().call_later(every_s, self.rattle, switch, every_s)
        self._flips[switch] = [again]

    def rest(self) -> None:
        """Let no contact move any more."""
        for flips in self._flips.values():
            for flip in flips:
                flip.cancel()

    def _move(self, switch: Switch, active: bool) -> None:
        for flip in self._flips[switch]:
            flip.cancel()
        if self._position[switch] == active and self._contact[switch] == active:
            return
        self._position[switch] = active
        self._set(switch, active)
        # An even number of flips ends where the movement went.
        count = 2 * self._random.randint(0, BOUNCES // 2)
        moments_s = sorted(self._random.uniform(0, self._bounce_s) for _ in range(count))
        loop = asyncio.get_running_loop()
        self._flips[switch] = [loop.call_later(moment_s, self._flip, switch) for moment_s in moments_s]

    def _flip(self, switch: Switch) -> None:
        self._set(switch, not self._contact[switch])

    def _set(self, switch: Switch, level: bool) -> None:
        if self._contact[switch] == level:
            return
        self._contact[switch] = level
        if self._on_edge is not None:
            self._on_edge(switch)


class SimulatedPins(WatchedPins):
    """Pins of a simulated cabinet; `cabinet` is the cabinet itself, with its stage directions."""

    def __init__(self, cabinet: SimulatedCabinet | None = None) -> None:
        self.cabinet = cabinet or SimulatedCabinet()
        super().__init__(self.cabinet)


def open_simulated(address: DeviceAddress) -> SimulatedPins:
    """Open ``simulated:``.

    Raises:
        DeviceSetup: an option is given; there is none.
    """
    address.only()
    return SimulatedPins()
