"""The integrator's files, put into the FAT partition KIOSK of an image's first bytes before anything is written.

mtools does the FAT, on a small file on this computer: the partition is at the image's beginning, so it is there before
the first block is written, and the card itself is never touched by a second program. What changed comes back as blocks.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge.firstboot.checking import check
from edge.firstboot.mistakes import Mistake
from edge.firstboot.reading import Unreadable, read_text
from edge.firstboot.ssh_keys import check_keys
from edge.firstboot.wifi import check_connection
from edge.flash.errors import FlashError, ImageDamaged
from edge.flash.gpt import TABLE_BYTES, NoTable, Partition, read_table

PARTITION = "KIOSK"
_LARGEST_BYTES = 1 << 30
_BLOCK_BYTES = 4096
_ZONES = Path("/usr/share/zoneinfo")


@dataclass(frozen=True)
class Placed:
    """A file for the card: its name there, and where it is here."""

    name: str
    path: Path


def checked(config: Path | None, wifi: Path | None, authorized_keys: Path | None) -> list[Placed]:
    """The given files, each found free of mistakes by what the kiosk itself checks at its first boot.

    Raises:
        FlashError: a file has mistakes; each is in the text, with its line.
    """
    checks = (
        ("kiosk.toml", config, lambda text: check(text, zones=_ZONES).mistakes),
        ("wifi.nmconnection", wifi, check_connection),
        ("authorized_keys", authorized_keys, check_keys),
    )
    files, mistakes = [], []
    for name, path, look in checks:
        if path is None:
            continue
        try:
            text = read_text(path)
        except Unreadable as error:
            mistakes.append(error.mistake)
            continue
        if text is None:
            raise FlashError(f"{path} is not there")
        mistakes += look(text)
        files.append(Placed(name, path))
    if mistakes:
        raise FlashError(_told(mistakes))
    if files and shutil.which("mcopy") is None:
        raise FlashError("mtools puts files into the image: apt install mtools (brew install mtools)")
    return files


def blocks(image: IO[bytes], files: Sequence[Placed]) -> list[tuple[int, bytes]]:
    """What to write over the image so that `files` are in it: places on the disk, and the bytes for each.

    `image` is read from its beginning to the end of the partition.

    Raises:
        FlashError: the image has no partition KIOSK, or the files don't fit.
    """
    head = _exactly(image, TABLE_BYTES)
    try:
        partition = next((each for each in read_table(head, source="the image") if each.name == PARTITION), None)
    except NoTable as error:
        raise FlashError(f"{error}, so nothing can be put into it: is it an image of `make image`?") from error
    if partition is None or not TABLE_BYTES <= partition.start < partition.start + partition.length <= _LARGEST_BYTES:
        raise FlashError(f"the image has no partition {PARTITION} at its beginning to put the files into")
    with tempfile.TemporaryDirectory(prefix="kiosk-flash-") as folder:
        fat = Path(folder) / "kiosk.fat"
        before = _cut_out(image, partition, head)
        fat.write_bytes(before)
        for file in files:
            _copy(fat, file)
        return _changed(partition.start, before, fat.read_bytes())


def _cut_out(image: IO[bytes], partition: Partition, head: bytes) -> bytes:
    _exactly(image, partition.start - len(head))
    return _exactly(image, partition.length)


def _copy(fat: Path, file: Placed) -> None:
    for words in (
        ["mcopy", "-o", "-i", str(fat), str(file.path), f"::{file.name}"],
        ["mtype", "-i", str(fat), f"::{file.name}"],
    ):
        done = subprocess.run(words, capture_output=True, check=False)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise FlashError(f"{file.path} can't be put into the image: {said}")
    if done.stdout != file.path.read_bytes():
        raise FlashError(f"{file.path} did not arrive in the image whole")


def _changed(start: int, before: bytes, after: bytes) -> list[tuple[int, bytes]]:
    return [
        (start + at, after[at : at + _BLOCK_BYTES])
        for at in range(0, len(after), _BLOCK_BYTES)
        if before[at : at + _BLOCK_BYTES] != after[at : at + _BLOCK_BYTES]
    ]


def _exactly(image: IO[bytes], length: int) -> bytes:
    parts = []
    while length and (part := image.read(length)):
        parts.append(part)
        length -= len(part)
    if length:
        raise ImageDamaged("the image ends in its first partition: it is damaged or cut off, get it again")
    return b"".join(parts)


def _told(mistakes: Sequence[Mistake]) -> str:
    lines = [mistake.words for mistake in mistakes]
    return "\n".join([f"nothing was written: {len(lines)} mistake(s) in what is to be put on the card", *lines])
