"""Until when an ask is wanted: headers that survive a clock jump (decision 2)."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edge.contract.envelope import DEADLINE

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@cache
def boot_id() -> str:
    """This boot's id; "" where the system has none, and then only wall clocks can be compared."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def uptime_s() -> float:
    """Seconds since boot, the same in every process of the machine."""
    return time.clock_gettime(_CLOCK)


@dataclass(frozen=True)
class Deadline:
    """A moment: Unix time in ms and, for this machine's own boot, its uptime in ms."""

    unix_ms: int
    uptime_ms: int | None

    @classmethod
    def within(cls, timeout_s: float) -> Deadline:
        """`timeout_s` from now."""
        return cls(int((time.time() + timeout_s) * 1000), int((uptime_s() + timeout_s) * 1000))

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> Deadline | None:
        """The deadline that came with an ask; None where none was given. One that can't be read has passed."""
        text = headers.get(DEADLINE)
        if text is None:
            return None
        unix, _, since_boot = text.partition(" ")
        boot, _, uptime = since_boot.partition(":")
        try:
            return cls(int(unix), int(uptime) if boot and boot == boot_id() else None)
        except ValueError:
            return cls(0, None)

    def __str__(self) -> str:
        """As the header says it."""
        return f"{self.unix_ms} {boot_id()}:{self.uptime_ms}" if boot_id() else str(self.unix_ms)

    def left_s(self) -> float:
        """How long until then; negative when it has passed. Uptime counts, where both are this boot's."""
        if self.uptime_ms is not None:
            return self.uptime_ms / 1000 - uptime_s()
        return self.unix_ms / 1000 - time.time()


# The deadline of the durable ask that is being handled; None for a live one.
current_deadline: contextvars.ContextVar[Deadline | None] = contextvars.ContextVar("kiosk_deadline", default=None)


def time_left_s() -> float | None:
    """How long the asker of what is being handled still waits; None where it didn't say."""
    deadline = current_deadline.get()
    return None if deadline is None else deadline.left_s()
