"""Notices: short documents for whoever stands before the kiosk, kept until the printer has printed them once.

Whoever has something to say leaves ``<id>.json`` in the folder of notices; the hardware agent prints it when its
printer is ready, and moves it to ``printed/``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

log = logging.getLogger(__name__)

_ID = "^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$"
_LARGEST_BYTES = 64 * 1024
_SPOILT = ".spoilt"


class Notice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be printed: a title, lines that are wrapped as needed, and what a QR code says, if there is one.

    An id is printed once, on this kiosk, for ever.
    """

    id: Annotated[str, msgspec.Meta(pattern=_ID)]
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    lines: Annotated[list[Annotated[str, msgspec.Meta(max_length=500)]], msgspec.Meta(max_length=60)]
    qr: Annotated[str, msgspec.Meta(min_length=1, max_length=500)] | None = None


class NoticeFolder:
    """A folder of notices. Every file in it is whole, whenever the power goes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._printed = folder / "printed"

    def knows(self, notice_id: str) -> bool:
        """Whether this one waits or was printed."""
        name = f"{notice_id}.json"
        return (self._folder / name).exists() or (self._printed / name).exists()

    def leave(self, notice: Notice) -> bool:
        """Leave a notice to be printed, on the disk when this returns; False if one with its id was left before.

        Raises:
            OSError: it can't be written.
        """
        if self.knows(notice.id):
            return False
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{notice.id}.json"
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(notice), indent=2) + b"\n")
            os.fchmod(file.fileno(), 0o644)  # whoever prints it is another user
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        _sync(self._folder)
        return True

    def withdraw(self, prefix: str, *, but: str | None = None) -> None:
        """Take back the notices that wait and whose id begins with `prefix`: they aren't true any more.

        Raises:
            OSError: one can't be removed.
        """
        for path in self._folder.glob(f"{prefix}*.json"):
            if path.stem != but:
                path.unlink(missing_ok=True)

    def waiting(self) -> Iterator[Notice]:
        """The notices that wait, oldest first. One that can't be read is put aside, and logged.

        Raises:
            OSError: the folder can't be read.
        """
        try:
            found = sorted((path.stat().st_mtime_ns, path) for path in self._folder.glob("*.json"))
        except FileNotFoundError:
            return
        for _, path in found:
            try:
                with path.open("rb") as file:
                    notice = msgspec.json.decode(file.read(_LARGEST_BYTES), type=Notice)
                if f"{notice.id}.json" != path.name:
                    raise msgspec.ValidationError(f"its id is {notice.id!r}")
            except FileNotFoundError:
                continue  # withdrawn
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                log.warning("the notice %s can't be read and is put aside: %s", path, error)
                path.replace(path.with_suffix(_SPOILT))
            else:
                yield notice

    def done(self, notice: Notice) -> None:
        """This one is printed, or nobody knows whether it is: it isn't printed again.

        Raises:
            OSError: it can't be moved.
        """
        self._printed.mkdir(exist_ok=True)
        try:
            (self._folder / f"{notice.id}.json").replace(self._printed / f"{notice.id}.json")
        except FileNotFoundError:
            return  # withdrawn while it was printed
        _sync(self._printed)
        _sync(self._folder)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
