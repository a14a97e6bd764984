"""The block map beside an image: which blocks hold anything, and the checksum of each run of them.

bmaptool's format, versions 1.3 to 2.0 (its own description is in every .bmap). bmaptool itself isn't on PyPI, only in
Linux distributions, and it does not read back what it wrote; so this reads the map and writing.py does the rest.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from edge.flash.errors import ImageDamaged

_SUMS = {"sha1", "sha256", "sha384", "sha512"}


@dataclass(frozen=True)
class Run:
    """A run of mapped bytes: `start` and `length` on the disk, and the hex checksum of it where the map has one."""

    start: int
    length: int
    checksum: str = ""


@dataclass(frozen=True)
class BlockMap:
    """What of an image of `image_bytes` has to be written; `algorithm` is hashlib's name of the checksums."""

    image_bytes: int
    algorithm: str
    runs: tuple[Run, ...]

    @property
    def mapped_bytes(self) -> int:
        """How much has to be written."""
        return sum(run.length for run in self.runs)


def whole(image_bytes: int) -> BlockMap:
    """The map of an image that has none: all of it."""
    return BlockMap(image_bytes, "sha256", (Run(0, image_bytes),))


def read_map(path: Path) -> BlockMap:
    """Read the block map at `path`.

    Raises:
        ImageDamaged: it isn't one, or it was damaged.
        OSError: it can't be read.
    """
    raw = path.read_bytes()
    try:
        root = ElementTree.fromstring(raw)  # noqa: S314 - checked by its own checksum below; expat bounds entities
        version = (root.get("version") or "").split(".")[0]
        if root.tag != "bmap" or version not in ("1", "2"):
            raise ImageDamaged(f"{path.name} is no block map of a version that is known")
        image_bytes, block = (int(root.findtext(tag, "")) for tag in ("ImageSize", "BlockSize"))
        algorithm = root.findtext("ChecksumType", "sha1").strip()
        if algorithm not in _SUMS:
            raise ImageDamaged(f"{path.name} has checksums of a kind that isn't known: {algorithm}")
        _check_itself(path, raw, root, algorithm)
        runs = tuple(_run(each, block, image_bytes) for each in root.iterfind("BlockMap/Range"))
    except (ElementTree.ParseError, ValueError) as error:
        raise ImageDamaged(
            f"{path.name} is damaged: {error}. Get it again, or delete it to write every block"
        ) from error
    if any(run.length <= 0 or run.start + run.length > image_bytes for run in runs) or not runs:
        raise ImageDamaged(f"{path.name} is damaged: it names blocks that the image does not have")
    return BlockMap(image_bytes, algorithm, runs)


def _run(element: ElementTree.Element, block: int, image_bytes: int) -> Run:
    first, _, last = (part.strip() for part in (element.text or "").partition("-"))
    start = int(first) * block
    end = min((int(last or first) + 1) * block, image_bytes)
    return Run(start, end - start, (element.get("chksum") or element.get("sha1") or "").strip())


def _check_itself(path: Path, raw: bytes, root: ElementTree.Element, algorithm: str) -> None:
    """The map's checksum is that of its own text, with zeros in the checksum's place."""
    said = (root.findtext("BmapFileChecksum") or root.findtext("BmapFileSHA1") or "").strip()
    if not said:
        return
    blank = re.sub(re.escape(said.encode()), b"0" * len(said), raw, count=1)
    if hashlib.new(algorithm, blank).hexdigest() != said:
        raise ImageDamaged(f"{path.name} is damaged: its own checksum doesn't fit. Get it again")
