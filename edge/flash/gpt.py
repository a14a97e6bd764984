"""Reads a disk's partition table (GPT), from an image or a device, without mounting or a tool."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

SECTOR_BYTES = 512
# UEFI specification 2.10, 5.3.2 and 5.3.3: the header is in sector 1, entries are where it says.
_HEADER = struct.Struct("<8s4xIIxxxxQQQQ16sQIII")
_ENTRY = struct.Struct("<16s16sQQQ72s")
_UNUSED = bytes(16)
# What the head of an image has to hold for its table to be read: 128 entries from sector 2.
TABLE_BYTES = 34 * SECTOR_BYTES


class NoTable(ValueError):
    """The disk has no GPT; the text says so."""


@dataclass(frozen=True)
class Partition:
    """One partition; `start` and `length` are bytes on the disk."""

    number: int
    name: str
    start: int
    length: int


def read_table(head: bytes, *, source: str = "the disk") -> list[Partition]:
    """The partitions that the first `TABLE_BYTES` of a disk tell of.

    Raises:
        NoTable: there is no GPT.
    """
    header = head[SECTOR_BYTES : SECTOR_BYTES + _HEADER.size]
    if len(header) < _HEADER.size or not header.startswith(b"EFI PART"):
        raise NoTable(f"{source} has no GPT partition table")
    _, _, _, _, _, _, _, _, entries_at, count, entry_bytes, _ = _HEADER.unpack(header)
    found = []
    for number in range(1, count + 1):
        at = entries_at * SECTOR_BYTES + (number - 1) * entry_bytes
        entry = head[at : at + _ENTRY.size]
        if len(entry) < _ENTRY.size:
            break
        kind, _, first, last, _, name = _ENTRY.unpack(entry)
        if kind != _UNUSED:
            words = name.decode("utf-16-le", "replace").partition("\0")[0]
            found.append(Partition(number, words, first * SECTOR_BYTES, (last - first + 1) * SECTOR_BYTES))
    return found


def partitions(disk: Path) -> list[Partition]:
    """The partitions of the image or device `disk`.

    Raises:
        NoTable: it has no GPT.
        OSError: it can't be read.
    """
    with disk.open("rb") as file:
        return read_table(file.read(TABLE_BYTES), source=str(disk))
