"""What is remembered of a run: for each promise what was done, said, printed and shown, and when."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Literal

from bench import Frame, Paper

Lane = Literal["person", "bus", "paper"]
Outcome = Literal["kept", "broken", "skipped"]


@dataclass(frozen=True)
class Moment:
    """Something that happened, `at_s` after the test began."""

    at_s: float
    lane: Lane
    text: str
    detail: str = ""


@dataclass
class Record:
    """One test's."""

    file: str
    promise: str
    case: str
    began_s: float = field(default_factory=time.monotonic)
    took_s: float = 0.0
    outcome: Outcome = "broken"
    reason: str = ""
    moments: list[Moment] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)

    def note(self, lane: Lane, text: str, detail: str = "", at_s: float | None = None) -> None:
        """Remember a moment: now, or at `at_s` by time.monotonic."""
        at_s = time.monotonic() if at_s is None else at_s
        self.moments.append(Moment(at_s - self.began_s, lane, text, detail))


@dataclass
class Run:
    """All of a run, with what it ran on."""

    bench: str
    facts: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    took_s: float = 0.0
