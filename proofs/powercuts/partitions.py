"""The partitions of a disk (GPT, UEFI 2.10 section 5.3), and one of them as a file of its own."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

SECTOR_BYTES: Final = 512

# Signature, revision, header's size and CRC, reserved, own and other place, first and last usable sector, disk's GUID,
# entries' place, number and size, CRC of the entries.
_HEADER: Final = struct.Struct("<8sIIIIQQQQ16sQIII")
_ENTRY: Final = struct.Struct("<16s16sQQQ72s")  # type, GUID, first and last sector, attributes, name (UTF-16)
_MOST_TABLE_BYTES: Final = 1 << 20
_COPIED_AT_ONCE: Final = 1 << 24


class NoPartitions(Exception):
    """The disk has no partition table that a kernel would take, or not the partition wanted; the text says why."""


@dataclass(frozen=True)
class Partition:
    """One partition: where it begins and how long it is, in bytes. `number` counts from 1."""

    number: int
    name: str
    begins: int
    length: int

    @property
    def ends(self) -> int:
        """Where the next may begin."""
        return self.begins + self.length


def partitions(disk: Path) -> list[Partition]:
    """The partitions of `disk`, as Linux reads them: by the primary table, or the backup at the disk's end if the
    primary's checksums don't hold. (block/partitions/efi.c with ``gpt`` on the command line, as the image has it: a
    table is written in UEFI's order, the backup first, so that one of the two is always whole.)

    Raises:
        NoPartitions: neither's do.
    """
    with disk.open("rb") as file:
        try:
            return _table(file, SECTOR_BYTES, disk.name)
        except NoPartitions as error:
            try:
                return _table(file, file.seek(0, os.SEEK_END) - SECTOR_BYTES, disk.name)
            except NoPartitions:
                raise error from None


def _table(file: BinaryIO, at: int, disk: str) -> list[Partition]:
    """The table whose header is `at` that byte."""
    file.seek(at)
    raw = file.read(SECTOR_BYTES)
    if len(raw) < SECTOR_BYTES or not raw.startswith(b"EFI PART"):
        raise NoPartitions(f"{disk}: no GPT in its second sector")
    _, _, size, crc, _, _, _, _, _, _, table, count, each, table_crc = _HEADER.unpack_from(raw)
    if not _HEADER.size <= size <= SECTOR_BYTES or zlib.crc32(raw[:16] + bytes(4) + raw[20:size]) != crc:
        raise NoPartitions(f"{disk}: the GPT's header is damaged")
    if each < _ENTRY.size or count * each > _MOST_TABLE_BYTES:
        raise NoPartitions(f"{disk}: a GPT with {count} entries of {each} bytes")
    file.seek(table * SECTOR_BYTES)
    entries = file.read(count * each)
    if zlib.crc32(entries) != table_crc:
        raise NoPartitions(f"{disk}: the GPT's entries are damaged")
    found = []
    for number in range(count):
        kind, _, first, last, _, name = _ENTRY.unpack_from(entries, number * each)
        if any(kind):
            text = name.decode("utf-16-le", errors="replace").rstrip("\0")
            found.append(Partition(number + 1, text, first * SECTOR_BYTES, (last - first + 1) * SECTOR_BYTES))
    return found


def named(name: str, found: list[Partition]) -> Partition:
    """The partition called `name`.

    Raises:
        NoPartitions: there is none.
    """
    for each in found:
        if each.name == name:
            return each
    raise NoPartitions(f"no partition is called {name!r}; there are: {', '.join(each.name for each in found)}")


def extract(disk: Path, partition: Partition, to: Path) -> None:
    """Copy `partition` to the file `to`, its holes as holes.

    Raises:
        OSError: it can't be read or written.
    """
    _copied(disk, to, [(partition.begins, partition.ends)], offset=partition.begins, length=partition.length)


def copy_disk(disk: Path, to: Path, without: Sequence[Partition] = ()) -> None:
    """Copy `disk` to the file `to`, its holes as holes, and holes where the partitions `without` are.

    Raises:
        OSError: it can't be read or written.
    """
    length = disk.stat().st_size
    ranges, at = [], 0
    for each in sorted(without, key=lambda partition: partition.begins):
        ranges.append((at, each.begins))
        at = each.ends
    _copied(disk, to, [*ranges, (at, length)], offset=0, length=length)


def put_back(copy: Path, disk: Path, partition: Partition) -> None:
    """Write an extracted partition to where it was.

    Raises:
        OSError: it can't be read or written.
    """
    source, target = os.open(copy, os.O_RDONLY | os.O_CLOEXEC), os.open(disk, os.O_WRONLY | os.O_CLOEXEC)
    try:
        _copy(source, target, 0, partition.length, partition.begins)
    finally:
        os.close(source)
        os.close(target)


def _copied(disk: Path, to: Path, ranges: Iterable[tuple[int, int]], *, offset: int, length: int) -> None:
    source = os.open(disk, os.O_RDONLY | os.O_CLOEXEC)
    try:
        target = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(target, length)
            end = os.lseek(source, 0, os.SEEK_END)
            for begins, ends in ranges:
                if ends > end:
                    raise OSError(f"{disk.name} ends at byte {end}, and its partition at {ends}")
                _copy_data(source, target, begins, ends, -offset)
        finally:
            os.close(target)
    finally:
        os.close(source)


def _copy_data(source: int, target: int, begins: int, ends: int, offset: int) -> None:
    """What of the range is data: holes are left out."""
    at = begins
    while (data := _next(source, at, os.SEEK_DATA)) is not None and data < ends:
        at = min(_next(source, data, os.SEEK_HOLE) or ends, ends)
        _copy(source, target, data, at, offset)


def _next(file: int, at: int, what: int) -> int | None:
    try:
        return os.lseek(file, at, what)
    except OSError:  # ENXIO: nothing but a hole from here on
        return None


def _copy(source: int, target: int, begins: int, ends: int, offset: int) -> None:
    at = begins
    while at < ends:
        data = os.pread(source, min(_COPIED_AT_ONCE, ends - at), at)
        at += os.pwrite(target, data, at + offset)
