"""The journal's tables, and how a journal of an older version becomes one of this."""

from __future__ import annotations

import json
import sqlite3
import uuid

VERSION = 2

_TABLES = """
CREATE TABLE attempts (
    key TEXT PRIMARY KEY,
    order_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    why TEXT,
    amount_minor INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    lines TEXT NOT NULL,  -- JSON: [item id, name, quantity, price of one in minor units, [customization, ...]]
    loyalty_card TEXT,
    transaction_id TEXT NOT NULL UNIQUE,  -- ours; on receipts
    reference TEXT,  -- the gateway's
    session_id TEXT NOT NULL,
    ask_id TEXT NOT NULL,  -- msg_id of what asked for it
    begun_at TEXT NOT NULL,
    ended_at TEXT,  -- captured, declined or cancelled
    claimed_at TEXT,  -- its outcome was told to who asked for it
    closed_at TEXT,  -- the customer's session ended with it
    UNIQUE (order_id, number)
);
CREATE TABLE history (  -- every state that every attempt was in
    key TEXT NOT NULL REFERENCES attempts (key),
    state TEXT NOT NULL,
    why TEXT,
    at TEXT NOT NULL
);
CREATE INDEX unsettled ON attempts (state) WHERE state IN ('intent', 'authorising', 'in_doubt', 'refunding');
CREATE INDEX of_session ON attempts (session_id);
"""

# Version 1 had other words for the states, one transaction id (the gateway's) and no sessions.
_FROM_1 = {
    "waiting": ("intent", None),
    "charging": ("authorising", None),
    "paid": ("captured", None),
    "declined": ("declined", None),
    "timed_out": ("cancelled", "no_tap"),
    "cancelled": ("cancelled", "customer"),
    "not_charged": ("cancelled", "unreached"),
}


def prepare(journal: sqlite3.Connection) -> None:
    """Make the tables, or bring those of version 1 up to date; all of it or nothing.

    Raises:
        sqlite3.DatabaseError: it is of a version that this one doesn't know.
    """
    (version,) = journal.execute("PRAGMA user_version").fetchone()
    if version == VERSION:
        return
    if version:
        raise sqlite3.DatabaseError(f"it is of version {version}, and this program knows {VERSION}")
    journal.execute("BEGIN IMMEDIATE")
    try:
        old = journal.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'attempts'").fetchone()
        if old:
            journal.execute("DROP INDEX IF EXISTS open_attempts")
            journal.execute("ALTER TABLE attempts RENAME TO attempts_1")
        for statement in _TABLES.split(";\n"):
            journal.execute(statement)
        if old:
            _take_over(journal)
        journal.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        journal.execute("ROLLBACK")
        raise
    journal.execute("COMMIT")


def _take_over(journal: sqlite3.Connection) -> None:
    for row in journal.execute("SELECT * FROM attempts_1 ORDER BY rowid").fetchall():
        state, why = _FROM_1[row["state"]]
        journal.execute(
            "INSERT INTO attempts (key, order_id, number, state, why, amount_minor, fingerprint, lines, loyalty_card,"
            " transaction_id, reference, session_id, ask_id, begun_at, ended_at, claimed_at, closed_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', ?, ?, ?, ?)",
            (
                *(row[name] for name in ("key", "order_id", "number")),
                *(state, why),
                *(row[name] for name in ("amount_minor", "fingerprint")),
                json.dumps([[0, *line] for line in json.loads(row["lines"])]),
                row["loyalty_card"],
                row["transaction_id"] or str(uuid.uuid4()),
                row["transaction_id"],
                *(row[name] for name in ("begun_at", "ended_at", "ended_at", "ended_at")),
            ),
        )
    journal.execute("DROP TABLE attempts_1")
