"""What the proof of the fleet calls broken."""

from __future__ import annotations

import json

import pytest

from edge.bus.hub import Stored
from proofs.fleet.findings import Arrived, Findings


def arrived(*events: tuple[str, int], under: str = "one") -> Arrived:
    found = Arrived()
    for whose, number in events:
        found.add(under, Stored("x", json.dumps({"payload": {"kiosk": whose, "number": number}}).encode(), 1, 0.0))
    return found


def broken(events: list[tuple[str, int]], said: int, lost: int = 0) -> list[str]:
    findings = Findings()
    findings.check("then", arrived(*events), {"one": said}, {"one": lost})
    return findings.broken


def test_all_of_them_once_in_order_is_not_broken() -> None:
    assert broken([("one", 1), ("one", 2), ("one", 3)], 3) == []
    assert broken([("one", 1), ("one", 4)], 4, lost=2) == []


@pytest.mark.parametrize(
    ("events", "said", "lost", "words"),
    [
        ([("one", 1), ("one", 3)], 3, 0, "1 more or fewer than 0 events are missing"),
        ([("one", 1), ("one", 2)], 2, 1, "1 more or fewer than 1 events are missing"),
        ([("one", 1), ("one", 2), ("one", 2)], 2, 0, "1 events are kept twice"),
        ([("one", 2), ("one", 1), ("one", 3)], 3, 0, "1 events are out of order"),
        ([("one", 1), ("two", 2), ("one", 2)], 2, 0, "1 events of others are kept as its own"),
        ([], 2, 0, "2 more or fewer than 0 events are missing"),
    ],
)
def test_what_is_wrong_is_broken(events: list[tuple[str, int]], said: int, lost: int, words: str) -> None:
    assert broken(events, said, lost) == [f"then, one: {words}"]
