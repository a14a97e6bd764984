"""Mistakes in what the integrator put on the boot partition, and how they are told."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

MISTAKES_TXT = "MISTAKES.txt"
TITLE = "This kiosk's configuration has a mistake"


@dataclass(frozen=True)
class Mistake:
    """What is wrong in `file`, at `line` (from 1) if that is known, and what to write instead.

    No part of it repeats a value from the file: it could be a password, and this is shown to everyone.
    """

    file: str
    what: str
    instead: str
    line: int | None = None

    @property
    def where(self) -> str:
        """The file and the line."""
        return self.file if self.line is None else f"{self.file}, line {self.line}"

    @property
    def words(self) -> str:
        """All of it in a line."""
        return f"{self.where}: {self.what}. {self.instead}"


def file_text(mistakes: Sequence[Mistake], *, running_on: str) -> str:
    """MISTAKES.txt, with the line ends of Windows, as Notepad of any age shows them."""
    lines = [TITLE, "=" * len(TITLE), "", f"It runs with {running_on}.", ""]
    for number, mistake in enumerate(mistakes, 1):
        lines += [f"{number}. {mistake.where}", f"   {mistake.what}.", f"   {mistake.instead}", ""]
    lines += [
        "Mend it in the file, put the card back and switch the kiosk on: this file goes away by itself.",
        "A password in a file with a mistake stays on the card until the mistake is mended.",
        "",
    ]
    return "\r\n".join(lines)


def digest(mistakes: Sequence[Mistake]) -> str:
    """A name for just these mistakes: the same ones are printed once, however often the kiosk boots."""
    return hashlib.sha256("\n".join(each.words for each in mistakes).encode()).hexdigest()[:16]
