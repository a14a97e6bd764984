"""The menu in SQLite: what a search looks in, and how many of each dish are left.

The file is written by the menu agent alone. It is derived from the menu's file but for the counts of what is left,
so one that can't be read is put aside and made anew. A rollback journal, not WAL: neighbours that run as other users
read it without a right to write beside it (ADR 0023).
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from edge.agents.menu.catalogue import Dish, Menu, SearchWords
from edge.agents.menu.faults import MenuInvalid
from edge.agents.menu.spelling import forms, label, padding, words
from edge.contract.money import Money

log = logging.getLogger(__name__)

_FORM = 1  # of the tables, as `user_version`: a file of another is made anew, but for what is left
_BUSY_S = 5.0
_REMEMBERED = 10_000  # sales, so that one that is told twice counts once

_LASTING = """
CREATE TABLE IF NOT EXISTS stock (dish INTEGER PRIMARY KEY, listed INTEGER, remaining INTEGER);
CREATE TABLE IF NOT EXISTS read_until (one INTEGER PRIMARY KEY CHECK (one = 1), at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sale (number INTEGER PRIMARY KEY, order_id TEXT UNIQUE NOT NULL, at TEXT NOT NULL);
"""
# `label.kind` is tag, diet or allergen. The words of `words` are written with their stems; `word_at` says which dish
# has a word in which column, `spelling` finds words by their pieces of three letters.
_DERIVED = """
CREATE TABLE head (digest TEXT NOT NULL, said BLOB NOT NULL);
CREATE TABLE dish (id INTEGER PRIMARY KEY, place INTEGER NOT NULL, price INTEGER NOT NULL, said BLOB NOT NULL);
CREATE TABLE label (kind TEXT, label TEXT, dish INTEGER, PRIMARY KEY (kind, label, dish)) WITHOUT ROWID;
CREATE TABLE called (text TEXT, dish INTEGER, PRIMARY KEY (text, dish)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(name, spoken, labels, description, tokenize = "unicode61 remove_diacritics 0");
CREATE VIRTUAL TABLE word_at USING fts5vocab(words, instance);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, row);
CREATE VIRTUAL TABLE spelling USING fts5(word, tokenize = "trigram");
"""
_DERIVED_TABLES = ("word_at", "vocabulary", "spelling", "words", "called", "label", "dish", "head")


class ShelfUnusable(MenuInvalid):
    """The menu's database can't be used; the text says what to do."""


class _Head(msgspec.Struct):
    currency: str
    search: SearchWords
    pronounced: dict[str, str]


class Shelf:
    """A menu on the shelf. Without a `path` it is in memory, and forgets what was sold.

    Any thread may use it; work is done one after the other.

    Raises:
        ShelfUnusable: this Python's SQLite has no FTS5 with trigrams, or the folder can't be written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._writing = threading.Lock()
        self._menu = Menu([], "XXX")
        self.revision = 0
        """Counts up whenever the menu or what is left of it has changed."""
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError as error:
            if path is None or isinstance(error, sqlite3.OperationalError):
                raise _unusable(path, error) from error
            aside = path.with_suffix(".damaged")
            told = "menu: %s is damaged (%s): put aside as %s, what is left is counted anew"
            log.log(logging.ERROR, told, path, error, aside)  # without a traceback: it is the disk's fault
            path.replace(aside)
            path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
            self._connection = self._open()
        except OSError as error:
            raise ShelfUnusable(f"{path}: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @property
    def menu(self) -> Menu:
        """The menu as it can be sold now: each dish's `stock` is what is left of it."""
        return self._menu

    def put(self, menu: Menu) -> bool:
        """Take over what the menu's file says; whether anything is new.

        A dish whose `stock` in the file is what it was keeps its count of what is left; one whose stock was changed
        begins from there.
        """
        head = msgspec.json.encode(_Head(menu.currency, menu.search, dict(menu.pronounced)))
        said = [msgspec.json.encode(dish, enc_hook=_minor) for dish in menu.dishes]
        digest = hashlib.sha256(b"\n".join([head, *said])).hexdigest()
        with self._transaction() as write:
            new: bool = write.execute("SELECT digest FROM head").fetchone() != (digest,)
            if new:
                for table in ("head", "dish", "label", "called", "words", "spelling"):
                    write.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of our own
                write.execute("INSERT INTO head VALUES (?, ?)", (digest, head))
                for place, (dish, line) in enumerate(zip(menu.dishes, said, strict=True)):
                    _shelve(write, place, dish, line)
                _restock(write, menu.dishes)
                spelled = {word for (word,) in write.execute("SELECT term FROM vocabulary")}
                spelled |= {word for diet in menu.diets for word in words(diet)}
                spelled |= {word for each in menu.search.synonyms for word in words(each)}
                write.executemany("INSERT INTO spelling VALUES (?)", [(padding(word),) for word in sorted(spelled)])
        with self._lock:
            self._menu = _with_stock(menu, self._remaining())
            self.revision += 1
        return new

    def sell(self, order_id: str, pieces: Mapping[int, int]) -> list[Dish]:
        """Take what an order sold (pieces by dish id) off the shelf; return the dishes that are now sold out.

        On the disk when this returns. An order that was told before is not counted again.
        """
        with self._transaction() as write:
            known = write.execute("SELECT 1 FROM sale WHERE order_id = ?", (order_id,)).fetchone()
            if known:
                return []
            write.execute(
                "INSERT INTO sale (order_id, at) VALUES (?, ?)",
                (order_id, datetime.now(UTC).isoformat(timespec="seconds")),
            )
            write.execute("DELETE FROM sale WHERE number <= (SELECT max(number) FROM sale) - ?", (_REMEMBERED,))
            write.executemany(
                "UPDATE stock SET remaining = max(0, remaining - ?) WHERE dish = ? AND remaining IS NOT NULL",
                [(count, dish) for dish, count in pieces.items()],
            )
        with self._lock:
            before = self._menu
            self._menu = _with_stock(before, self._remaining())
            self.revision += 1
            had = {dish.id for dish in before.dishes if dish.available}
            return [dish for dish in self._menu.dishes if dish.id in had and not dish.available]

    @property
    def read_until(self) -> datetime | None:
        """Up to when the record of events was read for sales; None for not at all."""
        found = self.rows("SELECT at FROM read_until")
        return datetime.fromisoformat(found[0][0]) if found else None

    @read_until.setter
    def read_until(self, at: datetime) -> None:
        with self._transaction() as write:
            write.execute("INSERT OR REPLACE INTO read_until VALUES (1, ?)", (at.astimezone(UTC).isoformat(),))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """All that is read within is of one moment, and cheaper than read by itself."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")

    def rows(self, statement: str, values: Iterable[object] = ()) -> list[Any]:
        """What a SELECT finds, for the search."""
        with self._lock:
            return self._connection.execute(statement, tuple(values)).fetchall()

    def _remaining(self) -> dict[int, int | None]:
        return dict(self._connection.execute("SELECT dish, remaining FROM stock"))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction, on a connection of its own where there is a file: searches go on until it is committed."""
        with self._writing, self._lock if self._path is None else nullcontext():
            try:
                connection = self._connection if self._path is None else self._connect()
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    try:
                        yield connection
                    except BaseException:
                        connection.execute("ROLLBACK")
                        raise
                    connection.execute("COMMIT")
                finally:
                    if connection is not self._connection:
                        connection.close()
            except sqlite3.Error as error:
                raise _unusable(self._path, error) from error

    def _open(self) -> sqlite3.Connection:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = self._connect()
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
            (form,) = connection.execute("PRAGMA user_version").fetchone()
            connection.executescript(_LASTING)
            if form != _FORM:
                dropped = "".join(f"DROP TABLE IF EXISTS {table};" for table in _DERIVED_TABLES)
                connection.executescript(f"BEGIN; {dropped} {_DERIVED} PRAGMA user_version = {_FORM}; COMMIT;")
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path or ":memory:", timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_spill = OFF")  # nothing is written before the commit, so that readers go on
        return connection


class Glance:
    """The menu as another process sees it: what the menu agent has on its shelf, or the file's while it has none.

    Never writes. It looks whether anything changed at each `menu`, which costs some microseconds.
    """

    def __init__(self, path: Path, fallback: Menu) -> None:
        self._path = path
        self._menu = fallback
        self._connection: sqlite3.Connection | None = None
        self._seen: object = None
        self._closed = False
        self._lock = threading.Lock()
        self.revision = 0
        """Counts up whenever another menu was seen."""

    @property
    def menu(self) -> Menu:
        """The menu as it can be sold now; once closed, as it was last seen."""
        with self._lock:
            try:
                if not self._closed:
                    self._look()
            except (sqlite3.Error, OSError, msgspec.MsgspecError) as error:
                self._forget()
                log.log(logging.DEBUG, "menu: %s can't be read now: %s", self._path, error)
            return self._menu

    def close(self) -> None:
        """Close the file; it isn't opened again."""
        with self._lock:
            self._closed = True
            self._forget()

    def _look(self) -> None:
        identity = self._path.stat().st_ino
        if self._connection is None or identity != (self._seen[0] if isinstance(self._seen, tuple) else None):
            self._forget()
            self._connection = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S, check_same_thread=False
            )
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if self._seen == (identity, version):
            return
        self._connection.execute("BEGIN")
        try:
            head = self._connection.execute("SELECT said FROM head").fetchone()
            dishes = self._connection.execute("SELECT said FROM dish ORDER BY place").fetchall()
            remaining = dict(self._connection.execute("SELECT dish, remaining FROM stock"))
        finally:
            self._connection.execute("COMMIT")
        if head is not None:
            self._menu = _with_stock(_read(head[0], [each for (each,) in dishes]), remaining)
            self.revision += 1
        self._seen = (identity, version)

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._seen = None


def _shelve(write: sqlite3.Connection, place: int, dish: Dish, said: bytes) -> None:
    write.execute("INSERT INTO dish VALUES (?, ?, ?, ?)", (dish.id, place, dish.price.minor, said))
    labels = {("tag", label(each)) for each in dish.tags} | {("diet", label(each)) for each in dish.diets}
    labels |= {("allergen", label(each)) for each in dish.allergens}
    write.executemany("INSERT INTO label VALUES (?, ?, ?)", [(kind, each, dish.id) for kind, each in labels])
    others = [*dish.also_called, *dish.names.values()]
    texts = {" ".join(words(each)) for each in (dish.name, *others)}
    write.executemany("INSERT INTO called VALUES (?, ?)", [(text, dish.id) for text in texts if text])
    # "hot dog" is written "hotdog" as well.
    joined = ["".join(pair) for each in (dish.name, *others) for pair in pairwise(words(each))]
    write.execute(
        "INSERT INTO words (rowid, name, spoken, labels, description) VALUES (?, ?, ?, ?, ?)",
        (
            dish.id,
            _indexed([dish.name]),
            _indexed([*others, *joined]),
            _indexed([*dish.tags, dish.category]),
            _indexed([dish.description]),
        ),
    )


def _indexed(texts: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(form for text in texts for word in words(text) for form in sorted(forms(word))))


def _restock(write: sqlite3.Connection, dishes: Iterable[Dish]) -> None:
    before = dict(write.execute("SELECT dish, listed FROM stock"))
    for dish in dishes:
        if dish.id not in before or before[dish.id] != dish.left:
            write.execute("INSERT OR REPLACE INTO stock VALUES (?, ?, ?)", (dish.id, dish.left, dish.left))
    write.execute("DELETE FROM stock WHERE dish NOT IN (SELECT id FROM dish)")


def _with_stock(menu: Menu, remaining: Mapping[int, int | None]) -> Menu:
    dishes = []
    for dish in menu.dishes:
        left = remaining.get(dish.id, dish.left)
        same = left == dish.left
        dishes.append(dish if same else msgspec.structs.replace(dish, stock="unlimited" if left is None else left))
    return Menu(dishes, menu.currency, menu.search, menu.pronounced)


def _read(head: bytes, dishes: Iterable[bytes]) -> Menu:
    said = msgspec.json.decode(head, type=_Head)
    read = msgspec.json.Decoder(Dish, dec_hook=_money)
    return Menu([read.decode(each) for each in dishes], said.currency, said.search, said.pronounced)


def _minor(thing: object) -> object:
    if isinstance(thing, Money):
        return thing.minor
    raise NotImplementedError(f"{type(thing).__name__} has no place in a menu")


def _money(wanted: type, raw: object) -> object:
    if wanted is Money and isinstance(raw, int):
        return Money(raw)
    raise NotImplementedError(f"{wanted.__name__} has no place in a menu")


def _unusable(path: Path | None, error: sqlite3.Error) -> ShelfUnusable:
    if "no such module" in str(error) or "no such tokenizer" in str(error) or "tokenizer" in str(error):
        return ShelfUnusable(
            f"the menu's search needs SQLite 3.34 or newer with FTS5, and this Python has {sqlite3.sqlite_version} "
            f"({error}): install Debian's python3, whose libsqlite3 has it"
        )
    if path is None:
        return ShelfUnusable(f"the menu in memory can't be used: {error}")
    return ShelfUnusable(f"{path} can't be used: {error}. It may be deleted: it is made anew from the menu's file")
