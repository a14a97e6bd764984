"""Electricity for a folder: cuts it between two calls to the disk, and forgets some of what wasn't flushed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock


def keeps_all() -> bool:
    """A disk that wrote everything it was given."""
    return True


class PowerCut(BaseException):
    """The lights went out."""


class Power:
    """Stands in for the module `os` of `edge.update.durable`: each call happens, unless the power goes just before.

    What was written and not yet flushed is kept or lost as `keeps` says, one effect at a time, when it goes.
    """

    def __init__(self, cut_before: int | None = None, keeps: Callable[[], bool] = keeps_all) -> None:
        self.calls = 0
        self._cut_before = cut_before
        self._keeps = keeps
        self._open: dict[int, Path] = {}
        self._unflushed: list[tuple[str, Path, bytes | None]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def _call(self) -> None:
        if self.calls == self._cut_before:
            self.go()
            raise PowerCut
        self.calls += 1

    def go(self) -> None:
        """The power goes now."""
        for _, path, before in reversed(self._unflushed):
            if self._keeps():
                continue
            if before is None:
                path.unlink(missing_ok=True)
            elif path.exists():
                path.write_bytes(before)
        self._unflushed.clear()

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        self._call()
        handle = os.open(path, flags, mode)
        self._open[handle] = Path(path)
        return handle

    def close(self, handle: int) -> None:
        self._open.pop(handle)
        os.close(handle)

    def write(self, handle: int, content: bytes) -> int:
        self._call()
        self._unflushed.append(("data", self._open[handle], b""))
        return os.write(handle, content)

    def pwrite(self, handle: int, content: bytes, at: int) -> int:
        self._call()
        path = self._open[handle]
        assert len(content) <= 512  # a disk writes a sector whole or not at all; more could tear
        assert len(content) == path.stat().st_size
        self._unflushed.append(("data", path, path.read_bytes()))
        return os.pwrite(handle, content, at)

    def fsync(self, handle: int) -> None:
        self._call()
        path = self._open[handle]
        kept = "name" if path.is_dir() else "data"
        of = path if path.is_dir() else None
        self._unflushed = [
            each
            for each in self._unflushed
            if not (each[0] == kept and (of == each[1].parent if of else each[1] == path))
        ]
        os.fsync(handle)

    def rename(self, old: Path, new: Path) -> None:
        self._call()
        before = new.read_bytes() if new.exists() else None
        # The new name may reach the disk before what the file holds does.
        self._unflushed = [(kind, new if path == old else path, was) for kind, path, was in self._unflushed]
        self._unflushed.append(("name", new, before))
        os.rename(old, new)  # noqa: PTH104 - stands in for the call of that name


@contextmanager
def electricity(cut_before: int | None = None, keeps: Callable[[], bool] = keeps_all) -> Iterator[Power]:
    """Let the modules under test run on it; a `PowerCut` leaves the folder as the disk would have it."""
    power = Power(cut_before, keeps)
    with mock.patch("edge.update.durable.os", power):
        yield power
