"""QR codes, as the page draws them."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Final

log = logging.getLogger(__name__)

LONGEST: Final = 500  # characters; more makes modules too small for a phone at arm's length


@lru_cache(maxsize=4)
def qr_rows(text: str) -> tuple[str, ...] | None:
    """The modules of `text`'s code from the top, 1 for dark, without a margin; None where there can be no code."""
    try:
        import qrcode  # noqa: PLC0415 - comes with the printer's library; without it a kiosk has no codes
    except ModuleNotFoundError:
        log.warning("no QR code on the screen: pip install qrcode")
        return None
    if len(text) > LONGEST:
        return None
    code = qrcode.QRCode(border=0)
    code.add_data(text)
    code.make(fit=True)
    return tuple("".join("01"[bool(module)] for module in row) for row in code.get_matrix())
