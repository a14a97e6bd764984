"""What is promised of search and suggestions, held where it doesn't depend on the machine's speed."""

from __future__ import annotations

from pathlib import Path

from benchmarks.ordering import diner
from benchmarks.ordering.large import menu
from benchmarks.ordering.latency import measure
from benchmarks.ordering.suite import LEAST_RECALL, quality


def test_the_labelled_list_is_what_it_says() -> None:
    queries = diner.queries()
    names = {dish.name for dish in diner.menu().dishes}
    assert len([query for query in queries if query.kind == "typo"]) == 150
    assert len({query.typed for query in queries}) == len(queries) == 198
    assert all(query.meant <= names for query in queries)


def test_recall_at_5_is_what_is_promised() -> None:
    recalls, missed = quality()
    for kind in ("typo", "all"):
        assert sum(recalls[kind]) / len(recalls[kind]) >= LEAST_RECALL, missed


def test_recall_counts_what_is_among_the_first_five() -> None:
    assert diner.recall(["a", "b", "c", "d", "e", "f"], frozenset("af")) == 0.5
    assert diner.recall([], frozenset("a")) == 0
    assert diner.recall(list("abcde"), frozenset("abcdefg")) == 1


def test_a_large_menu_holds_together() -> None:
    made = menu(2000)
    assert len({dish.id for dish in made.dishes}) == len({dish.name for dish in made.dishes}) == 2000
    assert made.dishes == menu(2000).dishes


async def test_latency_is_measured_through_the_bus(tmp_path: Path) -> None:
    found = await measure(tmp_path, calls=5, dishes=50, past_orders=20)
    assert [(each.what, each.calls) for each in found] == [("search", 5), ("suggest", 5)]
    assert all(0 < each.p50_ms <= each.p95_ms <= each.max_ms for each in found)
