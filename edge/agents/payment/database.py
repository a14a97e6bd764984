"""A small SQLite file that survives a power cut, reached from asyncio without blocking it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_BUSY_S = 5.0  # how long to wait for another process that writes to the same file


class Database:
    """One connection, WAL and `synchronous=FULL`: what is committed is on disk.

    All work is done by one thread, in the order asked: a question is never answered before what was asked
    earlier is done, even if its asker gave up waiting. `prepare` makes the tables where they aren't there;
    `trouble` is what SQLite's errors are raised as.
    """

    def __init__(self, path: Path, prepare: Callable[[sqlite3.Connection], None], trouble: type[Exception]) -> None:
        self.path = path
        self._prepare = prepare
        self._trouble = trouble
        self._worker: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` finds."""
        return await self._run(lambda: work(self._open()))

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in one transaction, on disk when this returns; nothing of it is done if it raises."""

        def transaction() -> T:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
            return result

        return await self._run(transaction)

    async def close(self) -> None:
        """Finish what was asked and close the file; the next work opens it again."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await asyncio.get_running_loop().run_in_executor(worker, self._shut)
            worker.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._worker is None:
            self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=self.path.stem)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work)
        except (sqlite3.Error, OSError) as error:
            raise self._trouble(f"{self.path.name} can't be used: {error}") from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = not self.path.exists()
            connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
            try:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                self._prepare(connection)
                if new:
                    _sync_folder(self.path.parent)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _shut(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _sync_folder(folder: Path) -> None:
    """A new file's name is on the disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
