"""How many good pictures a camera gives, by the clock."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final

from drivers.errors import DeviceTimeout
from drivers.states import READY, Condition, DeviceState

WINDOW_S: Final = 2.0
ENOUGH: Final = 0.5  # of the rate asked for: in the dark, cameras expose for longer and give fewer pictures


class Pulse:
    """One run's pictures of the last 2 s, noted by the reading thread and asked from any."""

    def __init__(self, label: str, fps: float) -> None:
        self._label = label
        self._fps = fps
        self._lock = threading.Lock()
        self._good_s: deque[float] = deque()
        self._broken_s: deque[float] = deque()
        self._began_s = time.monotonic()
        self._last_s: float | None = None

    def good(self, at_s: float) -> None:
        """A picture came."""
        with self._lock:
            self._good_s.append(at_s)
            self._last_s = at_s
            self._forget(at_s)

    def broken(self, at_s: float) -> None:
        """A picture came that can't be used."""
        with self._lock:
            self._broken_s.append(at_s)
            self._forget(at_s)

    def state(self) -> DeviceState:
        """Ready; degraded when no picture, or under half of those asked for, came of late."""
        now_s = time.monotonic()
        with self._lock:
            self._forget(now_s)
            good, broken, last_s = len(self._good_s), len(self._broken_s), self._last_s
        of_them = f"; {broken} came broken in the last {WINDOW_S:g} s" if broken else ""
        if last_s is None:
            reason = f"{self._label} was opened and has given no picture yet{of_them}"
            return DeviceState(Condition.DEGRADED, reason, DeviceTimeout.code)
        silent_s = now_s - last_s
        if silent_s > max(1.0, 3 / self._fps):
            reason = f"{self._label} has given no picture for {silent_s:.1f} s{of_them}"
            return DeviceState(Condition.DEGRADED, reason, DeviceTimeout.code)
        wanted = self._fps * WINDOW_S
        if now_s - self._began_s >= WINDOW_S and good < ENOUGH * wanted - 1:  # less one: where the window begins
            reason = f"{self._label} gives {good / WINDOW_S:g} pictures a second instead of {self._fps:g}{of_them}"
            return DeviceState(Condition.DEGRADED, reason)
        return READY

    def _forget(self, now_s: float) -> None:
        for times_s in (self._good_s, self._broken_s):
            while times_s and times_s[0] < now_s - WINDOW_S:
                times_s.popleft()
