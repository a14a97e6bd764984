"""A peripheral on a bench that is set up here: the device for the kiosk, and what can be done to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from bench.deeds import Deed

Doing = Callable[[str], Awaitable[object] | None]


class Station(Protocol):
    """One peripheral. `how` says how the kiosk reaches it, `lacks` why a deed can't be done to it here."""

    how: str
    lacks: Mapping[Deed, str]

    async def open(self) -> Any:
        """Set it up; returns the driver's device for the kiosk.

        Raises:
            BenchUnusable: this machine can't; the text says why.
        """

    def doings(self) -> Mapping[Deed, Doing]:
        """What can be done to it, once it is open."""

    async def close(self) -> None:
        """Take it down, after the kiosk let go of it."""
