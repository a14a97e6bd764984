"""Keeping time for pictures that no sensor paces."""

from __future__ import annotations

import time


class Pace:
    """Turns at a steady rate by time.monotonic. A late turn is taken at once, a missed one is left out."""

    def __init__(self, per_s: float) -> None:
        self._period_s = 1 / per_s
        self._due_s: float | None = None

    def wait_s(self) -> float:
        """How long until the next turn is due: 0 if it is."""
        now_s = time.monotonic()
        if self._due_s is None:
            self._due_s = now_s
        return max(0.0, self._due_s - now_s)

    def taken(self) -> None:
        """The turn was taken: the next is due a period after this one was, past turns left out."""
        if self._due_s is None:
            self._due_s = time.monotonic()
        self._due_s += self._period_s
        missed = (time.monotonic() - self._due_s) // self._period_s
        if missed > 0:
            self._due_s += missed * self._period_s
