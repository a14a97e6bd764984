"""Files that are whole whenever the power goes: put in place in one step, taken away for good."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

Owner = tuple[int, int]  # a user's id and a group's

_PIECE = 64 * 1024


def put(path: Path, content: bytes, *, mode: int | None = 0o600, owner: Owner | None = None) -> bool:
    """Make `content` what `path` holds, in one step and on the disk when this returns; whether that was a change.

    With a `mode` of None the file system has no modes (FAT).

    Raises:
        OSError: it can't be written; what was there is as it was.
    """
    if _is_so(path, content, mode, owner):
        return False
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)  # what an interrupted run left
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600 if mode is None else mode & 0o600)
    try:
        if owner is not None:
            os.fchown(handle, *owner)
        if mode is not None:
            os.fchmod(handle, mode)
        _write_all(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
    new.replace(path)
    sync_folder(path.parent)
    return True


def make_folder(path: Path, *, mode: int = 0o755, owner: Owner | None = None) -> None:
    """Make `path` and what leads there, with this mode and owner itself.

    Raises:
        OSError: it can't be made.
    """
    made = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    found = path.stat()
    if stat.S_IMODE(found.st_mode) != mode:
        path.chmod(mode)
    if owner is not None and (found.st_uid, found.st_gid) != owner:
        os.chown(path, *owner)
    for each in made:
        sync_folder(each.parent)


def move(old: Path, new: Path) -> None:
    """Give the file `old` the name `new`, on the disk when this returns.

    Raises:
        OSError: it can't be moved.
    """
    old.replace(new)
    sync_folder(new.parent)
    if old.parent != new.parent:
        sync_folder(old.parent)


def remove(path: Path) -> bool:
    """Remove `path`; whether it was there.

    Raises:
        OSError: it can't be removed.
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    sync_folder(path.parent)
    return True


def wipe(path: Path) -> None:
    """Overwrite every byte of `path` where it lies, and remove it.

    FAT and ext4 write over the same blocks; a flash card may put them elsewhere and keep the old ones for a while
    (docs/first-boot.md).

    Raises:
        OSError: it can't be written or removed.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        left = os.fstat(handle).st_size
        while left > 0:
            left -= os.write(handle, bytes(min(left, _PIECE)))
        os.fsync(handle)
    finally:
        os.close(handle)
    remove(path)


def sync_folder(path: Path) -> None:
    """Have the names in `path` on the disk.

    Raises:
        OSError: it can't be.
    """
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def owner_of(user: str) -> Owner | None:
    """`user` and its group; None where there is none, or where we may not give files away."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        return None
    return found.pw_uid, found.pw_gid


def root_with(group: str) -> Owner | None:
    """Root and `group`; None where there is none, or where we may not give files away."""
    if os.geteuid() != 0:
        return None
    try:
        return 0, grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def _is_so(path: Path, content: bytes, mode: int | None, owner: Owner | None) -> bool:
    try:
        found = path.lstat()
        return (
            stat.S_ISREG(found.st_mode)
            and (mode is None or stat.S_IMODE(found.st_mode) == mode)
            and (owner is None or (found.st_uid, found.st_gid) == owner)
            and path.read_bytes() == content
        )
    except FileNotFoundError:
        return False


def _write_all(handle: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]
