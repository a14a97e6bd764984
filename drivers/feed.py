"""From one device's thread or callback to any number of readers on event loops."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from drivers.errors import DriverError

T = TypeVar("T")


@dataclass(eq=False)
class _Reader(Generic[T]):
    loop: asyncio.AbstractEventLoop
    items: deque[T]
    news: asyncio.Event = field(default_factory=asyncio.Event)
    late: bool = False


class Feed(Generic[T]):
    """One run of a device, from its opening to its loss or closing.

    A reader that is more than `kept` items late loses the oldest; `left_out` is called when that begins.
    """

    def __init__(self, kept: int, left_out: Callable[[], None] | None = None) -> None:
        self._kept = kept
        self._left_out = left_out
        self._lock = threading.Lock()
        self._ended = False
        self._readers: set[_Reader[T]] = set()
        self.error: DriverError | None = None
        self.put_at_s = time.monotonic()  # when the last item came, or the run began

    @property
    def running(self) -> bool:
        """Whether items may still come."""
        return self.error is None and not self._ended

    # From any thread

    def put(self, item: T) -> None:
        """Give every reader a new item; after the end nothing is given."""
        with self._lock:
            if not self.running:
                return
            self.put_at_s = time.monotonic()
            for reader in self._readers:
                if len(reader.items) == self._kept:
                    if self._left_out is not None and not reader.late:
                        self._left_out()
                    reader.items.popleft()
                    reader.late = True
                reader.items.append(item)
            self._wake()

    def fail(self, error: DriverError) -> None:
        """End the run: every reader gets what came before, and then `error`. A second end is ignored."""
        with self._lock:
            if self.running:
                self.error = error
                self._wake()

    def end(self) -> None:
        """End the run: every reader is done."""
        with self._lock:
            if self.running:
                self._ended = True
                self._wake()

    # On an event loop

    async def items(self, stalled_s: float) -> AsyncIterator[T]:
        """Items from now on, as they come.

        Raises:
            DriverError: the run failed.
            TimeoutError: nothing came for `stalled_s`.
        """
        reader = _Reader[T](asyncio.get_running_loop(), deque())
        with self._lock:
            self._readers.add(reader)
        try:
            while True:
                reader.news.clear()  # before looking, so that what comes after the look is noticed
                if self._ended:
                    return
                if reader.items:
                    reader.late = False
                    yield reader.items.popleft()
                elif self.error is not None:
                    # One error, several readers: each gets its own, with its own traceback.
                    raise type(self.error)(*self.error.args) from self.error.__cause__
                else:
                    async with asyncio.timeout(stalled_s):
                        await reader.news.wait()
        finally:
            with self._lock:
                self._readers.discard(reader)

    def _wake(self) -> None:
        for reader in list(self._readers):
            try:
                reader.loop.call_soon_threadsafe(reader.news.set)
            except RuntimeError:  # the reader's loop was closed under it
                self._readers.discard(reader)
