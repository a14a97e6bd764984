"""The journal: every attempt to pay an order, on disk before anything irrevocable is done (decision 4).

An order is paid in attempts, one after the other; at most the last one is open, and none follows a charge.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.agents.payment.database import Database
from edge.agents.payment.prices import Line
from edge.agents.payment.schema import prepare
from edge.agents.payment.states import CHARGED, LEGAL, OPEN, REASONED, State, Why
from edge.contract.money import Money


class JournalError(Exception):
    """The journal can't be used, or was asked for what would break its promise."""


@dataclass(frozen=True)
class Attempt:
    """One attempt to pay `order_id`. `key` is what the gateway is asked by; the times are aware UTC.

    `transaction_id` is ours (a UUID v4, on the receipt), `reference` the gateway's own, where it is known.
    """

    key: str
    order_id: str
    state: State
    why: Why | None
    amount: Money
    fingerprint: str
    lines: tuple[Line, ...]
    loyalty_card: str | None
    transaction_id: str
    reference: str | None
    session_id: str
    begun_at: datetime
    ended_at: datetime | None
    claimed: bool
    closed: bool


class Journal:
    """The attempts, in the SQLite file at `path`; folders are made. One process at a time may have it open.

    Every method raises JournalError where the file can't be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = Database(path, prepare, JournalError)
        self._lock: int | None = None

    async def open(self) -> None:
        """Take the journal.

        Raises:
            JournalError: another process has it, or it can't be used.
        """
        if self._lock is None:
            self._lock = _locked(self.path)
        await self._database.read(lambda journal: journal.execute("SELECT 1 FROM attempts LIMIT 1").fetchone())

    async def close(self) -> None:
        """Close the file and let another process have it."""
        await self._database.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    # -- what is written ----------------------------------------------------------------------------------

    async def begin(
        self,
        order_id: str,
        *,
        amount: Money,
        fingerprint: str,
        lines: Sequence[Line],
        loyalty_card: str | None,
        session_id: str = "",
        ask_id: str = "",
    ) -> Attempt:
        """Write down that the order is to be paid: a new attempt, with the state intent.

        Raises:
            JournalError: an earlier attempt was charged, or is still open.
        """

        def insert(journal: sqlite3.Connection) -> Attempt:
            last = _last(journal, order_id)
            if last is not None and last.state in OPEN | CHARGED:
                raise JournalError(f"order {order_id} is {last.state} already")
            (number,) = journal.execute("SELECT count(*) + 1 FROM attempts WHERE order_id = ?", (order_id,)).fetchone()
            key, now = f"{order_id}/{number}", _now()
            journal.execute(
                "INSERT INTO attempts (key, order_id, number, state, amount_minor, fingerprint, lines,"
                " loyalty_card, transaction_id, session_id, ask_id, begun_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(key, order_id, number, State.INTENT, amount.minor, fingerprint),
                    json.dumps(
                        [[line.item_id, line.name, line.qty, line.price.minor, line.customizations] for line in lines]
                    ),
                    *(loyalty_card, str(uuid.uuid4()), session_id, ask_id, now),
                ),
            )
            _note(journal, key, State.INTENT, None, now)
            return _found(journal, key)

        return await self._database.write(insert)

    async def move(
        self, attempt: Attempt, state: State, why: Why | None = None, *, reference: str | None = None
    ) -> Attempt:
        """Write down that the attempt is in `state` now; `reference` is what the gateway knows it by.

        Raises:
            JournalError: it can't go there from where it is (`LEGAL`), an earlier attempt's turn is over, a
                state lacks its reason, or a charge its reference.
        """
        if (state in REASONED) != (why is not None):
            raise JournalError(f"{state} {'without' if why is None else 'with'} a reason")

        def update(journal: sqlite3.Connection) -> Attempt:
            now = _found(journal, attempt.key)
            last = _last(journal, attempt.order_id)
            if state not in LEGAL[now.state] or last is None or last.key != attempt.key:
                raise JournalError(f"attempt {attempt.key} can't become {state}: it is {now.state}")
            if state is State.CAPTURED and not (reference or now.reference):
                raise JournalError(f"attempt {attempt.key} can't become {state} without the gateway's reference")
            at = _now()
            ends = now.ended_at is None and state not in OPEN
            journal.execute(
                "UPDATE attempts SET state = ?, why = ?, reference = coalesce(?, reference),"
                " ended_at = CASE WHEN ? THEN ? ELSE ended_at END WHERE key = ?",
                (state, why, reference, ends, at, attempt.key),
            )
            _note(journal, attempt.key, state, why, at)
            return _found(journal, attempt.key)

        return await self._database.write(update)

    async def remember(self, attempt: Attempt, reference: str) -> None:
        """Write down what the gateway knows an attempt by, before anything is begun that can charge."""
        await self._change(attempt, "reference = ?", reference)

    async def show_loyalty(self, attempt: Attempt, card: str) -> Attempt:
        """Write down whose points they will be."""
        return await self._change(attempt, "loyalty_card = ?", card)

    async def claim(self, attempt: Attempt) -> Attempt:
        """Write down that the outcome is told to who asked for it."""
        return await self._change(attempt, "claimed_at = coalesce(claimed_at, ?)", _now())

    async def close_sessions(self, *, but: str) -> None:
        """Write down that every session but that one is over; those whose outcome nobody heard stay as they are."""
        await self._database.write(
            lambda journal: journal.execute(
                "UPDATE attempts SET closed_at = ? WHERE closed_at IS NULL AND claimed_at NOT NULL"
                " AND session_id NOT IN ('', ?)",
                (_now(), but),
            )
        )

    async def close_session(self, session_id: str) -> None:
        """Write down that the session ended with what its customer had paid for."""
        await self._database.write(
            lambda journal: journal.execute(
                "UPDATE attempts SET closed_at = ? WHERE closed_at IS NULL AND session_id = ?", (_now(), session_id)
            )
        )

    # -- what is read -------------------------------------------------------------------------------------

    async def last(self, order_id: str) -> Attempt | None:
        """The order's latest attempt."""
        return await self._database.read(lambda journal: _last(journal, order_id))

    async def attempt(self, key: str) -> Attempt:
        """The attempt with that key.

        Raises:
            JournalError: there is none.
        """
        return await self._database.read(lambda journal: _found(journal, key))

    async def asked(self, order_id: str, ask_id: str) -> Attempt | None:
        """What the ask with that `msg_id` led to, if it was carried out."""
        found = await self._find("order_id = ? AND ask_id = ? AND ask_id != ''", order_id, ask_id)
        return found[-1] if found else None

    async def unfinished(self) -> list[Attempt]:
        """All open attempts, oldest first: what a crash left behind."""
        return await self._find("state IN ('intent', 'authorising', 'in_doubt')")

    async def in_state(self, state: State) -> list[Attempt]:
        """All attempts in that state, oldest first."""
        return await self._find("state = ?", state)

    async def of_session(self, session_id: str) -> list[Attempt]:
        """What the customer of that session paid, or tried to."""
        return await self._find("session_id = ? AND session_id != ''", session_id)

    async def unclosed(self) -> list[Attempt]:
        """What was charged, or may be, in sessions whose end wasn't heard; oldest first."""
        return await self._find("closed_at IS NULL AND state IN ('intent', 'authorising', 'in_doubt', 'captured')")

    async def unclaimed(self, for_s: float) -> list[Attempt]:
        """Charges that ended `for_s` ago or earlier, and whose outcome nobody asked for since."""
        since = (datetime.now(UTC) - timedelta(seconds=for_s)).isoformat(timespec="milliseconds")
        return await self._find(
            "state = 'captured' AND claimed_at IS NULL AND closed_at IS NULL AND ended_at <= ?", since
        )

    async def points(self, loyalty_card: str) -> list[Attempt]:
        """The charges that earned points for that card, and weren't given back."""
        return await self._find("state = 'captured' AND loyalty_card = ?", loyalty_card)

    async def latest(self, how_many: int) -> list[Attempt]:
        """The latest attempts, newest first."""
        return await self._find("1 ORDER BY rowid DESC LIMIT ?", how_many, ordered=True)

    async def history(self, key: str) -> list[tuple[datetime, State, Why | None]]:
        """Every state the attempt was in, and since when."""
        return await self._database.read(
            lambda journal: [
                (datetime.fromisoformat(row["at"]), State(row["state"]), Why(row["why"]) if row["why"] else None)
                for row in journal.execute("SELECT * FROM history WHERE key = ? ORDER BY rowid", (key,))
            ]
        )

    async def _find(self, where: str, *values: object, ordered: bool = False) -> list[Attempt]:
        query = f"SELECT * FROM attempts WHERE {where}{'' if ordered else ' ORDER BY rowid'}"  # noqa: S608 - words of ours
        return await self._database.read(
            lambda journal: [_attempt(row) for row in journal.execute(query, values).fetchall()]
        )

    async def _change(self, attempt: Attempt, what: str, value: object) -> Attempt:
        def update(journal: sqlite3.Connection) -> Attempt:
            journal.execute(f"UPDATE attempts SET {what} WHERE key = ?", (value, attempt.key))  # noqa: S608 - words of ours
            return _found(journal, attempt.key)

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


def _note(journal: sqlite3.Connection, key: str, state: State, why: Why | None, at: str) -> None:
    journal.execute("INSERT INTO history (key, state, why, at) VALUES (?, ?, ?, ?)", (key, state, why, at))


def _last(journal: sqlite3.Connection, order_id: str) -> Attempt | None:
    row = journal.execute(
        "SELECT * FROM attempts WHERE order_id = ? ORDER BY number DESC LIMIT 1", (order_id,)
    ).fetchone()
    return None if row is None else _attempt(row)


def _found(journal: sqlite3.Connection, key: str) -> Attempt:
    row = journal.execute("SELECT * FROM attempts WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise JournalError(f"the journal knows nothing of attempt {key}")
    return _attempt(row)


def _attempt(row: sqlite3.Row) -> Attempt:
    return Attempt(
        key=row["key"],
        order_id=row["order_id"],
        state=State(row["state"]),
        why=Why(row["why"]) if row["why"] else None,
        amount=Money(row["amount_minor"]),
        fingerprint=row["fingerprint"],
        lines=tuple(
            Line(name, qty, Money(minor), tuple(customizations), item_id)
            for item_id, name, qty, minor, customizations in json.loads(row["lines"])
        ),
        loyalty_card=row["loyalty_card"],
        transaction_id=row["transaction_id"],
        reference=row["reference"],
        session_id=row["session_id"],
        begun_at=datetime.fromisoformat(row["begun_at"]),
        ended_at=datetime.fromisoformat(row["ended_at"]) if row["ended_at"] else None,
        claimed=row["claimed_at"] is not None,
        closed=row["closed_at"] is not None,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
