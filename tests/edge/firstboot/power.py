"""The power goes: after so many writes to the disk, and with it what was not synced.

Every call that changes the disk is counted, and a cut comes instead of the one that is asked for. What was written to
a file and not synced is lost; so are names that were given, changed or removed in a folder that was not synced, unless
the cut is a kind one. That is as hard as a file system may be, and harder than FAT and ext4 are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


class PowerCut(BaseException):
    """Nothing may catch it."""


@dataclass
class _Rename:
    folder: Path
    undo: Callable[[], None]


class Disk:
    """What was done below `top` and is not on the disk yet."""

    def __init__(self, top: Path, cut_after: int | None, *, kind: bool, forbidden: tuple[bytes, ...]) -> None:
        self.calls = 0
        self.freed_with_secrets: list[str] = []
        self._top = str(top)
        self._cut_after = cut_after
        self._kind = kind
        self._forbidden = forbidden
        self._dirty: dict[Path, bytes] = {}
        self._names: list[_Rename] = []

    def count(self, path: str | Path) -> bool:
        """One more change, if `path` is ours; the power may go now."""
        if not str(path).startswith(self._top):
            return False
        if self._cut_after is not None and self.calls >= self._cut_after:
            raise PowerCut
        self.calls += 1
        return True

    def wrote(self, path: Path, before: bytes) -> None:
        self._dirty.setdefault(path, before)

    def synced(self, path: Path) -> None:
        self._dirty.pop(path, None)
        self._names = [each for each in self._names if each.folder != path]

    def named(self, folder: Path, undo: Callable[[], None]) -> None:
        self._names.append(_Rename(folder, undo))

    def moved(self, old: Path, new: Path) -> None:
        if old in self._dirty:
            self._dirty[new] = self._dirty.pop(old)

    def freed(self, path: Path) -> None:
        """The file's blocks are free; somebody could read them."""
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        if any(secret in content for secret in self._forbidden):
            self.freed_with_secrets.append(path.name)

    def lose(self) -> None:
        """What the cut takes with it."""
        if self._kind:
            return
        for path, before in self._dirty.items():
            if path.exists():
                path.write_bytes(before)
        for each in reversed(self._names):
            each.undo()


@contextmanager
def power(
    top: Path, cut_after: int | None = None, *, kind: bool = False, card: Path, forbidden: tuple[str, ...] = ()
) -> Iterator[Disk]:
    """Run what is inside until the cut, if there is one; a PowerCut is swallowed here, at the very end."""
    disk = Disk(top, cut_after, kind=kind, forbidden=tuple(secret.encode() for secret in forbidden))
    with pytest.MonkeyPatch.context() as patch:
        _watch(patch, disk, card)
        try:
            yield disk
        except PowerCut:
            pass
        finally:
            patch.undo()
            disk.lose()


def _watch(patch: pytest.MonkeyPatch, disk: Disk, card: Path) -> None:
    real_open, real_write, real_fsync = os.open, os.write, os.fsync
    real_replace, real_unlink, real_mkdir = os.replace, os.unlink, os.mkdir
    paths: dict[int, Path] = {}

    def open_(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        creates = bool(flags & os.O_CREAT) and not os.path.lexists(path)
        if creates:
            disk.count(path)
        handle = real_open(path, flags, mode, **more)
        paths[handle] = Path(path)
        if creates:
            disk.named(Path(path).parent, lambda: Path(path).unlink(missing_ok=True))
        return handle

    def write(handle: int, data: Any) -> int:
        path = paths.get(handle)
        if path is not None and disk.count(path):
            disk.wrote(path, path.read_bytes())
            data = bytes(data)
            data = data[: max(1, len(data) // 2)]  # a write may be cut off, and may do less than it was asked
        return real_write(handle, data)

    def fsync(handle: int) -> None:
        path = paths.get(handle)
        if path is not None and disk.count(path):
            disk.synced(path)
        real_fsync(handle)

    def replace(old: Any, new: Any, **more: Any) -> None:
        old, new = Path(old), Path(new)
        ours = disk.count(new)
        saved = new.read_bytes() if ours and new.is_file() and not new.is_symlink() else None
        if ours and saved is not None and new.parent == card:
            disk.freed(new)
        real_replace(old, new, **more)
        if ours:

            def undo() -> None:
                if new.exists() or new.is_symlink():
                    real_replace(new, old)
                if saved is not None:
                    new.write_bytes(saved)

            disk.moved(old, new)
            disk.named(new.parent, undo)

    def unlink(path: Any, **more: Any) -> None:
        path = Path(path)
        if not os.path.lexists(path):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        ours = disk.count(path)
        saved = path.read_bytes() if ours and path.is_file() and not path.is_symlink() else None
        if ours and path.parent == card:
            disk.freed(path)
        real_unlink(path, **more)
        if saved is not None:
            disk.named(path.parent, lambda: path.write_bytes(saved) and None)

    def mkdir(path: Any, *more: Any, **named: Any) -> None:
        disk.count(path)
        real_mkdir(path, *more, **named)  # kept through a cut: an empty folder more or less is no promise

    patch.setattr(os, "open", open_)
    patch.setattr(os, "write", write)
    patch.setattr(os, "fsync", fsync)
    patch.setattr(os, "replace", replace)
    patch.setattr(os, "unlink", unlink)
    patch.setattr(os, "mkdir", mkdir)
