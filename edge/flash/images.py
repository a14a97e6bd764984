"""An image on this computer: opening it whatever it is packed with, its block map and its checksum beside it."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edge.flash.bmap import BlockMap, read_map
from edge.flash.errors import FlashError, ImageDamaged

PACKED = (".zst", ".xz", ".gz")
_CHUNK_BYTES = 4 << 20


class Image:
    """The image at `path`: .img, or packed as .img.zst, .img.xz or .img.gz.

    Raises:
        FlashError: it isn't there, is empty, or zstd is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file() or path.stat().st_size == 0:
            raise FlashError(f"{path} is not there, or empty: `make image` makes one")
        if path.suffix == ".zst" and shutil.which("zstd") is None:
            raise FlashError("zstd is needed to unpack the image: apt install zstd")
        self.file_bytes = path.stat().st_size

    @property
    def plain_name(self) -> str:
        """Its name when unpacked."""
        return self.path.stem if self.path.suffix in PACKED else self.path.name

    def block_map(self) -> BlockMap | None:
        """The map beside it (kiosk.bmap, kiosk.img.bmap or kiosk.img.zst.bmap), or None.

        Raises:
            ImageDamaged: the map is damaged.
        """
        stem = Path(self.plain_name).stem
        for name in (f"{self.path.name}.bmap", f"{self.plain_name}.bmap", f"{stem}.bmap"):
            beside = self.path.with_name(name)
            if beside.is_file():
                return read_map(beside)
        return None

    def promised_sum(self) -> str | None:
        """Its line in the SHA256SUMS beside it, or None where there is none."""
        sums = self.path.with_name("SHA256SUMS")
        if not sums.is_file():
            return None
        for line in sums.read_text(encoding="utf-8", errors="replace").splitlines():
            checksum, _, name = line.partition(" ")
            if name.strip().removeprefix("*") == self.path.name:
                return checksum.lower()
        return None

    def check_sum(self, report: Callable[[int], None]) -> bool:
        """Compare the file with SHA256SUMS; whether there was a line to compare with. `report` hears of bytes read.

        Raises:
            ImageDamaged: it is another file.
        """
        promised = self.promised_sum()
        if promised is None:
            return False
        digest, done = hashlib.sha256(), 0
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                done += len(chunk)
                report(done)
        if digest.hexdigest() != promised:
            raise ImageDamaged(f"{self.path.name} is not the file that SHA256SUMS is of: it is damaged, get it again")
        return True

    def unpacked_bytes(self) -> int | None:
        """How large it is unpacked; None where only unpacking tells."""
        return None if self.path.suffix in PACKED else self.file_bytes

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Its bytes, unpacked, from the first.

        Raises:
            ImageDamaged: while reading, the packed file turns out cut off or damaged.
        """
        try:
            if self.path.suffix == ".zst":
                with self._unzstd() as stream:
                    yield stream
            elif self.path.suffix == ".xz":
                with lzma.open(self.path) as stream:
                    yield stream
            elif self.path.suffix == ".gz":
                with gzip.open(self.path) as stream:
                    yield stream  # type: ignore[misc]  # a GzipFile reads as any binary file does
            else:
                with self.path.open("rb") as stream:
                    yield stream
        except (EOFError, lzma.LZMAError, gzip.BadGzipFile) as error:
            raise self._damaged() from error

    @contextmanager
    def _unzstd(self) -> Iterator[IO[bytes]]:
        """zstd's own program: it unpacks beside us, on the other processor, and is one package everywhere."""
        with subprocess.Popen(
            ["zstd", "-dcq", "--long=31", self.path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None  # noqa: S101 - a pipe was asked for
            whole = False
            try:
                yield process.stdout
                whole = not process.stdout.read(1)
            finally:
                process.stdout.close()
                if not whole:
                    process.terminate()
            if process.wait() != 0 and whole:
                raise self._damaged()

    def _damaged(self) -> ImageDamaged:
        return ImageDamaged(f"{self.path.name} is damaged or cut off: get it again")
