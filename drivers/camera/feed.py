"""The newest frame, from one reading thread to any number of readers on event loops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import numpy as np
from numpy.typing import NDArray

from drivers.camera import Frame
from drivers.errors import DriverError


class FrameFeed:
    """One run of a camera, from its opening to its loss or closing. Only the newest frame is kept."""

    def __init__(self, first_sequence: int = 0) -> None:
        self._lock = threading.Lock()
        self._newest: Frame | None = None
        self._error: DriverError | None = None
        self._ended = False
        self._readers: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self.next_sequence = first_sequence

    @property
    def running(self) -> bool:
        """Whether frames may still come."""
        return self._error is None and not self._ended

    # From any thread

    def put(self, image: NDArray[np.uint8], captured_at_s: float) -> None:
        """Give the readers a new frame; one that they have not yet taken is dropped."""
        with self._lock:
            self._newest = Frame(image, captured_at_s, self.next_sequence)
            self.next_sequence += 1
            self._wake()

    def fail(self, error: DriverError) -> None:
        """End the run: every reader gets `error`. What comes after the first end is ignored."""
        with self._lock:
            if self.running:
                self._error = error
                self._wake()

    def end(self) -> None:
        """End the run: every reader is done."""
        with self._lock:
            if self.running:
                self._ended = True
                self._wake()

    # On an event loop

    async def frames(self, stalled_s: float) -> AsyncIterator[Frame]:
        """Frames as they come; between two that this reader takes, older ones are left out.

        Raises:
            DriverError: the run failed.
            TimeoutError: nothing came for `stalled_s`.
        """
        news = asyncio.Event()
        with self._lock:
            self._readers[news] = asyncio.get_running_loop()
        seen = -1
        try:
            while True:
                news.clear()  # before looking, so that what comes after the look is noticed
                frame = self._newest
                if self._error is not None:
                    # One error, several readers: each gets its own, with its own traceback.
                    raise type(self._error)(*self._error.args) from self._error.__cause__
                if self._ended:
                    return
                if frame is not None and frame.sequence > seen:
                    seen = frame.sequence
                    yield frame
                    continue
                async with asyncio.timeout(stalled_s):
                    await news.wait()
        finally:
            with self._lock:
                self._readers.pop(news, None)

    def _wake(self) -> None:
        for news, loop in list(self._readers.items()):
            try:
                loop.call_soon_threadsafe(news.set)
            except RuntimeError:  # the reader's loop was closed under it
                del self._readers[news]
