"""Sound in even chunks, from a microphone's callback or task to any number of readers on event loops."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drivers.errors import DriverError
from drivers.microphone import CHUNK_SAMPLES, RATE_HZ, Chunk

_log = logging.getLogger(__name__)

_KEPT_CHUNKS = 10 * RATE_HZ // CHUNK_SAMPLES  # 10 s: a reader that is later than that has no use for the oldest


@dataclass(eq=False)
class _Reader:
    loop: asyncio.AbstractEventLoop
    news: asyncio.Event = field(default_factory=asyncio.Event)
    chunks: deque[Chunk] = field(default_factory=deque)
    late: bool = False


class SoundFeed:
    """One run of a microphone, from its opening to its loss or closing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rest = np.empty(0, np.int16)  # what doesn't fill a chunk yet
        self._error: DriverError | None = None
        self._ended = False
        self._readers: set[_Reader] = set()

    @property
    def running(self) -> bool:
        """Whether sound may still come."""
        return self._error is None and not self._ended

    # From any thread

    def put(self, samples: NDArray[np.int16], captured_at_s: float) -> None:
        """Give the readers more 16 kHz mono samples, any number; the last was heard at `captured_at_s`.

        The samples are copied: a callback may have its block back.
        """
        with self._lock:
            if not self.running:
                return
            self._rest = np.concatenate((self._rest, samples))
            while self._rest.size >= CHUNK_SAMPLES:
                heard, self._rest = self._rest[:CHUNK_SAMPLES], self._rest[CHUNK_SAMPLES:]
                self._give(Chunk(heard, captured_at_s - self._rest.size / RATE_HZ))

    def fail(self, error: DriverError) -> None:
        """End the run: every reader gets what was heard and then `error`. A second end is ignored."""
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

    async def chunks(self, stalled_s: float) -> AsyncIterator[Chunk]:
        """Chunks from now on, gapless. A reader more than 10 s late loses the oldest; the log tells.

        Raises:
            DriverError: the run failed.
            TimeoutError: nothing came for `stalled_s`.
        """
        reader = _Reader(asyncio.get_running_loop())
        with self._lock:
            self._readers.add(reader)
        try:
            while True:
                reader.news.clear()  # before looking, so that what comes after the look is noticed
                if self._ended:
                    return
                if reader.chunks:
                    reader.late = False
                    yield reader.chunks.popleft()
                elif self._error is not None:
                    # One error, several readers: each gets its own, with its own traceback.
                    raise type(self._error)(*self._error.args) from self._error.__cause__
                else:
                    async with asyncio.timeout(stalled_s):
                        await reader.news.wait()
        finally:
            with self._lock:
                self._readers.discard(reader)

    def _give(self, chunk: Chunk) -> None:
        for reader in self._readers:
            if len(reader.chunks) == _KEPT_CHUNKS:
                reader.chunks.popleft()
                if not reader.late:
                    _log.warning("sound was left out: its reader is 10 s late")
                reader.late = True
            reader.chunks.append(chunk)
        self._wake()

    def _wake(self) -> None:
        for reader in list(self._readers):
            try:
                reader.loop.call_soon_threadsafe(reader.news.set)
            except RuntimeError:  # the reader's loop was closed under it
                self._readers.discard(reader)
