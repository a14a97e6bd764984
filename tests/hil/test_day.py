"""The day in fast motion: a small one, and that its books and scales find what is wrong."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from day.books import balance
from day.plan import ACCIDENTS, ENDINGS, plan
from day.run import Findings, live
from day.vitals import Vitals, growth_kb, trend
from edge.models import Store


@pytest.mark.timeout(300)
async def test_a_small_day_leaves_nothing_behind(model_store: Store, tmp_path: Path) -> None:
    done: list[int] = []
    found = await live(15, 3, tmp_path, done.append)
    assert found.broken == []
    assert done == list(range(1, 16))
    assert sum(found.endings.values()) == 15
    assert found.books.paid
    assert sum(found.accidents.values()) >= 2


def test_a_day_is_the_same_for_the_same_seed_and_has_everything_in_it() -> None:
    assert plan(500, 1) == plan(500, 1) != plan(500, 2)
    assert {visit.ending for visit in plan(500, 1)} == set(ENDINGS)
    assert {visit.accident for visit in plan(500, 1)} == {*ACCIDENTS, None}


class Ledgers:
    """A kiosk's journal and ledger, written by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "payments").mkdir()
        self._run("journal.sqlite", "CREATE TABLE attempts (order_id, transaction_id, state)")
        self._run("sandbox-ledger.sqlite", "CREATE TABLE charges (key, transaction_id, refunded_at)")

    def attempt(self, order: str, transaction: str | None, state: str) -> None:
        self._run("journal.sqlite", "INSERT INTO attempts VALUES (?, ?, ?)", order, transaction, state)

    def charge(self, key: str, transaction: str | None, refunded_at: str | None = None) -> None:
        self._run("sandbox-ledger.sqlite", "INSERT INTO charges VALUES (?, ?, ?)", key, transaction, refunded_at)

    def _run(self, file: str, words: str, *values: str | None) -> None:
        with sqlite3.connect(self.folder / "payments" / file) as database:
            database.execute(words, values)
        database.close()


@pytest.fixture
def ledgers(tmp_path: Path) -> Ledgers:
    ledgers = Ledgers(tmp_path)
    ledgers.attempt("a", "txn-a", "captured")
    ledgers.charge("a/1", "txn-a")
    ledgers.attempt("b", None, "declined")
    ledgers.charge("b/1", None)
    ledgers.attempt("r", "txn-r", "refunded")
    ledgers.charge("r/1", "txn-r", "2026-11-23T12:00:00")
    return ledgers


PAPER = "Transaction\n txn-\na"  # a long number goes over two lines


def test_books_that_agree(ledgers: Ledgers) -> None:
    books = balance(ledgers.folder, [PAPER], {"a": "txn-a"})
    assert books.wrong == []
    assert (books.paid, books.declined) == ({"a": "txn-a"}, 1)


def test_each_disagreement_is_found(ledgers: Ledgers) -> None:
    def wrong(papers: list[str], promised: dict[str, str] | None = None) -> list[str]:
        return balance(ledgers.folder, papers, promised or {}).wrong

    assert wrong([]) == ["order a is paid and has 0 receipts"]
    assert wrong([PAPER, PAPER]) == ["order a is paid and has 2 receipts"]
    assert wrong([PAPER, "Transaction txn-z"]) == ["1 receipts belong to no paid order"]
    assert wrong([PAPER], {"b": "txn-b"}) == ["a customer was told that order b is paid, and it isn't"]
    ledgers.charge("a/2", "txn-a2")
    assert wrong([PAPER]) == ["order a is paid and was charged 2 times"]
    ledgers.charge("c/1", "txn-c")
    assert "order c was charged and isn't paid" in wrong([PAPER])
    ledgers.attempt("d", None, "authorising")
    assert "order d is still authorising" in wrong([PAPER])


STEADY = Vitals(
    customers=0,
    rss_mb=310.0,
    trimmed_mb=300.0,
    used_mb=200.0,
    python_blocks=900_000,
    descriptors=30,
    threads=8,
    tasks=200,
    server_rss_mb=20.0,
    server_descriptors=24,
)


def sample(customers: int, trimmed_mb: float = 300.0, **others: float) -> Vitals:
    return replace(STEADY, customers=customers, trimmed_mb=trimmed_mb, **others)  # type: ignore[arg-type]  # numbers all


def test_a_leak_is_found() -> None:
    steady = Findings(500, 1, [sample(n, 300 + n % 3) for n in range(0, 501, 5)])
    assert steady.broken == []
    native = Findings(500, 1, [sample(n, 300 + 0.02 * n, used_mb=200 + 0.02 * n) for n in range(0, 501, 5)])
    assert native.growth_kb == pytest.approx(20, rel=0.01)
    assert native.broken == ["20 KB of memory stay in use a customer, more than 10"]
    pythons = Findings(500, 1, [sample(n, python_blocks=900_000 + 300 * n) for n in range(0, 501, 5)])
    assert pythons.broken == ["30 KB of memory stay in use a customer, more than 10"]
    step = Findings(500, 1, [sample(n, 300 if n < 400 else 340) for n in range(0, 501, 5)])
    assert step.broken == ["memory grew from 300 to 340 MB when warm"]
    files = Findings(500, 1, [sample(n, descriptors=30 + n // 50) for n in range(0, 501, 5)])
    assert [each.split(":")[0] for each in files.broken] == ["descriptors"]
    threads = Findings(500, 1, [sample(n, threads=8 + n // 50) for n in range(0, 501, 5)])
    assert [each.split(":")[0] for each in threads.broken] == ["threads"]


def test_what_fills_before_the_day_is_warm_is_no_leak() -> None:
    fills = [min(n, 100) * 0.5 for n in range(0, 501, 5)]
    warming = Findings(500, 1, [sample(5 * n, 300 + more, used_mb=200 + more) for n, more in enumerate(fills)])
    assert warming.broken == []


def test_what_is_left_after_closing_time_is_named() -> None:
    found = Findings(5, 1, [sample(0), sample(5)])
    found.threads_left, found.tasks_left, found.descriptors_left = ["pcsc"], ["keep_alive"], 3
    assert found.broken == [
        "left after closing time: thread pcsc",
        "left after closing time: task keep_alive",
        "left after closing time: 3 file descriptors",
    ]


def test_slopes() -> None:
    assert growth_kb([sample(0)]) == 0.0
    assert growth_kb([sample(n, used_mb=200 if n < 3 else 260) for n in range(10)]) == 0.0  # one step is no leak
    assert trend([]) == trend([5]) == 0
    assert trend([3, 3, 9, 3, 3, 3]) == 0  # one outlier is no trend
    assert trend([3, 3, 3, 5, 5, 5]) == 2
