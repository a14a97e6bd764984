"""Write logs as QEMU's blklogwrites makes them, for tests: written here by hand, not by the reader's own code."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FLUSH, FUA, DISCARD = 1, 2, 4


@dataclass(frozen=True)
class Request:
    """A request to a disk; `data` in whole sectors of 512 bytes, or `sectors` for what carries none."""

    sector: int = 0
    data: bytes = b""
    flags: int = 0
    sectors: int = 0


def write(sector: int, fill: int, sectors: int = 1, flags: int = 0) -> Request:
    """A write of `sectors` full of one byte."""
    return Request(sector, bytes([fill]) * 512 * sectors, flags)


def discard(sector: int, sectors: int) -> Request:
    """A discard."""
    return Request(sector, flags=DISCARD, sectors=sectors)


FLUSHED = Request(flags=FLUSH)


def write_log(path: Path, requests: Sequence[Request], *, promised: int | None = None) -> Path:
    """The log of `requests`; its superblock promises that many entries."""
    count = len(requests) if promised is None else promised
    log = bytearray(struct.pack("<QQQI", 0x6A736677736872, 1, count, 512).ljust(512, b"\0"))
    for each in requests:
        sectors = each.sectors or len(each.data) // 512
        log += struct.pack("<QQQQ", each.sector, sectors, each.flags, 0).ljust(512, b"\0") + each.data
    path.write_bytes(log)
    return path
