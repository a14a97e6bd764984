"""Writing keys and configuration: each file in one step, and only when it changed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path


def put(path: Path, text: str, *, mode: int = 0o644) -> bool:
    """Make `text` what `path` holds, on the disk when this returns; whether that was a change.

    Raises:
        OSError: it can't be written; what was there is as it was.
    """
    with contextlib.suppress(FileNotFoundError):
        found = path.lstat().st_mode
        if stat.S_ISREG(found) and stat.S_IMODE(found) == mode and path.read_bytes() == text.encode():
            return False
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)  # what an interrupted run left
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode & 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(handle, mode)  # whatever the umask
        file.write(text)
        file.flush()
        os.fsync(handle)
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Alone in `folder`: of two commands that change it at once, the second sees what the first one did.

    Raises:
        OSError: there is no such folder.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
