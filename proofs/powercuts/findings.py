"""What the cuts and the boots showed: kept as it comes, and summed up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from proofs.powercuts.checks import Found


class CutFound(msgspec.Struct, frozen=True, kw_only=True):
    """One cut: how many of the writes that no flush had covered were there whole, torn, not at all; what was found."""

    position: int
    whole: int
    torn: int
    lost: int
    found: Found
    took_s: float


class BootFound(msgspec.Struct, frozen=True, kw_only=True):
    """One cut's disk, booted: why it did not serve ("" if it did), and what was found on it afterwards."""

    position: int
    not_served: str
    to_serving_s: float
    found: Found


S = TypeVar("S", CutFound, BootFound)


class Kept(Generic[S]):
    """What was found, a line of JSON each, so that a run that was stopped goes on where it was."""

    def __init__(self, path: Path, kind: type[S]) -> None:
        self._path = path
        self._decoder: msgspec.json.Decoder[S] = msgspec.json.Decoder(kind)
        if path.exists():  # a line that was cut off itself goes
            whole, end, _ = path.read_bytes().rpartition(b"\n")
            os.truncate(path, len(whole + end))

    def read(self) -> list[S]:
        """All that there is."""
        if not self._path.exists():
            return []
        return [self._decoder.decode(line) for line in self._path.read_bytes().splitlines()]

    def add(self, found: S) -> None:
        """Keep one more."""
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(found) + b"\n")


@dataclass(frozen=True)
class Sum:
    """All of a run."""

    cuts: Sequence[CutFound]
    boots: Sequence[BootFound]

    @property
    def found(self) -> list[Found]:
        """Of each disk, cut or booted."""
        return [cut.found for cut in self.cuts] + [boot.found for boot in self.boots]

    @property
    def not_served(self) -> list[BootFound]:
        """The boots that did not serve a customer."""
        return [each for each in self.boots if each.not_served]

    @property
    def wrong(self) -> list[str]:
        """Each disk that broke a promise, in words; empty when all held."""
        words = [f"cut {cut.position}: {'; '.join(cut.found.wrong)}" for cut in self.cuts if cut.found.wrong]
        for boot in self.boots:
            said = [boot.not_served] if boot.not_served else []
            if said or boot.found.wrong:
                words.append(f"boot of cut {boot.position}: {'; '.join([*said, *boot.found.wrong])}")
        return words

    def figures(self) -> dict[str, Any]:
        """The counts, JSON-ready."""
        found = self.found
        return {
            "cuts": len(self.cuts),
            "writes_at_risk": sum(cut.whole + cut.torn + cut.lost for cut in self.cuts),
            "writes_torn": sum(cut.torn for cut in self.cuts),
            "writes_lost": sum(cut.lost for cut in self.cuts),
            "events_due": sum(each.events_due for each in found),
            "events_lost": sum(each.events_lost for each in found),
            "cuts_that_lost_events": sum(each.events_lost > 0 for each in found),
            "orders_due": sum(each.orders_due for each in found),
            "orders_lost": sum(len(each.orders_lost) for each in found),
            "orders_charged_twice": sum(len(each.charged_twice) for each in found),
            "orders_in_doubt": sum(cut.found.in_doubt for cut in self.cuts),
            "books_wrong": sum(len(each.books_wrong) for each in found),
            "not_back": sum(len(each.not_back) for each in found),
            "slots_written": sum(len(each.slots_written) for each in found),
            "repaired": sum(bool(each.repaired) for each in found),
            "boots": len(self.boots),
            "boots_not_serving": len(self.not_served),
            "to_serving_s": sorted(boot.to_serving_s for boot in self.boots),
            "wrong": self.wrong,
        }

    def last_line(self) -> str:
        """The counts in a sentence."""
        figures = self.figures()
        return (
            f"{figures['cuts']} power cuts: {figures['events_lost']} of {figures['events_due']} acknowledged events "
            f"lost, {figures['not_back']} file systems or stores not back, "
            f"{figures['orders_lost']} of {figures['orders_due']} acknowledged orders lost, "
            f"{figures['orders_charged_twice']} charged twice, {figures['books_wrong']} books wrong; "
            f"{figures['boots']} booted: {figures['boots_not_serving']} don't serve"
        )
