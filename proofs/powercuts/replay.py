"""The disk as it would be if the power went at a position of the log.

What a flush had covered is there. Of the rest each write is there, not there, or there in part, sector by sector, each
by itself: that is also what a medium leaves that reorders what it caches, for of two writes to a sector the later one
counts if it is there. A forced write (FUA) is always there.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proofs.powercuts.log import Entry, WriteLog

_ALL_OR_NOTHING: Final = 0.1  # how often a cache is lost whole, and how often nothing of it is
_TORN: Final = 0.3  # of the writes that made it


@dataclass(frozen=True)
class Span:
    """Part of an entry that reached the medium: `sectors` of it, from its sector number `first` on."""

    entry: Entry
    first: int
    sectors: int


@dataclass(frozen=True)
class Cut:
    """A power cut: how many entries were done, and what of those that no flush had covered reached the medium."""

    position: int
    durable: int
    spans: tuple[Span, ...]
    whole: int
    torn: int
    lost: int


def draw(log: WriteLog, position: int, seed: int) -> Cut:
    """What a cut at `position` leaves, drawn by `seed` and the position alone.

    Raises:
        ValueError: the log is shorter.
    """
    if not 0 <= position <= len(log):
        raise ValueError(f"a cut at {position} of a log with {len(log)} entries")
    chance = random.Random(f"{seed}/{position}")  # noqa: S311 - to be repeatable
    durable = log.durable(position)
    mood = chance.random()
    kept = 0.0 if mood < _ALL_OR_NOTHING else 1.0 if mood > 1 - _ALL_OR_NOTHING else chance.random()
    torn_share = 0.0 if kept == 1.0 else _TORN
    spans: list[Span] = []
    whole = torn = lost = 0
    for entry in log.entries[durable:position]:
        if not entry.changes:
            continue
        if entry.forced:
            pieces = [(0, entry.sectors)]
        elif chance.random() >= kept:
            pieces = []
        elif entry.sectors > 1 and chance.random() < torn_share:
            pieces = list(_tear(entry.sectors, chance))
        else:
            pieces = [(0, entry.sectors)]
        spans += (Span(entry, first, sectors) for first, sectors in pieces)
        there = sum(sectors for _, sectors in pieces)
        whole += there == entry.sectors
        torn += 0 < there < entry.sectors
        lost += there == 0
    return Cut(position, durable, tuple(spans), whole, torn, lost)


def _tear(sectors: int, chance: random.Random) -> Iterator[tuple[int, int]]:
    """Some of a write's sectors, but not all: up to one, from one on, or any."""
    match chance.randrange(3):
        case 0:
            yield 0, chance.randrange(1, sectors)
        case 1:
            first = chance.randrange(1, sectors)
            yield first, sectors - first
        case _:
            missing = chance.randrange(sectors)
            for number in range(sectors):
                if number != missing and chance.random() < 0.5:
                    yield number, 1


class Disk:
    """A copy of the image that a log was begun on, brought forward through the log from cut to cut.

    `path` is changed. Cuts come in the order of their positions. Close it at the end.
    """

    def __init__(self, path: Path, log: WriteLog) -> None:
        self.path = path
        self._log = log
        self._applied = 0
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    @property
    def applied(self) -> int:
        """How many entries are on it for good."""
        return self._applied

    def forward(self, position: int) -> None:
        """Apply the log up to `position`.

        Raises:
            ValueError: that was passed already.
        """
        if position < self._applied:
            raise ValueError(f"the disk is at {self._applied} already, and does not go back to {position}")
        for entry in self._log.entries[self._applied : position]:
            if entry.changes:
                self._write(entry.sector * self._log.sector_bytes, self._log.data(entry))
        self._applied = position

    @contextmanager
    def after(self, cut: Cut) -> Iterator[Path]:
        """The disk as `cut` left it, for as long as the context lasts. Nobody else may write to it.

        Raises:
            ValueError: a later cut was asked for before.
        """
        self.forward(cut.durable)
        with self._with(_pieces(self._log, cut.spans)):
            yield self.path

    @contextmanager
    def played(self, log: WriteLog) -> Iterator[None]:
        """The disk with all of another log on it, for as long as the context lasts: what was written since a cut."""
        with self._with(_pieces(log, [Span(entry, 0, entry.sectors) for entry in log.entries if entry.changes])):
            yield

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    @contextmanager
    def _with(self, pieces: Iterable[tuple[int, bytes]]) -> Iterator[None]:
        before: list[tuple[int, bytes]] = []
        try:
            for at, data in pieces:
                before.append((at, os.pread(self._file, len(data), at)))
                self._write(at, data)
            yield
        finally:
            for at, data in reversed(before):
                self._write(at, data)

    def _write(self, at: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            done = os.pwrite(self._file, view, at)
            view, at = view[done:], at + done


def _pieces(log: WriteLog, spans: Sequence[Span]) -> Iterator[tuple[int, bytes]]:
    unit = log.sector_bytes
    for span in spans:
        data = log.data(span.entry)[span.first * unit : (span.first + span.sectors) * unit]
        yield (span.entry.sector + span.first) * unit, data
