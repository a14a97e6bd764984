"""Sound in even chunks, from a microphone's callback or task to any number of readers on event loops."""

from __future__ import annotations

import logging
import threading

import numpy as np
from numpy.typing import NDArray

from drivers.feed import Feed
from drivers.microphone import CHUNK_SAMPLES, RATE_HZ, Chunk

_log = logging.getLogger(__name__)

_KEPT_CHUNKS = 10 * RATE_HZ // CHUNK_SAMPLES  # 10 s: a reader that is later than that has no use for the oldest


class SoundFeed(Feed[Chunk]):
    """One run of a microphone, from its opening to its loss or closing."""

    def __init__(self) -> None:
        super().__init__(_KEPT_CHUNKS, lambda: _log.warning("sound was left out: its reader is 10 s late"))
        self._cutting = threading.Lock()
        self._rest = np.empty(0, np.int16)  # what doesn't fill a chunk yet

    def hear(self, samples: NDArray[np.int16], captured_at_s: float) -> None:
        """Give the readers more 16 kHz mono samples, any number; the last was heard at `captured_at_s`.

        The samples are copied: a callback may have its block back.
        """
        with self._cutting:
            self._rest = np.concatenate((self._rest, samples))
            while self._rest.size >= CHUNK_SAMPLES:
                heard, self._rest = self._rest[:CHUNK_SAMPLES], self._rest[CHUNK_SAMPLES:]
                self.put(Chunk(heard, captured_at_s - self._rest.size / RATE_HZ))
