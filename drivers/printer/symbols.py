"""What a printer draws by itself from a few bytes: QR codes and bar codes, one pixel a dot."""

from __future__ import annotations

from typing import Final

import barcode  # type: ignore[import-untyped]  # python-barcode has no type information
import qrcode
from barcode.errors import BarcodeError  # type: ignore[import-untyped]  # as above
from PIL import Image
from qrcode.exceptions import DataOverflowError

# The numbers of GS k, for function A (0 to 6) and B (65 to 73).
_BAR_CODES: Final = {
    **dict.fromkeys((0, 65), "upca"),
    **dict.fromkeys((2, 67), "ean13"),
    **dict.fromkeys((3, 68), "ean8"),
    **dict.fromkeys((4, 69), "code39"),
    **dict.fromkeys((5, 70), "itf"),
    **dict.fromkeys((6, 71), "codabar"),
    73: "code128",
}

# Function 169 of GS ( k counts levels from 48: L, M, Q, H.
_CORRECTION: Final = (
    qrcode.constants.ERROR_CORRECT_L,
    qrcode.constants.ERROR_CORRECT_M,
    qrcode.constants.ERROR_CORRECT_Q,
    qrcode.constants.ERROR_CORRECT_H,
)


def qr_dots(data: bytes, module_px: int, correction: int) -> Image.Image | None:
    """A QR code (model 2, no quiet zone: that is the host's to leave); None if `data` is too much for one."""
    code = qrcode.QRCode(error_correction=_CORRECTION[correction], border=0)
    code.add_data(data, optimize=0)
    try:
        code.make(fit=True)
    except (DataOverflowError, ValueError):  # qrcode 8 says either, by how far it is too much
        return None
    rows = code.get_matrix()
    modules = Image.new("L", (len(rows), len(rows)))
    modules.putdata([255 if dark else 0 for row in rows for dark in row])
    return modules.resize((len(rows) * module_px, len(rows) * module_px), Image.Resampling.NEAREST)


def bar_code_dots(kind: int, data: bytes, module_px: int, height_px: int) -> tuple[Image.Image, str] | None:
    """A bar code and the characters that go with it, or None if its kind or its data can't be drawn."""
    name = _BAR_CODES.get(kind)
    words = _code_128(data) if name == "code128" else data.decode("ascii", "replace")
    if name is None or not words:
        return None
    options = {"add_checksum": False} if name == "code39" else {}
    try:
        drawing = barcode.get_barcode_class(name)(words, **options)
        bars: str = "".join(drawing.build())
    except (BarcodeError, ValueError, KeyError, IndexError):  # python-barcode's ways to refuse data
        return None
    if not bars or set(bars) - {"0", "1"}:
        return None
    modules = Image.new("L", (len(bars), 1))
    modules.putdata([255 if bar == "1" else 0 for bar in bars])
    size = (len(bars) * module_px, height_px)
    return modules.resize(size, Image.Resampling.NEAREST), drawing.get_fullcode()


def _code_128(data: bytes) -> str:
    """The characters of GS k's CODE128 data, whose code sets begin with ``{A``, ``{B`` or ``{C``."""
    words, code_set, at = "", "B", 0
    while at < len(data):
        if data[at] == 0x7B and at + 1 < len(data):
            mark = chr(data[at + 1])
            code_set = mark if mark in "ABC" else code_set
            words += "{" if mark == "{" else ""
            at += 2
            continue
        words += f"{data[at]:02d}" if code_set == "C" else chr(data[at])
        at += 1
    return words
