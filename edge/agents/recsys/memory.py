"""Past orders, kept for longer than KIOSK_EVENTS keeps events, in a SQLite file of the agent's own.

Nothing of a customer is in it: an order's id, when it was paid, what time of day that was, and the dishes.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge.agents.recsys.learned import Learned

log = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS past_order (
  order_id TEXT PRIMARY KEY, at TEXT NOT NULL, moment TEXT, dishes TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS past_order_at ON past_order (at);
CREATE TABLE IF NOT EXISTS read_until (one INTEGER PRIMARY KEY CHECK (one = 1), at TEXT NOT NULL);
"""


class Memory:
    """What was ordered in the last `days`, and what that tells. Without a `path` it lasts as long as the program.

    A file that can't be read is put aside: past orders make suggestions better, and none is no reason not to sell.
    """

    def __init__(self, path: Path | None = None, *, days: int = 90) -> None:
        self._days = timedelta(days=days)
        self.learned = Learned()
        try:
            self._connection = _open(path)
        except (sqlite3.Error, OSError) as error:
            log.log(logging.ERROR, "recsys: %s can't be used (%s): past orders are forgotten at the end", path, error)
            if path is not None and isinstance(error, sqlite3.DatabaseError) and path.is_file():
                path.replace(path.with_suffix(".damaged"))
            self._connection = _open(None)
        for dishes, moment in self._orders("SELECT dishes, moment FROM past_order"):
            self.learned.add(dishes, moment)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def read_until(self) -> datetime | None:
        """Up to when the record of events was read; None for not at all."""
        row = self._connection.execute("SELECT at FROM read_until").fetchone()
        return None if row is None else datetime.fromisoformat(row[0])

    @read_until.setter
    def read_until(self, at: datetime) -> None:
        self._connection.execute("INSERT OR REPLACE INTO read_until VALUES (1, ?)", (_text(at),))

    def remember(self, order_id: str, at: datetime, moment: str | None, dishes: Iterable[int]) -> bool:
        """Learn an order, once; whether it was new."""
        bought = sorted(set(dishes))
        added = self._connection.execute(
            "INSERT OR IGNORE INTO past_order VALUES (?, ?, ?, ?)", (order_id, _text(at), moment, json.dumps(bought))
        )
        if added.rowcount == 0:
            return False
        self.learned.add(bought, moment)
        return True

    def forget_old(self, now: datetime) -> int:
        """Forget the orders that are too long ago to tell what people like; how many."""
        before = (_text(now - self._days),)
        old = list(self._orders("SELECT dishes, moment FROM past_order WHERE at < ?", before))
        for dishes, moment in old:
            self.learned.forget(dishes, moment)
        self._connection.execute("DELETE FROM past_order WHERE at < ?", before)
        return len(old)

    def _orders(self, statement: str, values: tuple[str, ...] = ()) -> Iterator[tuple[list[int], str | None]]:
        for dishes, moment in self._connection.execute(statement, values).fetchall():
            yield json.loads(dishes), moment


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
