"""The log of writes that QEMU's blklogwrites keeps (the format of Linux's dm-log-writes, version 1).

Sector 0 is the superblock; entries follow, each a sector of header and then its data. QEMU enters a request once it is
done and before the guest hears so: the order is that of completion, and what a guest was told is in the log.
"""

from __future__ import annotations

import mmap
import struct
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Final

MAGIC: Final = 0x6A736677736872
VERSION: Final = 1
FLUSH: Final = 1
FUA: Final = 2
DISCARD: Final = 4
MARK: Final = 8

_SUPER: Final = struct.Struct("<QQQI")  # magic, version, entries, sector size
_HEADER: Final = struct.Struct("<QQQQ")  # sector, sectors, flags, length of a mark's text


class LogDamaged(Exception):
    """The log can't be read; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request, in sectors of the log's size. `begins` and `ends` are bytes of the log, `data` where data begins."""

    sector: int
    sectors: int
    flags: int
    begins: int
    data: int
    ends: int

    @property
    def flushes(self) -> bool:
        """Whether what was done before it is on the medium once it is done."""
        return bool(self.flags & FLUSH)

    @property
    def forced(self) -> bool:
        """Whether it is on the medium itself once it is done (FUA)."""
        return bool(self.flags & FUA)

    @property
    def discards(self) -> bool:
        """Whether it throws its sectors away instead of writing them."""
        return bool(self.flags & DISCARD)

    @property
    def changes(self) -> bool:
        """Whether it changes the disk."""
        return self.sectors > 0 and not self.flags & MARK


class WriteLog:
    """A log that is complete, its entries in memory and its data mapped. Use as a context manager, or `close` it.

    Read it when QEMU has ended: an entry that was being written then is not counted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            if path.stat().st_size < _SUPER.size:
                raise LogDamaged(f"{path} is no log of writes: it has {path.stat().st_size} bytes")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        try:
            magic, version, promised, self.sector_bytes = _SUPER.unpack_from(self._map)
            if magic != MAGIC or version != VERSION:
                raise LogDamaged(f"{path} is no log of writes: magic {magic:#x}, version {version}")
            if self.sector_bytes < 512 or self.sector_bytes & (self.sector_bytes - 1):
                raise LogDamaged(f"{path}: a sector of {self.sector_bytes} bytes")
            self.entries = self._read()
            # The superblock is brought up to date at flushes: there are at least as many.
            if len(self.entries) < promised:
                raise LogDamaged(f"{path} ends after {len(self.entries)} of its {promised} entries")
        except LogDamaged:
            self._map.close()
            raise
        self._ends = [entry.ends for entry in self.entries]
        # By position: how many entries had been made durable by a flush that was done before it.
        flushed = (number + 1 if entry.flushes else 0 for number, entry in enumerate(self.entries))
        self._durable = [0, *accumulate(flushed, max)]

    def __enter__(self) -> WriteLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.entries)

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()

    def data(self, entry: Entry) -> bytes:
        """What `entry` wrote; zeros where it discarded, as a medium may show for them."""
        if entry.discards:
            return bytes(entry.sectors * self.sector_bytes)
        return self._map[entry.data : entry.data + entry.sectors * self.sector_bytes]

    def durable(self, position: int) -> int:
        """How many of the first `position` entries no power cut can take back: those up to the last flush."""
        return self._durable[position]

    def position(self, length_bytes: int) -> int:
        """How many entries a log of that length holds in whole."""
        return bisect_right(self._ends, length_bytes)

    def _read(self) -> list[Entry]:
        entries, size, unit = [], len(self._map), self.sector_bytes
        begins = unit
        while begins + unit <= size:
            sector, sectors, flags, length = _HEADER.unpack_from(self._map, begins)
            if not (sectors or flags):
                break  # space that was taken for an entry which was never written
            if flags & ~(FLUSH | FUA | DISCARD | MARK) or length > unit - _HEADER.size:
                raise LogDamaged(f"{self.path}: no entry at byte {begins}: flags {flags:#x}, text of {length} bytes")
            data = begins + unit
            ends = data + (0 if flags & DISCARD else sectors * unit)
            if ends > size:
                break
            entries.append(Entry(sector, sectors, flags, begins, data, ends))
            begins = ends
        return entries
