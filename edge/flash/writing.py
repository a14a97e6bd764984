"""Writing an image to a disk by its block map, and reading it back from the disk itself."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Literal

from edge.flash.bmap import BlockMap, Run
from edge.flash.errors import CardFailed, DiskRefused, ImageDamaged

Report = Callable[[int], None]

CHUNK_BYTES = 4 << 20
# Flushed so often that the bar shows what is on the card, not what is in this computer's memory.
_FLUSH_BYTES = 32 << 20
_ALIGN = 4096
_GONE = {errno.EIO, errno.ENXIO, errno.ENODEV, errno.ENOMEDIUM, errno.EREMOTEIO, errno.ESHUTDOWN}


class Target:
    """An open disk or plain file that only this program may write while it is open."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle

    def write_at(self, at: int, content: bytes | memoryview) -> None:
        """Write all of `content` at byte `at`.

        Raises:
            CardFailed: the disk doesn't take it.
        """
        rest = memoryview(content)
        try:
            while rest:
                done = os.pwrite(self._handle, rest, at)
                at, rest = at + done, rest[done:]
        except OSError as error:
            raise _failed(self.path, at, error, "write") from error

    def flush(self, at: int = 0) -> None:
        """Have everything on the disk; `at` is how far that is, for the words.

        Raises:
            CardFailed: it isn't.
        """
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise _failed(self.path, at, error, "write") from error

    def read_at(self, at: int, length: int) -> bytes:
        """The bytes there as this computer has them.

        Raises:
            CardFailed: they can't be read.
        """
        try:
            return os.pread(self._handle, length, at)
        except OSError as error:
            raise _failed(self.path, at, error, "read") from error

    def from_the_disk(self, run: Run) -> Iterator[bytes | memoryview]:
        """The bytes of `run` in chunks, from the disk and not from this computer's memory of it.

        Raises:
            CardFailed: they can't be read.
        """
        with suppress(OSError):
            os.posix_fadvise(self._handle, run.start, run.length, os.POSIX_FADV_DONTNEED)
        reader, direct = self._reader()
        buffer = mmap.mmap(-1, CHUNK_BYTES)  # a page of its own: reading past the cache wants aligned memory
        at, end = run.start, run.start + run.length
        try:
            while at < end:
                before = at % _ALIGN if direct else 0
                wanted = (
                    min(CHUNK_BYTES, -(-(end - at + before) // _ALIGN) * _ALIGN)
                    if direct
                    else min(CHUNK_BYTES, end - at)
                )
                got = os.preadv(reader, [memoryview(buffer)[:wanted]], at - before) - before
                if got <= 0:
                    raise CardFailed(f"{self.path} ends at {at / 1e6:.0f} MB: it is smaller than it says")
                part = buffer[before : before + min(got, end - at)]
                yield part
                at += len(part)
        except OSError as error:
            raise _failed(self.path, at, error, "read") from error
        finally:
            os.close(reader)

    def _reader(self) -> tuple[int, bool]:
        """A handle that reads past the cache, where the file system knows how."""
        try:
            return os.open(self.path, os.O_RDONLY | os.O_DIRECT), True
        except OSError:
            return os.open(self.path, os.O_RDONLY), False


@contextmanager
def opened(path: Path, *, file_bytes: int | None = None) -> Iterator[Target]:
    """Open the disk at `path` for this program alone; with `file_bytes`, a plain file of that size is made.

    Raises:
        DiskRefused: it is in use, or this user may not.
    """
    flags = os.O_RDWR | (os.O_CREAT if file_bytes is not None else os.O_EXCL)
    try:
        handle = os.open(path, flags, 0o644)
    except PermissionError as error:
        raise DiskRefused(f"{path} may only be written by root: run it again with sudo") from error
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise DiskRefused(
                f"{path} is in use by this machine (a mount, LVM, RAID or swap): it is not written"
            ) from error
        raise DiskRefused(f"{path} can't be opened: {error.strerror}") from error
    try:
        # systemd's convention for block devices: while this lock is held, udev and the desktop leave it alone.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if file_bytes is not None:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise DiskRefused(f"{path} is not a plain file, so --to-file is not what you want")
            os.truncate(handle, file_bytes)
        yield Target(path, handle)
    except BlockingIOError as error:
        raise DiskRefused(f"{path} is being written by another program") from error
    finally:
        os.close(handle)


def write(image: IO[bytes], target: Target, plan: BlockMap, report: Report) -> BlockMap:
    """Write `plan`'s blocks of `image`; `report` hears how many bytes of them are on the disk.

    Returns what was written with the SHA-256 of each run, for `verify`.

    Raises:
        ImageDamaged: the image is shorter than the map says, or its bytes aren't what the map says.
        CardFailed: the disk doesn't take it.
    """
    at = done = unflushed = 0
    written = []
    for run in plan.runs:
        _skip(image, run.start - at)
        at = run.start
        promised, own = hashlib.new(plan.algorithm), hashlib.sha256()
        while at < run.start + run.length:
            chunk = image.read(min(CHUNK_BYTES, run.start + run.length - at))
            if not chunk:
                raise ImageDamaged(f"the image ends at {at / 1e6:.0f} MB, its map goes on: get both again")
            promised.update(chunk)
            own.update(chunk)
            target.write_at(at, chunk)
            at, done, unflushed = at + len(chunk), done + len(chunk), unflushed + len(chunk)
            if unflushed >= _FLUSH_BYTES:
                target.flush(at)
                unflushed = 0
                report(done)
        if run.checksum and promised.hexdigest() != run.checksum:
            raise ImageDamaged(f"the image isn't what its block map says at {run.start / 1e6:.0f} MB: get both again")
        written.append(Run(run.start, run.length, own.hexdigest()))
    target.flush(at)
    report(done)
    return BlockMap(plan.image_bytes, "sha256", tuple(written))


def write_unmapped(image: IO[bytes], target: Target, room_bytes: int | None, report: Report) -> BlockMap:
    """Write an image whose size only unpacking tells: all of it, as long as there is room.

    Raises:
        CardFailed: the disk doesn't take it, or is too small.
    """
    at = 0
    runs = []
    while chunk := _read_full(image, _FLUSH_BYTES):
        if room_bytes is not None and at + len(chunk) > room_bytes:
            raise CardFailed(f"{target.path} is too small: the image has more than its {room_bytes / 1e9:.2f} GB")
        target.write_at(at, chunk)
        target.flush(at)
        runs.append(Run(at, len(chunk), hashlib.sha256(chunk).hexdigest()))
        at += len(chunk)
        report(at)
    return BlockMap(at, "sha256", tuple(runs))


def verify(target: Target, written: BlockMap, report: Report) -> None:
    """Read back what was written; `report` hears how many bytes were good.

    Raises:
        CardFailed: the disk has something else.
    """
    done = 0
    for run in written.runs:
        digest = hashlib.sha256()
        for part in target.from_the_disk(run):
            digest.update(part)
            done += len(part)
            report(done)
        if digest.hexdigest() != run.checksum:
            raise CardFailed(
                f"{target.path} gives back other bytes than were written, near {run.start / 1e6:.0f} MB: "
                "the card or its reader is bad; try another"
            )


def patch(target: Target, blocks: Iterable[tuple[int, bytes]]) -> None:
    """Write `blocks`, each with its place, over what is there, and read them back.

    Raises:
        CardFailed: they didn't arrive.
    """
    runs = []
    for at, content in blocks:
        target.write_at(at, content)
        runs.append(Run(at, len(content), hashlib.sha256(content).hexdigest()))
    target.flush()
    verify(target, BlockMap(0, "sha256", tuple(runs)), lambda _: None)


def _skip(image: IO[bytes], length: int) -> None:
    if length and image.seekable():
        image.seek(length, os.SEEK_CUR)
        return
    while length > 0:
        gone = len(image.read(min(CHUNK_BYTES, length)))
        if gone == 0:
            return  # what comes next says that the image is too short
        length -= gone


def _read_full(image: IO[bytes], length: int) -> bytes:
    """As many bytes as asked for, fewer at the end only: a pipe gives them in small pieces."""
    parts = []
    while length and (part := image.read(length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _failed(path: Path, at: int, error: OSError, what: Literal["read", "write"]) -> CardFailed:
    where = f"at {at / 1e6:.0f} MB"
    if error.errno == errno.ENOSPC:
        return CardFailed(f"{path} is full {where}: it is smaller than it says, or a fake; try another card")
    if error.errno in _GONE:
        return CardFailed(f"{path} failed {where} ({error.strerror}): was it pulled out? If not, try another card")
    return CardFailed(f"{path} can't be {'written' if what == 'write' else 'read'} {where}: {error.strerror}")
