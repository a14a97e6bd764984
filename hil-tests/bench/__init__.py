"""Benches: a whole kiosk, and how each of its peripherals is stimulated and observed there.

The tests beside this package are promises to a customer and never know which bench they run on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.deeds import Deed, Sight

BUILT_IN = ("mock", "wire", "wire+usb", "wire+serial", "qemu")

PATIENCE_S = 20.0  # for what takes well under 5 s on a machine with nothing else to do


@dataclass(frozen=True)
class Paper:
    """A receipt that came out: what is known of it. `png` is its picture, where the bench has eyes for it."""

    text: str
    png: bytes | None = None


@dataclass(frozen=True)
class Frame:
    """What the LEDs show from `at_s` (time.monotonic) on: a "#RRGGBB" each."""

    at_s: float
    colors: tuple[str, ...]

    @property
    def lit(self) -> bool:
        """Whether any of them shines."""
        return any(color != "#000000" for color in self.colors)


class Receipts(Protocol):
    """What comes out of the printer, from when the test began."""

    def begin(self) -> None:
        """A test begins: what lies there is nobody's."""

    async def next(self, words: Sequence[str], timeout_s: float) -> Paper:
        """The oldest receipt not yet looked at, waited for; `words` are what it should show.

        Raises:
            AssertionError: none came in time, or it doesn't show them.
        """

    async def count(self) -> int:
        """How many whole receipts came out since the test began."""


class Lights(Protocol):
    """The LED strip, seen from the lobby."""

    def begin(self) -> None:
        """A test begins."""

    async def until(self, lit: bool, timeout_s: float) -> None:
        """Return once it shines, or is dark.

        Raises:
            AssertionError: it isn't so in time.
        """

    def frames(self) -> Sequence[Frame]:
        """What it showed since the test began; empty where nobody can record it."""


class Button(Protocol):
    """The assistance button, as the driver feels it."""

    def begin(self) -> None:
        """A test begins."""

    async def next_press(self, timeout_s: float) -> float:
        """When the next press was felt (the event loop's clock).

        Raises:
            AssertionError: none in time.
        """

    async def presses(self) -> int:
        """How many presses were felt since the test began."""


@dataclass(frozen=True)
class Bus:
    """Where the kiosk's bus is, and the key to sign in with where it wants one."""

    url: str
    key_file: Path | None = None


class Bench(Protocol):
    """One bench. `devices` says how each peripheral is reached, `image` what software the kiosk runs.

    `patience_s` is how long what should happen is waited for.
    """

    name: str
    image: str
    patience_s: float
    bus: Bus
    devices: dict[str, str]
    receipts: Receipts
    lights: Lights
    button: Button

    def missing(self, what: Deed | Sight) -> str | None:
        """Why `what` can't be done or seen here; None where it can."""

    async def open(self) -> None:
        """Set up: the kiosk runs when this returns.

        Raises:
            BenchUnusable: it can't be set up; the text says why.
        """

    async def do(self, deed: Deed, what: str = "") -> None:
        """Do something to the kiosk; return when it is done. `what` is a card, a scene or a sentence.

        Raises:
            BenchUnusable: it could not be done.
        """

    async def close(self) -> None:
        """Take everything down."""


class BenchUnusable(Exception):
    """The bench itself fails, so nothing can be said of the kiosk; the text says why."""
