from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from proofs.powercuts.books import check_books

Attempt = tuple[str, str, str, str | None]  # key, order, state, transaction
Charge = tuple[str, str | None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, attempts: list[Attempt], charges: list[Charge]) -> None:
    with closing(sqlite3.connect(folder / "journal.sqlite")) as journal, journal:
        journal.execute("CREATE TABLE attempts (key TEXT, order_id TEXT, state TEXT, transaction_id TEXT)")
        journal.executemany("INSERT INTO attempts VALUES (?, ?, ?, ?)", attempts)
    with closing(sqlite3.connect(folder / "sandbox-ledger.sqlite")) as ledger, ledger:
        ledger.execute("CREATE TABLE charges (key TEXT, transaction_id TEXT)")
        ledger.executemany("INSERT INTO charges VALUES (?, ?)", charges)


@pytest.mark.parametrize("state", ["paid", "captured"])
def test_books_that_agree_are_right(folder: Path, state: str) -> None:
    write(
        folder,
        [("a/1", "a", "declined", None), ("a/2", "a", state, "T1"), ("b/1", "b", "cancelled", None)],
        [("a/1", None), ("a/2", "T1")],
    )
    books = check_books(folder, {"a": "T1"})
    assert (books.charged_twice, books.lost, books.wrong) == ([], [], [])
    assert books.paid == 1


def test_an_order_in_doubt_is_right_until_the_bank_was_asked(folder: Path) -> None:
    write(folder, [("a/1", "a", "charging", None)], [("a/1", "T1")])
    books = check_books(folder, {})
    assert (books.wrong, books.in_doubt) == ([], 1)
    assert check_books(folder, {}, settled=True).wrong == ["a/1 is charged, and the journal has it charging"]


def test_an_order_that_was_charged_twice_is_found(folder: Path) -> None:
    write(folder, [("a/1", "a", "charging", None), ("a/2", "a", "paid", "T2")], [("a/1", "T1"), ("a/2", "T2")])
    assert check_books(folder, {}).charged_twice == ["a"]


def test_an_acknowledged_order_that_is_gone_is_found(folder: Path) -> None:
    write(folder, [("a/1", "a", "paid", "T1")], [("a/1", "T1")])
    assert check_books(folder, {"a": "T1", "b": "T2"}).lost == ["b"]
    assert check_books(folder, {"a": "T9"}).lost == ["a"]


def test_a_payment_that_the_bank_knows_nothing_of_is_found(folder: Path) -> None:
    write(folder, [("a/1", "a", "paid", "T1")], [])
    assert check_books(folder, {}).wrong == ["a/1 is paid by T1, and the bank has None"]


@pytest.mark.parametrize(
    ("attempts", "words"),
    [
        ([], "not at all"),
        ([("a/1", "a", "cancelled", None)], "cancelled"),
        ([("a/1", "a", "waiting", None)], "waiting"),
    ],
)
def test_a_charge_that_the_journal_knows_nothing_of_is_found(folder: Path, attempts: list[Attempt], words: str) -> None:
    write(folder, attempts, [("a/1", "T1")])
    assert check_books(folder, {}).wrong == [f"a/1 is charged, and the journal has it {words}"]


def test_a_damaged_journal_is_found(folder: Path) -> None:
    write(folder, [(f"{n}/1", f"{n}", "declined", None) for n in range(2000)], [])
    path = folder / "journal.sqlite"
    raw = bytearray(path.read_bytes())
    raw[8192:8292] = b"\xff" * 100
    path.write_bytes(raw)
    assert any("journal.sqlite" in words for words in check_books(folder, {}).wrong)


def test_no_books_yet_are_right_if_nothing_is_promised(folder: Path) -> None:
    books = check_books(folder, {})
    assert (books.charged_twice, books.lost, books.wrong) == ([], [], [])
    assert check_books(folder, {"a": "T1"}).lost == ["a"]


def test_the_journal_that_has_its_own_numbers_is_compared_by_the_banks(folder: Path) -> None:
    write(folder, [], [("a/1", "BANK-1"), ("b/1", "BANK-2")])
    with closing(sqlite3.connect(folder / "journal.sqlite")) as journal, journal:
        journal.execute("ALTER TABLE attempts ADD COLUMN reference TEXT")
        rows = [("a/1", "a", "captured", "T1", "BANK-1"), ("b/1", "b", "captured", "T2", "BANK-9")]
        journal.executemany("INSERT INTO attempts VALUES (?, ?, ?, ?, ?)", rows)
    books = check_books(folder, {"a": "T1"})
    assert books.lost == []
    assert books.wrong == ["b/1 is captured by BANK-9, and the bank has BANK-2"]


def test_a_charge_that_was_given_back_is_no_second_one(folder: Path) -> None:
    write(folder, [("a/1", "a", "refunded", "T1"), ("a/2", "a", "captured", "T2")], [("a/1", "T1"), ("a/2", "T2")])
    with closing(sqlite3.connect(folder / "sandbox-ledger.sqlite")) as ledger, ledger:
        ledger.execute("ALTER TABLE charges ADD COLUMN refunded_at TEXT")
        assert check_books(folder, {}).charged_twice == ["a"]
        ledger.execute("UPDATE charges SET refunded_at = 'now' WHERE key = 'a/1'")
    assert check_books(folder, {"a": "T2"}).charged_twice == []
