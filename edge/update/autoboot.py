"""autoboot.txt on the configuration partition: which slot boots. The one file that decides it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.update import durable
from edge.update.errors import UpdateError
from edge.update.firmware import AUTOBOOT_BYTES, AutobootInvalid, autoboot_text, booted_slot


class Autoboot:
    """The file at `path`, read as the firmware reads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def committed(self) -> str:
        """The slot, A or B, that an ordinary boot takes.

        Raises:
            AutobootInvalid: there is no file, or the firmware could make nothing of it.
        """
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise AutobootInvalid(f"{self.path} can't be read: {error}") from error
        return booted_slot(text, tryboot=False)

    def commit(self, slot: str) -> None:
        """Make an ordinary boot take `slot`; the other one is then the one that can be tried.

        Raises:
            UpdateError: the file can't be written; it says what it said.
        """
        content = autoboot_text(slot).encode()
        try:
            with _writable(self.path.parent):
                if self.path.exists() and self.path.stat().st_size == AUTOBOOT_BYTES:
                    durable.overwrite_sector(self.path, content)
                else:
                    durable.replace(self.path, content)
        except OSError as error:
            raise UpdateError(f"{self.path} can't be written: {error.strerror}; the boot stays as it was") from error


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """Mount the file system under `folder` for writing while this lasts, where it is mounted read-only."""
    if not os.statvfs(folder).f_flag & os.ST_RDONLY:
        yield
        return
    _remount(folder, "rw")
    try:
        yield
    finally:
        _remount(folder, "ro")


def _remount(folder: Path, how: str) -> None:
    done = subprocess.run(["mount", "-o", f"remount,{how}", folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UpdateError(f"{folder} can't be mounted {how}: {done.stderr.strip()}")
