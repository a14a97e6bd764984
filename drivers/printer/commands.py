"""ESC/POS, seen from the printer: a byte stream cut into text and commands.

Lengths are from Epson's public ESC/POS command reference; what the table lacks, an Epson does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

DLE, ESC, FS, GS = b"\x10", b"\x1b", b"\x1c", b"\x1d"


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes to print, in whatever code page is selected when they are printed."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `name` is its prefix: ``b"\\x1ba"``, ``b"\\x1d(k"``, ``b"\\n"``; `data` its parameters."""

    name: bytes
    data: bytes = b""
    known: bool = True


# How many parameter bytes follow the two bytes of a command's name.
_FIXED: Final[dict[bytes, int]] = {
    **{ESC + bytes([byte]): 0 for byte in b"\x0c2@LSimv<"},
    **{ESC + bytes([byte]): 1 for byte in b" !%+-3=?AEGJKMRTUVadertu{"},
    **{ESC + bytes([byte]): 2 for byte in b"$B\\c"},
    ESC + b"p": 3,
    ESC + b"W": 8,
    **{FS + bytes([byte]): 0 for byte in b"&."},
    **{FS + bytes([byte]): 1 for byte in b"!-CW"},
    **{FS + bytes([byte]): 2 for byte in b"?Sp"},
    FS + b"2": 74,
    **{GS + bytes([byte]): 0 for byte in b":c"},
    **{GS + bytes([byte]): 1 for byte in b"!/BEHITabfhjrwz|"},
    **{GS + bytes([byte]): 2 for byte in b"$LPW\\"},
    GS + b"^": 3,
    DLE + b"\x05": 1,
}


def _little(data: memoryview) -> int:
    return int.from_bytes(data, "little")


def _function(rest: memoryview) -> int | None:
    """``( fn pL pH d1..dk``."""
    return 3 + _little(rest[1:3]) if len(rest) >= 3 else None


def _large_graphics(rest: memoryview) -> int | None:
    """``GS 8 L p1 p2 p3 p4 d1..dk``."""
    if not len(rest):
        return None
    if rest[0] != 0x4C:
        return 1
    return 5 + _little(rest[1:5]) if len(rest) >= 5 else None


def _cut(rest: memoryview) -> int | None:
    """``GS V m`` or, with a feed first, ``GS V m n``."""
    if not len(rest):
        return None
    return 2 if rest[0] in b"ABabgh" else 1


def _barcode(rest: memoryview) -> int | None:
    """``GS k m d1..dk NUL`` for m up to 6, ``GS k m n d1..dn`` from 65 on."""
    if not len(rest):
        return None
    if rest[0] >= 65:
        return 2 + rest[1] if len(rest) >= 2 else None
    return _until_nul(rest, 1, 256) if rest[0] <= 6 else 1


def _until_nul(rest: memoryview, begin: int, most: int) -> int | None:
    """Up to and with the zero byte that comes at or after `begin`; `most` bytes if none does."""
    end = bytes(rest[begin:most]).find(b"\0")
    if end >= 0:
        return begin + end + 1
    return most if len(rest) >= most else None


def _raster(rest: memoryview) -> int | None:
    """``GS v 0 m xL xH yL yH d1..dk``: x bytes across, y dots down."""
    if len(rest) and rest[0] != 0x30:
        return 1
    return 6 + _little(rest[2:4]) * _little(rest[4:6]) if len(rest) >= 6 else None


def _bit_image(rest: memoryview) -> int | None:
    """``ESC * m nL nH d1..dk``: n columns of 8 or 24 dots."""
    if len(rest) < 3:
        return None
    return 3 + _little(rest[1:3]) * (3 if rest[0] >= 32 else 1)


def _downloaded_image(rest: memoryview) -> int | None:
    """``GS * x y d1..dk``: 8x by 8y dots."""
    return 2 + rest[0] * rest[1] * 8 if len(rest) >= 2 else None


def _own_characters(rest: memoryview) -> int | None:
    """``ESC & y c1 c2 [x d1..d(xy)]`` for each character from c1 to c2."""
    if len(rest) < 3:
        return None
    size = 3
    for _ in range(rest[1], rest[2] + 1):
        if len(rest) <= size:
            return None
        size += 1 + rest[size] * rest[0]
    return size


def _stored_images(rest: memoryview) -> int | None:
    """``FS q n [xL xH yL yH d1..d(8xy)]`` for each of n images."""
    if not len(rest):
        return None
    size = 1
    for _ in range(rest[0]):
        if len(rest) < size + 4:
            return None
        size += 4 + _little(rest[size : size + 2]) * _little(rest[size + 2 : size + 4]) * 8
    return size


def _real_time_status(rest: memoryview) -> int | None:
    """``DLE EOT n``, and ``DLE EOT n a`` for ink, drawers and the like."""
    if not len(rest):
        return None
    return 2 if rest[0] in (7, 8, 18) else 1


def _real_time_request(rest: memoryview) -> int | None:
    """``DLE DC4 fn ..``: pulse, power off, sound, status, clear the buffers."""
    if not len(rest):
        return None
    return {1: 3, 2: 3, 3: 8, 7: 2, 8: 8}.get(rest[0], 1)


_VARIABLE: Final[dict[bytes, Callable[[memoryview], int | None]]] = {
    ESC + b"&": _own_characters,
    ESC + b"(": _function,
    ESC + b"*": _bit_image,
    ESC + b"D": lambda rest: _until_nul(rest, 0, 33),
    FS + b"(": _function,
    FS + b"q": _stored_images,
    GS + b"(": _function,
    GS + b"*": _downloaded_image,
    GS + b"8": _large_graphics,
    GS + b"V": _cut,
    GS + b"k": _barcode,
    GS + b"v": _raster,
    DLE + b"\x04": _real_time_status,
    DLE + b"\x14": _real_time_request,
}

_CONTROLS: Final = b"\t\n\x0c\r\x18"


class CommandStream:
    """Cuts a byte stream into text and commands, whatever pieces it arrives in. No bytes make it raise."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Text | Command]:
        """Take in `data`; return what is complete, in order. An unfinished command waits for the rest."""
        self._held += data
        found: list[Text | Command] = []
        at = 0
        with memoryview(self._held) as held:
            while at < len(held):
                token, size = _next(held[at:])
                if size is None:
                    break
                if token is not None:
                    found.append(token)
                at += size
        del self._held[:at]
        return found


def _next(rest: memoryview) -> tuple[Text | Command | None, int | None]:
    """The first token in `rest` and its length; a length of None says that more bytes are needed."""
    first = rest[0]
    if first >= 0x20:
        size = next((index for index, byte in enumerate(rest) if byte < 0x20), len(rest))
        return Text(bytes(rest[:size])), size
    if first in b"\x10\x1b\x1c\x1d":
        return _prefixed(rest) if len(rest) >= 2 else (None, None)
    if first == 0:
        return None, 1  # padding, ignored by every printer
    return Command(bytes(rest[:1]), known=first in _CONTROLS), 1


def _prefixed(rest: memoryview) -> tuple[Text | Command | None, int | None]:
    name = bytes(rest[:2])
    size: int | None
    if name in _FIXED:
        size = _FIXED[name]
    elif name in _VARIABLE:
        size = _VARIABLE[name](rest[2:])
    else:
        # The prefix goes, and the byte after it unless that may begin something or is DLE's plain text.
        dropped = 1 if name[1] < 0x20 or name[:1] == DLE else 2
        return Command(name[:dropped], known=False), dropped
    if size is None or len(rest) < 2 + size:
        return None, None
    data = bytes(rest[2 : 2 + size])
    if name[1:] == b"(":
        return Command(name + data[:1], data[3:]), 2 + size
    return Command(name, data), 2 + size
