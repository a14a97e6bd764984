"""The diner's menu and what its customers type: the labelled list that search is judged by."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from edge.agents.menu.catalogue import Menu
from edge.agents.menu.importing import read_csv

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Labelled:
    """A query of a `kind` (typo, words, ...), and the names of the dishes that were meant."""

    kind: str
    typed: str
    meant: frozenset[str]


def menu() -> Menu:
    """121 dishes with the shipped menu's ignored words and synonyms."""
    return read_csv((_FOLDER / "diner.csv").read_text(encoding="utf-8"), "diner.csv", "EUR", base=Menu.load())


def queries() -> list[Labelled]:
    """The list, as it was written down before the search was tuned."""
    with (_FOLDER / "queries.csv").open(encoding="utf-8", newline="") as file:
        return [Labelled(row["kind"], row["typed"], frozenset(row["meant"].split(";"))) for row in csv.DictReader(file)]


def recall(found: list[str], meant: frozenset[str], at: int = 5) -> float:
    """The part of what was meant that is among the first `at` found; 1 where all of it is that can be."""
    return len(meant & set(found[:at])) / min(at, len(meant))
