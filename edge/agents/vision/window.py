"""The last second of something, for judgements that one frame must not sway."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Window(Generic[T]):
    """Values of the last `span_s` seconds, and never fewer than the last `least` however slow the camera is.

    Times are seconds on one monotonic clock and don't go back.
    """

    def __init__(self, span_s: float, least: int = 3) -> None:
        self.span_s = span_s
        self.least = least
        self._values: deque[tuple[float, T]] = deque()

    def add(self, at_s: float, value: T) -> None:
        """Add the newest value and let go of what is too old."""
        self._values.append((at_s, value))
        while len(self._values) > self.least and self._values[0][0] <= at_s - self.span_s:
            self._values.popleft()

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()

    @property
    def full(self) -> bool:
        """Whether there are enough values to judge by."""
        return len(self._values) >= self.least

    @property
    def values(self) -> list[T]:
        """The values, oldest first."""
        return [value for _, value in self._values]
