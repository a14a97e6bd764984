"""The bank: its ledger is a file of its own, and knows nothing of the kiosk's journal."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Collection
from pathlib import Path

from edge.agents.payment.database import Database
from edge.agents.payment.gateway import Approved, Charge, Declined, GatewayError, NotCharged, Remember
from edge.contract.money import Money

_SCHEMA = """
CREATE TABLE IF NOT EXISTS charges (
    key TEXT PRIMARY KEY,
    amount_minor INTEGER NOT NULL,
    transaction_id TEXT,  -- null: declined
    charged_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    refunded_at TEXT
);
CREATE TABLE IF NOT EXISTS voids (  -- keys that were given up on before anything was charged
    key TEXT PRIMARY KEY,
    voided_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
);
"""


class Bank:
    """A gateway in this process: refuses the cards whose tokens are `declined_cards`, approves all others.

    It keeps no card. Several may share a ledger. A key that was settled before it was charged is void: a charge
    that comes late, out of a queue or from a process that was thought dead, finds it so.
    """

    reads_cards = False
    name = "sandbox"

    def __init__(self, ledger_path: Path, declined_cards: Collection[str] = ()) -> None:
        self._ledger = Database(ledger_path, _prepare, GatewayError)
        self._declined_cards = frozenset(declined_cards)

    def decline(self, cards: Collection[str]) -> None:
        """Refuse these cards as well."""
        self._declined_cards |= frozenset(cards)

    async def open(self) -> None:
        """Nothing to get ready: the ledger is opened when it is used."""

    async def charge(self, key: str, amount: Money, card: str | None, remember: Remember | None = None) -> Charge:
        """Enter the charge in the ledger, once a key.

        Raises:
            GatewayError: the ledger can't be written; no card; or `key` was used for another amount.
        """
        if card is None:
            raise GatewayError("the sandbox has no terminal: it wants a card")

        def enter(ledger: sqlite3.Connection) -> Charge:
            known = _charge(ledger, key)
            if isinstance(known, Approved) and known.amount != amount:
                raise GatewayError(f"{key} was used for another amount")
            if known is not None:
                return known
            reference = None if card in self._declined_cards else str(uuid.uuid4())
            ledger.execute(
                "INSERT INTO charges (key, amount_minor, transaction_id) VALUES (?, ?, ?)",
                (key, amount.minor, reference),
            )
            return _charge(ledger, key) or NotCharged("the ledger lost an entry")

        return await self._ledger.write(enter)

    async def cancel(self, key: str, reference: str | None) -> None:
        """Void the key, unless it was charged.

        Raises:
            GatewayError: the ledger can't be written.
        """
        await self.settle(key, reference)

    async def settle(self, key: str, reference: str | None = None) -> Charge:
        """What the ledger says of `key`; one that it doesn't know is void from now on.

        Raises:
            GatewayError: the ledger can't be written.
        """

        def find(ledger: sqlite3.Connection) -> Charge:
            known = _charge(ledger, key)
            if known is None:
                ledger.execute("INSERT INTO voids (key) VALUES (?)", (key,))
            return known or NotCharged("nothing was asked under this key")

        return await self._ledger.write(find)

    async def refund(self, key: str, reference: str) -> None:
        """Give the charge back, once.

        Raises:
            GatewayError: the ledger can't be written, or has no such charge.
        """

        def give_back(ledger: sqlite3.Connection) -> None:
            known = _charge(ledger, key)
            if not isinstance(known, Approved) or known.reference != reference:
                raise GatewayError(f"{key} was not charged under {reference}")
            ledger.execute(
                "UPDATE charges SET refunded_at = coalesce(refunded_at, strftime('%Y-%m-%dT%H:%M:%fZ')) WHERE key = ?",
                (key,),
            )

        await self._ledger.write(give_back)

    async def close(self) -> None:
        """Close the ledger."""
        await self._ledger.close()


def _prepare(ledger: sqlite3.Connection) -> None:
    ledger.executescript(_SCHEMA)
    columns = {row["name"] for row in ledger.execute("PRAGMA table_info(charges)")}
    if "refunded_at" not in columns:  # a ledger of the first version
        ledger.execute("ALTER TABLE charges ADD COLUMN refunded_at TEXT")
    if "card" in columns:
        ledger.execute("ALTER TABLE charges DROP COLUMN card")


def _charge(ledger: sqlite3.Connection, key: str) -> Charge | None:
    row = ledger.execute("SELECT * FROM charges WHERE key = ?", (key,)).fetchone()
    if row is not None:
        if row["transaction_id"] is None:
            return Declined("the card was declined")
        return Approved(row["transaction_id"], Money(row["amount_minor"]))
    if ledger.execute("SELECT 1 FROM voids WHERE key = ?", (key,)).fetchone():
        return NotCharged("the key is void")
    return None
