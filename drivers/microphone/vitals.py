"""What a microphone's sound tells of its health: silence, sound lost, a clock that runs wrong."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final

from drivers.errors import DeviceTimeout
from drivers.states import READY, Condition, DeviceState

QUIET_S: Final = 0.5  # no block for so long: they come every 25 ms
MUTED_S: Final = 10.0  # of nothing but zeros: a room is never so quiet, a converter's last bit always moves
LOST_S: Final = 2.0  # for so long after sound was lost the microphone counts as degraded
PACE_S: Final = 2.0  # over which the pace is measured: a block of 25 ms is 1 % of it
PACE_OFF: Final = 0.1  # a tenth: a recogniser hears voices shifted by more, and crystals are off by 0.0001


class Vitals:
    """One microphone's, through all its runs: noted by PortAudio's callback, asked from any thread."""

    def __init__(self, label: str, rate_hz: int) -> None:
        self._label = label
        self._rate_hz = rate_hz
        self._lock = threading.Lock()
        self.begin()
        self._heard_s = time.monotonic()
        self._lost_s: float | None = None
        self.renewed = False  # whether this silence was met with a fresh stream already

    def begin(self) -> None:
        """A stream begins: what was before says nothing of its pace."""
        with self._lock:
            self._block_s: float | None = None
            self._blocks: deque[tuple[float, int]] = deque()  # when each came, and its samples

    def heard(self, at_s: float, samples: int, *, silent: bool, lost: bool) -> bool:
        """Note a block; whether this is the moment at which the silence has lasted for too long."""
        with self._lock:
            self._block_s = at_s
            self._blocks.append((at_s, samples))
            while self._blocks[0][0] < at_s - PACE_S:
                self._blocks.popleft()
            if lost:
                self._lost_s = at_s
                self._blocks.clear()  # a gap is no pace
            if not silent:
                self._heard_s, self.renewed = at_s, False
            if at_s - self._heard_s > MUTED_S and not self.renewed:
                self.renewed = True
                return True
            return False

    def state(self) -> DeviceState:
        """Ready, or degraded and why."""
        now_s = time.monotonic()
        with self._lock:
            if self._block_s is None:
                reason = f"{self._label} was opened and has given no sound yet"
                return DeviceState(Condition.DEGRADED, reason, DeviceTimeout.code)
            if now_s - self._block_s > QUIET_S:
                reason = f"{self._label} has given no sound for {now_s - self._block_s:.1f} s"
                return DeviceState(Condition.DEGRADED, reason, DeviceTimeout.code)
            if now_s - self._heard_s > MUTED_S:
                reason = f"{self._label} has given nothing but zeros for {now_s - self._heard_s:.0f} s; is it muted?"
                return DeviceState(Condition.DEGRADED, reason)
            if self._lost_s is not None and now_s - self._lost_s < LOST_S:
                reason = f"{self._label}: sound was lost {now_s - self._lost_s:.1f} s ago, this computer was too busy"
                return DeviceState(Condition.DEGRADED, reason)
            pace_hz = self._pace_hz()
        if pace_hz is not None and abs(pace_hz / self._rate_hz - 1) > PACE_OFF:
            reason = f"{self._label} gives {pace_hz:.0f} samples a second instead of {self._rate_hz}"
            return DeviceState(Condition.DEGRADED, reason)
        return READY

    def _pace_hz(self) -> float | None:
        if len(self._blocks) < 2:
            return None
        lasted_s = self._blocks[-1][0] - self._blocks[0][0]
        if lasted_s < PACE_S * 0.75:
            return None
        return sum(samples for _, samples in list(self._blocks)[1:]) / lasted_s
