"""The journal: every attempt to pay an order, on disk before anything irrevocable is done (decision 4).

An order is paid in attempts, one after the other; at most the last one is open, and none follows a paid one.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from edge.agents.payment.database import Database
from edge.agents.payment.prices import Line
from edge.contract.money import Money

_SCHEMA = """
CREATE TABLE IF NOT EXISTS attempts (
    key TEXT PRIMARY KEY,
    order_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    lines TEXT NOT NULL,  -- JSON: [name, quantity, price of one in minor units, [customization, ...]]
    loyalty_card TEXT,
    transaction_id TEXT,
    begun_at TEXT NOT NULL,
    ended_at TEXT,
    UNIQUE (order_id, number)
);
CREATE INDEX IF NOT EXISTS open_attempts ON attempts (state) WHERE ended_at IS NULL;
"""


class JournalError(Exception):
    """The journal can't be used, or was asked for what would break its promise."""


class State(StrEnum):
    """Where an attempt is. From `waiting` and `charging` it goes on; the others are final."""

    WAITING = "waiting"  # for a card; nothing was charged
    CHARGING = "charging"  # the gateway is being called: whether it charged, only the gateway knows
    PAID = "paid"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"  # no card came
    CANCELLED = "cancelled"
    NOT_CHARGED = "not_charged"  # given up, or the gateway knows nothing of it


_NEXT = {
    State.WAITING: frozenset({State.CHARGING, State.TIMED_OUT, State.CANCELLED, State.NOT_CHARGED}),
    State.CHARGING: frozenset({State.PAID, State.DECLINED, State.NOT_CHARGED}),
}
OPEN = frozenset(_NEXT)


@dataclass(frozen=True)
class Attempt:
    """One attempt to pay `order_id`. `key` is what the gateway knows it by; the times are aware UTC."""

    key: str
    order_id: str
    state: State
    amount: Money
    fingerprint: str
    lines: tuple[Line, ...]
    loyalty_card: str | None
    transaction_id: str | None
    begun_at: datetime
    ended_at: datetime | None


class Journal:
    """The attempts, in the SQLite file at `path`; folders are made. One process at a time may have it open.

    Every method raises JournalError where the file can't be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = Database(path, _SCHEMA, JournalError)
        self._lock: int | None = None

    async def open(self) -> None:
        """Take the journal.

        Raises:
            JournalError: another process has it, or it can't be used.
        """
        if self._lock is None:
            self._lock = _locked(self._path)
        await self._database.read(lambda journal: journal.execute("SELECT 1 FROM attempts LIMIT 1").fetchone())

    async def last(self, order_id: str) -> Attempt | None:
        """The order's latest attempt."""
        return await self._database.read(lambda journal: _last(journal, order_id))

    async def unfinished(self) -> list[Attempt]:
        """All open attempts, oldest first: what a crash left behind."""
        return await self._database.read(
            lambda journal: [
                _attempt(row) for row in journal.execute("SELECT * FROM attempts WHERE ended_at IS NULL ORDER BY rowid")
            ]
        )

    async def begin(
        self,
        order_id: str,
        *,
        amount: Money,
        fingerprint: str,
        lines: Sequence[Line],
        loyalty_card: str | None,
    ) -> Attempt:
        """Write down that the order is to be paid: a new attempt, waiting for a card.

        Raises:
            JournalError: an earlier attempt paid it, or is still open.
        """

        def insert(journal: sqlite3.Connection) -> Attempt:
            last = _last(journal, order_id)
            if last is not None and (last.state in OPEN or last.state is State.PAID):
                raise JournalError(f"order {order_id} is {last.state} already")
            (number,) = journal.execute("SELECT count(*) + 1 FROM attempts WHERE order_id = ?", (order_id,)).fetchone()
            journal.execute(
                "INSERT INTO attempts (key, order_id, number, state, amount_minor, fingerprint, lines,"
                " loyalty_card, begun_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    f"{order_id}/{number}",
                    order_id,
                    number,
                    State.WAITING,
                    amount.minor,
                    fingerprint,
                    json.dumps([[each.name, each.qty, each.price.minor, each.customizations] for each in lines]),
                    loyalty_card,
                    _now(),
                ),
            )
            return _found(journal, order_id)

        return await self._database.write(insert)

    async def charging(self, attempt: Attempt, loyalty_card: str | None) -> Attempt:
        """Write down that the gateway will be called now; `loyalty_card` is the one that counts."""
        return await self._move(attempt, State.CHARGING, loyalty_card=loyalty_card)

    async def end(self, attempt: Attempt, state: State, transaction_id: str | None = None) -> Attempt:
        """Write down how the attempt ended.

        Raises:
            JournalError: an attempt doesn't go from its state to `state`; or a transaction id without a
                payment, or a payment without one.
        """
        if (state is State.PAID) != (transaction_id is not None):
            raise JournalError(f"{state} {'without' if state is State.PAID else 'with'} a transaction id")
        return await self._move(
            attempt, state, loyalty_card=attempt.loyalty_card, transaction_id=transaction_id, ended_at=_now()
        )

    async def close(self) -> None:
        """Close the file and let another process have it."""
        await self._database.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    async def _move(
        self,
        attempt: Attempt,
        state: State,
        *,
        loyalty_card: str | None,
        transaction_id: str | None = None,
        ended_at: str | None = None,
    ) -> Attempt:
        def update(journal: sqlite3.Connection) -> Attempt:
            now = _found(journal, attempt.order_id)
            if now.key != attempt.key or state not in _NEXT.get(now.state, ()):
                raise JournalError(f"attempt {attempt.key} can't become {state}: {now.key} is {now.state}")
            journal.execute(
                "UPDATE attempts SET state = ?, loyalty_card = ?, transaction_id = ?, ended_at = ? WHERE key = ?",
                (state, loyalty_card, transaction_id, ended_at, attempt.key),
            )
            return _found(journal, attempt.order_id)

        return await self._database.write(update)


def _locked(path: Path) -> int:
    """A descriptor that holds the journal's lock; the system drops it with the process, however that ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalError(f"{path.name} can't be used: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise JournalError(f"{path.name} is in use by another payment agent") from error
    return lock


def _last(journal: sqlite3.Connection, order_id: str) -> Attempt | None:
    row = journal.execute(
        "SELECT * FROM attempts WHERE order_id = ? ORDER BY number DESC LIMIT 1", (order_id,)
    ).fetchone()
    return None if row is None else _attempt(row)


def _found(journal: sqlite3.Connection, order_id: str) -> Attempt:
    attempt = _last(journal, order_id)
    if attempt is None:
        raise JournalError(f"the journal knows nothing of order {order_id}")
    return attempt


def _attempt(row: sqlite3.Row) -> Attempt:
    return Attempt(
        key=row["key"],
        order_id=row["order_id"],
        state=State(row["state"]),
        amount=Money(row["amount_minor"]),
        fingerprint=row["fingerprint"],
        lines=tuple(
            Line(name, qty, Money(minor), tuple(customizations))
            for name, qty, minor, customizations in json.loads(row["lines"])
        ),
        loyalty_card=row["loyalty_card"],
        transaction_id=row["transaction_id"],
        begun_at=datetime.fromisoformat(row["begun_at"]),
        ended_at=datetime.fromisoformat(row["ended_at"]) if row["ended_at"] else None,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
