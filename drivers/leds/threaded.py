"""A strip whose library blocks, driven from one thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol

from drivers.errors import DeviceTimeout

# A frame of 300 LEDs is on the wire for 9 ms; whoever needs a second for it is stuck.
SHOW_TIMEOUT_S: Final = 1.0


class BlockingStrip(Protocol):
    """A strip as its library drives it."""

    @property
    def count(self) -> int:
        """How many LEDs the strip has."""

    def show(self, pixels: bytes) -> None:
        """Send `count` x 3 bytes of red, green, blue.

        Raises:
            DriverError: they could not be sent.
        """

    def close(self) -> None:
        """Let go of the device."""


class ThreadedStrip:
    """A `player.Strip` that keeps a blocking one off the event loop, one call at a time."""

    def __init__(self, strip: BlockingStrip) -> None:
        self._strip = strip
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="leds")
        self._last: Future[None] | None = None

    @property
    def count(self) -> int:
        """How many LEDs the strip has."""
        return self._strip.count

    async def show(self, pixels: bytes) -> None:
        """Send a frame.

        Raises:
            DriverError: it could not be sent; DeviceTimeout when the library doesn't come back.
        """
        await self._call(lambda: self._strip.show(pixels))

    async def close(self) -> None:
        """Let go of the device, unless its library is stuck with it.

        Raises:
            DeviceTimeout: it is.
        """
        try:
            await self._call(self._strip.close)
        finally:
            self._thread.shutdown(wait=False)

    async def _call(self, function: Callable[[], None]) -> None:
        if self._last is not None and not await _done(self._last):
            raise DeviceTimeout("the LED strip's library is stuck with an earlier frame")
        self._last = self._thread.submit(function)
        if not await _done(self._last):
            raise DeviceTimeout(f"the LED strip took no frame within {SHOW_TIMEOUT_S:g} s")
        self._last.result()


async def _done(future: Future[None]) -> bool:
    """Whether the thread's work ends in time. It goes on either way: a thread can't be stopped."""
    if not future.done():
        finished = asyncio.Event()
        loop = asyncio.get_running_loop()

        def tell(_: Future[None]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
                loop.call_soon_threadsafe(finished.set)

        future.add_done_callback(tell)
        try:
            async with asyncio.timeout(SHOW_TIMEOUT_S):
                await finished.wait()
        except TimeoutError:
            return False
    return True
