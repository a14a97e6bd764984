"""How long to leave a device alone before it is opened again."""

from __future__ import annotations

import time
from typing import Final

# At once after a first loss, as a cable's bad contact is over in no time; then less and less often, so that a device
# that fails at every opening isn't worn out (libcamera runs out of memory), and a cable put back is noticed within 5 s.
WAITS_S: Final = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
STEADY_S: Final = 10.0  # a run of so long was a good one: the waits begin anew


class BackOff:
    """Counts the failures in a row, of opening a device and of runs that were over soon."""

    def __init__(self, waits_s: tuple[float, ...] = WAITS_S, steady_s: float = STEADY_S) -> None:
        self._waits_s = waits_s
        self._steady_s = steady_s
        self._failures = 0
        self._began_s: float | None = None
        self._due_s = 0.0

    def began(self) -> None:
        """The device was opened."""
        self._began_s = time.monotonic()

    def failed(self) -> None:
        """It could not be opened, or was lost."""
        now_s = time.monotonic()
        if self._began_s is not None and now_s - self._began_s >= self._steady_s:
            self._failures = 0
        self._began_s = None
        self._due_s = now_s + self._waits_s[min(self._failures, len(self._waits_s) - 1)]
        self._failures += 1

    @property
    def wait_s(self) -> float:
        """How long it is still to be left alone; 0 when it may be opened."""
        return max(0.0, self._due_s - time.monotonic())
