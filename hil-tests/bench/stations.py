"""A peripheral on a bench that is set up here: the device for the kiosk, and what can be done to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
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


class Assembled:
    """A station of parts: `assemble` leaves to `_leaving` how each is taken down, last one first.

    So they are when it is closed, and when a part of it can't be set up.
    """

    def __init__(self) -> None:
        self._leaving = AsyncExitStack()

    async def open(self) -> Any:
        """See `Station`."""
        try:
            return await self.assemble()
        except BaseException:
            await self._leaving.aclose()
            raise

    async def assemble(self) -> Any:
        """Set the parts up; returns the driver's device."""
        raise NotImplementedError

    async def close(self) -> None:
        """See `Station`."""
        await self._leaving.aclose()
