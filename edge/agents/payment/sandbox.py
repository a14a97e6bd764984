"""A gateway that moves no money: for the virtual kiosk, the bench, and a shop that tries the kiosk out."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Collection
from pathlib import Path

from edge.agents.payment.database import Database
from edge.agents.payment.gateway import Approved, Charge, Declined, GatewayError
from edge.contract.money import Money

_SCHEMA = """
CREATE TABLE IF NOT EXISTS charges (
    key TEXT PRIMARY KEY,
    amount_minor INTEGER NOT NULL,
    card TEXT NOT NULL,
    transaction_id TEXT,  -- null: declined
    charged_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
);
"""


class SandboxGateway:
    """A bank of our own: its ledger is a file beside the agent's journal, and knows nothing of it.

    `declined_cards` are the tokens of cards that it refuses; it approves all others.
    """

    def __init__(self, ledger_path: Path, declined_cards: Collection[str] = ()) -> None:
        self._ledger = Database(ledger_path, _SCHEMA, GatewayError)
        self._declined_cards = frozenset(declined_cards)

    async def charge(self, key: str, amount: Money, card: str) -> Charge:
        """Enter the charge in the ledger, once a key.

        Raises:
            GatewayError: the ledger can't be written; or `key` was used for another amount.
        """

        def enter(ledger: sqlite3.Connection) -> Charge:
            row = _row(ledger, key)
            if row is not None:
                if row["amount_minor"] != amount.minor:
                    raise GatewayError(f"{key} was used for another amount")
                return _charge(row)
            transaction_id = None if card in self._declined_cards else str(uuid.uuid4())
            ledger.execute(
                "INSERT INTO charges (key, amount_minor, card, transaction_id) VALUES (?, ?, ?, ?)",
                (key, amount.minor, card, transaction_id),
            )
            return _charge(_row(ledger, key))

        return await self._ledger.write(enter)

    async def lookup(self, key: str) -> Charge | None:
        """What the ledger says of `key`; the ledger does what it was asked in order, so None is final.

        Raises:
            GatewayError: the ledger can't be read.
        """

        def find(ledger: sqlite3.Connection) -> Charge | None:
            row = _row(ledger, key)
            return None if row is None else _charge(row)

        return await self._ledger.read(find)

    async def close(self) -> None:
        """Close the ledger."""
        await self._ledger.close()


def _row(ledger: sqlite3.Connection, key: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = ledger.execute("SELECT * FROM charges WHERE key = ?", (key,)).fetchone()
    return row


def _charge(row: sqlite3.Row | None) -> Charge:
    if row is None:
        raise GatewayError("the ledger lost an entry")
    return Approved(row["transaction_id"]) if row["transaction_id"] else Declined("the card was declined")
