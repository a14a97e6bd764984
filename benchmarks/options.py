"""What a suite is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.rounds import Effort


@dataclass(frozen=True)
class Options:
    """How to measure. `ways` empty means all; `folder` is a place on a real disk, for stores and reports."""

    folder: Path
    effort: Effort
    loops: tuple[str, ...]
    processes: int = 1
    ways: tuple[str, ...] = ()
