"""The payment agent's journal and the sandbox bank's ledger, as a power cut left them: do they agree?

After a cut an order may be in doubt, and the next start asks the bank. What must not be, even for a moment: an order
charged twice, a charge that the journal knows nothing of, a payment that the bank knows nothing of.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.agents.payment.states import CHARGED, State

# The journal's states, and those of its first version (edge/agents/payment/schema.py).
_CHARGED: Final = frozenset(CHARGED) | {"paid"}  # money was taken
_OPEN: Final = frozenset({State.AUTHORISING, State.IN_DOUBT, "charging"})  # the bank is yet to be asked whether


@dataclass
class Books:
    """What is wrong, in words."""

    charged_twice: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # orders whose customer was told that they are paid
    wrong: list[str] = field(default_factory=list)  # journal and ledger disagree, or can't be read
    in_doubt: int = 0
    paid: int = 0


def check_books(folder: Path, promised: Mapping[str, str], *, settled: bool = False) -> Books:
    """Look into `journal.sqlite` and `sandbox-ledger.sqlite` in `folder`, which SQLite may write to.

    `promised` maps orders to the transactions that customers were told of; `settled` says that the payment agent
    ran since the cut, so that nothing may be in doubt any more.
    """
    books = Books()
    attempts = _rows(folder / "journal.sqlite", "attempts", books)
    charges = _rows(folder / "sandbox-ledger.sqlite", "charges", books)
    approved = {row["key"]: row["transaction_id"] for row in charges if row["transaction_id"] is not None}
    states = {row["key"]: row["state"] for row in attempts}
    paid = {row["order_id"]: row["transaction_id"] for row in attempts if row["state"] in _CHARGED}
    books.paid = len(paid)
    books.in_doubt = sum(state in _OPEN for state in states.values())
    # A key is the order's id, "/" and the attempt's number. What was given back is no second charge.
    kept = (row["key"] for row in charges if row["transaction_id"] is not None and row.get("refunded_at") is None)
    charged = Counter(key.rpartition("/")[0] for key in kept)
    books.charged_twice = sorted(order for order, times in charged.items() if times > 1)
    books.lost = sorted(order for order, transaction in promised.items() if paid.get(order) != transaction)
    for row in attempts:
        key, bank_has = row["key"], approved.get(row["key"])
        # The bank's own number of the charge; the first version of the journal had no other.
        reference = row.get("reference", row["transaction_id"])
        if row["state"] in _CHARGED and bank_has != reference:
            books.wrong.append(f"{key} is {row['state']} by {reference}, and the bank has {bank_has}")
    allowed = _CHARGED if settled else _CHARGED | _OPEN
    for key in approved:
        if states.get(key) not in allowed:
            books.wrong.append(f"{key} is charged, and the journal has it {states.get(key, 'not at all')}")
    return books


def _rows(path: Path, table: str, books: Books) -> list[dict[str, Any]]:
    """All of a table; nothing where it is not there yet."""
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(path)) as database:
            database.row_factory = sqlite3.Row
            # Opening brings the write-ahead log in, as the agent's start does.
            (verdict,) = database.execute("PRAGMA integrity_check").fetchone()
            if verdict != "ok":
                books.wrong.append(f"{path.name}: {verdict}")
                return []
            known = database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            rows = database.execute(f"SELECT * FROM {table}") if known else ()  # noqa: S608 - the tables are ours
            return [dict(row) for row in rows]
    except sqlite3.Error as error:
        books.wrong.append(f"{path.name}: {error}")
        return []
