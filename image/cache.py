"""What was made once and needn't be made again: files named for everything that went into them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path


def content_key(*parts: str | bytes | Iterable[str]) -> str:
    """A short name for exactly these parts, in this order."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            raw = part.encode()
        elif isinstance(part, bytes):
            raw = part
        else:
            raw = "\0".join(part).encode()
        digest.update(f"{len(raw)}:".encode())
        digest.update(raw)
    return digest.hexdigest()[:16]


def tree_key(*folders: Path) -> str:
    """A name for what the folders hold: names, bytes and whether a file is executable; caches of Python's left out."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if "__pycache__" in path.parts or not path.is_file():
                continue
            digest.update(f"{path.relative_to(folder)}\0{os.access(path, os.X_OK)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


class Cache:
    """A folder of finished files. A file that is there is whole: it is written beside and renamed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def newest(self, pattern: str) -> Path | None:
        """The file of this pattern that was made last."""
        there = sorted(self.folder.glob(pattern), key=lambda path: path.stat().st_mtime)
        return there[-1] if there else None

    def get(self, name: str, make: Callable[[Path], None]) -> tuple[Path, bool]:
        """The file `name`, and whether it was there already; else `make` writes it at the path it is given."""
        path = self.folder / name
        if path.exists():
            os.utime(path)  # what is used stays longest
            return path, True
        self.folder.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{os.getpid()}.{name}")
        try:
            make(new)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
        return path, False

    def keep(self, pattern: str, most: int) -> None:
        """Remove all but the `most` of this pattern that were used last."""
        there = sorted(self.folder.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in there[most:]:
            old.unlink()
