"""Reading a file that somebody wrote on some computer: encodings, line ends, names that Windows makes up."""

from __future__ import annotations

import codecs
from pathlib import Path

from edge.firstboot.mistakes import Mistake

LARGEST_BYTES = 256 * 1024  # a hundred times what anyone writes: a film by that name mustn't fill the memory

_AS_UTF8 = "Save it as UTF-8: in Notepad, File, Save as, Encoding: UTF-8."


class Unreadable(Exception):
    """The file is no text; `mistake` says what it is instead."""

    def __init__(self, mistake: Mistake) -> None:
        self.mistake = mistake
        super().__init__(mistake.words)


def read_text(path: Path) -> str | None:
    """The text in `path`, without a byte order mark; None if there is no such file.

    Raises:
        Unreadable: it can't be read, or it isn't text in UTF-8 (or in UTF-16 with its mark, as old Notepads save it).
    """
    name = path.name
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise Unreadable(Mistake(name, "this is a folder", f"Put a file called {name} there.")) from None
    except OSError as error:
        words = f"it can't be read ({error.strerror})"
        raise Unreadable(
            Mistake(name, words, "Copy it to the card again, and check the card on a computer.")
        ) from error
    if len(raw) > LARGEST_BYTES:
        raise Unreadable(Mistake(name, "it is far too large", "Is it the right file?"))
    try:
        if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return raw.decode("utf-16")
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise Unreadable(Mistake(name, "it has a character that isn't UTF-8", _AS_UTF8, line)) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        words = "it has bytes of zero in it, as after a copy that was cut off, or text saved as UTF-16"
        raise Unreadable(Mistake(name, words, f"Copy the file to the card again. {_AS_UTF8}", line))
    return text


def misnamed(boot: Path, names: tuple[str, ...]) -> list[Mistake]:
    """Files in `boot` that look as if they were meant to be one of `names`."""
    try:
        found = sorted(path.name for path in boot.iterdir() if not path.name.startswith("."))
    except OSError:
        return []
    return [mistake for each in found for mistake in _misnamed(each, names)]


def _misnamed(found: str, names: tuple[str, ...]) -> list[Mistake]:
    for name in names:
        stem, _, ending = name.partition(".")
        lower = found.lower()
        if lower == name:  # FAT knows no difference
            return []
        if lower in (f"{name}.txt", f"{stem}.txt", f"{name}.{ending}", f"{name}.rtf", f"{name}.doc"):
            return [
                Mistake(
                    found,
                    f"it is not called {name}, so it isn't read",
                    f"Rename it to {name}. Windows hides the end of a name: in Explorer switch on View, File name "
                    f"extensions, and take the {Path(found).suffix} away.",
                )
            ]
        if lower in (f"{name}.pub", "id_rsa.pub", "id_ed25519.pub", "id_ecdsa.pub") and name == "authorized_keys":
            return [Mistake(found, "a public key is read only from authorized_keys", f"Rename it to {name}.")]
    return []
