"""What is left after a case: the gateway's ledger, the payment agent's journal, receipts, and what screens said.

A charge *stands* when the gateway approved it and didn't give it back. One meal was wanted; so at most one charge may
stand, and only of an order that the screen said is paid; and what the screen said is paid must stand, in the ledger and
in the journal, with its receipt.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.agents.payment.states import OPEN, State

UNSETTLED: Final = frozenset(str(state) for state in (*OPEN, State.REFUNDING))


@dataclass(frozen=True)
class Charge:
    """An approved charge in the gateway's ledger."""

    key: str  # the order's id, "/" and the attempt's number
    amount_minor: int
    stands: bool

    @property
    def order_id(self) -> str:
        """The order that it is for."""
        return self.key.rpartition("/")[0]


@dataclass(frozen=True)
class Told:
    """An order that the screen said is paid."""

    order_id: str
    transaction_id: str
    amount_minor: int
    printed: bool


@dataclass(frozen=True)
class Books:
    """All of it, of every order so far."""

    charges: tuple[Charge, ...] = ()
    attempts: tuple[Mapping[str, Any], ...] = ()  # the journal's rows
    documents: frozenset[str] = frozenset()  # transaction ids that have a receipt as a document
    paper: Mapping[str, int] = field(default_factory=dict)  # transaction id -> receipts on paper

    @property
    def keys(self) -> frozenset[str]:
        """Attempts and charges that there are."""
        return frozenset(row["key"] for row in self.attempts) | {charge.key for charge in self.charges}

    @property
    def unsettled(self) -> list[str]:
        """Attempts that are still at work, or in doubt, or owed."""
        return [f"{row['key']} {row['state']}" for row in self.attempts if row["state"] in UNSETTLED]

    def since(self, keys: Collection[str]) -> Books:
        """Without those of `keys`."""
        return Books(
            tuple(charge for charge in self.charges if charge.key not in keys),
            tuple(row for row in self.attempts if row["key"] not in keys),
            self.documents,
            self.paper,
        )


@dataclass
class Verdict:
    """What is wrong, in words; all empty when the books agree."""

    double_charges: list[str] = field(default_factory=list)
    without_order: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """All of it."""
        return [
            *(f"double charge: {words}" for words in self.double_charges),
            *(f"charge without an order: {words}" for words in self.without_order),
            *(f"lost paid order: {words}" for words in self.lost),
            *(f"disagreement: {words}" for words in self.disagreements),
        ]


def judge(books: Books, told: Collection[Told], *, meals: int = 1) -> Verdict:
    """Compare. `meals` is how many were wanted: so many charges may stand."""
    verdict = Verdict()
    paid = {each.order_id: each for each in told}
    of_order = Counter(charge.order_id for charge in books.charges if charge.stands)
    verdict.double_charges = [f"{order} has {times}" for order, times in of_order.items() if times > 1]
    if len(of_order) > meals:
        verdict.double_charges.append(f"{meals} wanted, and {len(of_order)} orders are charged: {', '.join(of_order)}")
    for charge in books.charges:
        if charge.stands:
            _judge_charge(charge, books, paid, verdict)
    for each in paid.values():
        _judge_told(each, books, of_order[each.order_id], verdict)
    _judge_attempts(books, verdict)
    return verdict


def _judge_charge(charge: Charge, books: Books, paid: Mapping[str, Told], verdict: Verdict) -> None:
    """One that stands has to be in the journal, and of an order that the customer knows to be paid."""
    row = next((row for row in books.attempts if row["key"] == charge.key), None)
    if row is None or row["state"] != State.CAPTURED:
        state = "not at all" if row is None else row["state"]
        verdict.without_order.append(f"{charge.key} is charged, and the journal has it {state}")
    elif charge.order_id not in paid:
        verdict.without_order.append(f"{charge.key} is charged, and no screen said so")
    elif not charge.amount_minor == row["amount_minor"] == paid[charge.order_id].amount_minor:
        said = paid[charge.order_id].amount_minor
        amounts = f"{charge.amount_minor} charged, {row['amount_minor']} in the journal, {said} on the screen"
        verdict.disagreements.append(f"{charge.key}: {amounts}")


def _judge_told(told: Told, books: Books, standing: int, verdict: Verdict) -> None:
    """What a customer knows to be paid has to be so, with a receipt, and on paper once if at all."""
    captured = [
        row["transaction_id"]
        for row in books.attempts
        if row["order_id"] == told.order_id and row["state"] == State.CAPTURED
    ]
    if not standing:
        verdict.lost.append(f"{told.order_id} is paid by the screen, and no charge of it stands")
    elif captured != [told.transaction_id]:
        verdict.lost.append(f"{told.order_id} is paid by the screen, and not in the journal")
    elif told.transaction_id not in books.documents:
        verdict.lost.append(f"{told.order_id} is paid, and has no receipt")
    on_paper = books.paper.get(told.transaction_id, 0)
    if told.printed and not on_paper:
        verdict.disagreements.append(f"{told.order_id}: printed by the screen, and not on paper")
    if on_paper > 1:
        verdict.disagreements.append(f"{told.order_id}: {on_paper} receipts on paper")


def _judge_attempts(books: Books, verdict: Verdict) -> None:
    """The journal may not know of charges and refunds that the gateway doesn't."""
    stands = {charge.key: charge.stands for charge in books.charges}
    for row in books.attempts:
        if row["state"] in (State.CAPTURED, State.REFUNDED) and row["key"] not in stands:
            verdict.disagreements.append(
                f"{row['key']} is {row['state']} in the journal, and the gateway knows nothing of it"
            )
        if row["state"] == State.REFUNDED and stands.get(row["key"]):
            verdict.disagreements.append(f"{row['key']} is given back in the journal, and not by the gateway")


def read_ledger(path: Path) -> tuple[Charge, ...]:
    """The sandbox's SQLite file, or the simulated terminal service's JSON."""
    if not path.exists():
        return ()
    if path.name.startswith("terminal"):
        intents = json.loads(path.read_text(encoding="utf-8"))["intents"].values()
        return tuple(
            Charge(intent["metadata"]["kiosk_attempt"], intent["received"], intent["received"] > intent["refunded"])
            for intent in intents
            if intent["received"]
        )
    return tuple(
        Charge(row["key"], row["amount_minor"], row["refunded_at"] is None)
        for row in _rows(path, "charges")
        if row["transaction_id"] is not None
    )


def read_journal(path: Path) -> tuple[Mapping[str, Any], ...]:
    """The payment agent's attempts, oldest first."""
    return tuple(_rows(path, "attempts"))


def _rows(path: Path, table: str) -> list[Mapping[str, Any]]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
        database.row_factory = sqlite3.Row
        known = database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        rows = database.execute(f"SELECT * FROM {table} ORDER BY rowid") if known else ()  # noqa: S608 - tables of ours
        return [dict(row) for row in rows]
