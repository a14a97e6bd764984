"""The printer's journal: what became of each job, kept over a crash of the process."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final, Literal

from drivers.errors import DeviceSetup

log = logging.getLogger(__name__)

Entry = Literal["printed", "not printed", "unknown", "taken"]

REMEMBERED: Final = 1000  # jobs: some days of a busy kiosk
_ENTRIES: Final[dict[str, Entry]] = {
    "printed": "printed",
    "not printed": "not printed",
    "unknown": "unknown",
    "taken": "taken",
}


class Journal:
    """The last entry of each of the latest jobs; in the file at `path`, a line an entry, or in memory alone.

    An entry is on the disk when `write` returns. A disk that fails is complained of and costs no customer a receipt:
    what this process knows, it knows. Any thread may use it; one process at a time.

    Raises:
        DeviceSetup: the file can't be read or made.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self.last: Entry | None = None
        """The entry of the latest job; unless it came to its end, a piece of it may hang out of the printer."""
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for line in path.read_bytes().splitlines() if path.exists() else []:
                self._remember(line)
            self._rewrite(path)
        except OSError as error:
            raise DeviceSetup(f"the printer's journal {path} can't be used: {error.strerror or error}") from error

    def entry(self, job: str) -> Entry | None:
        """The last entry of `job`, if it is remembered."""
        with self._lock:
            return self._entries.get(job)

    def write(self, job: str, entry: Entry) -> None:
        """Note `entry` for `job`; blocks until it is on the disk."""
        with self._lock:
            self._note(job, entry)
            if self._path is None:
                return
            try:
                with self._path.open("ab") as file:
                    file.write(_line(job, entry))
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                log.warning("the printer's journal %s can't be written: %s", self._path, error.strerror or error)

    def _note(self, job: str, entry: Entry) -> None:
        self._entries[job] = entry
        self._entries.move_to_end(job)
        self.last = entry
        while len(self._entries) > REMEMBERED:
            self._entries.popitem(last=False)

    def _remember(self, line: bytes) -> None:
        """Take in one line; the last one may be torn, if the power went while it was written."""
        try:
            job, entry = json.loads(line)
            self._note(str(job), _ENTRIES[entry])
        except (ValueError, TypeError, KeyError):
            log.warning("the printer's journal %s has a line that is none: %r", self._path, line[:80])

    def _rewrite(self, path: Path) -> None:
        """Keep what is remembered and no more, and end a torn line: all of it or the file as it was."""
        new = path.with_name(path.name + ".new")
        with new.open("wb") as file:
            file.writelines(_line(job, entry) for job, entry in self._entries.items())
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _line(job: str, entry: Entry) -> bytes:
    return json.dumps([job, entry]).encode() + b"\n"
