"""Two ways to write a small file so that a power cut leaves the old one or the new one, never a part."""

from __future__ import annotations

import os
from pathlib import Path


def replace(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write beside `path`, flush, and rename over it: for a journaling file system.

    Raises:
        OSError: it can't be written; `path` is as it was.
    """
    beside = path.with_name(path.name + ".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.write(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
    os.rename(beside, path)  # noqa: PTH104 - the tests cut the power between the calls of this one module's `os`
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def overwrite_sector(path: Path, content: bytes) -> None:
    """Write over `path`, which has as many bytes as `content` and fits a sector.

    On FAT a rename is several writes without a journal. One sector in place is one write: neither the directory nor
    the allocation table changes what it says.

    Raises:
        OSError: it can't be written.
    """
    handle = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(handle, content, 0)
        os.fsync(handle)
    finally:
        os.close(handle)
