"""The books at the end of a day: journal, bank's ledger and paper must agree, order by order."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Books:
    """What disagrees, in words; and the sums. `paid` maps each paid order to its transaction."""

    paid: dict[str, str] = field(default_factory=dict)
    charges: Counter[str] = field(default_factory=Counter)  # approved, by order
    declined: int = 0
    receipts: Counter[str] = field(default_factory=Counter)  # by order
    wrong: list[str] = field(default_factory=list)


def balance(data_dir: Path, papers: Sequence[str], promised: dict[str, str]) -> Books:
    """Close the books.

    `papers` are the texts of the receipts; `promised` what customers were told is paid: order to transaction.
    """
    books = Books()
    with closing(sqlite3.connect(data_dir / "payments" / "journal.sqlite")) as journal:
        rows = journal.execute("SELECT order_id, transaction_id, state FROM attempts").fetchall()
    for order, transaction, state in rows:
        if state == "captured":
            books.paid[order] = transaction
        elif state in ("intent", "authorising", "in_doubt", "refunding"):
            books.wrong.append(f"order {order} is still {state}")
    with closing(sqlite3.connect(data_dir / "payments" / "sandbox-ledger.sqlite")) as ledger:
        for key, transaction, refunded_at in ledger.execute("SELECT key, transaction_id, refunded_at FROM charges"):
            if transaction is None:
                books.declined += 1
            elif refunded_at is None:  # what was given back is as good as never charged
                books.charges[key.rpartition("/")[0]] += 1
    texts = ["".join(text.split()) for text in papers]  # a long number goes over two lines on narrow paper
    for order, transaction in books.paid.items():
        books.receipts[order] = sum(transaction in text for text in texts)
        if books.charges[order] != 1:
            books.wrong.append(f"order {order} is paid and was charged {books.charges[order]} times")
        if books.receipts[order] != 1:
            books.wrong.append(f"order {order} is paid and has {books.receipts[order]} receipts")
    strangers = len(texts) - sum(books.receipts.values())
    if strangers:
        books.wrong.append(f"{strangers} receipts belong to no paid order")
    books.wrong += [f"order {order} was charged and isn't paid" for order in books.charges if order not in books.paid]
    books.wrong += [
        f"a customer was told that order {order} is paid, and it isn't"
        for order, transaction in promised.items()
        if books.paid.get(order) != transaction
    ]
    return books
