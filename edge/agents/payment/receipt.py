"""The receipt as a document: one page, for the customer's phone."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from edge.agents.payment.prices import Line
from edge.contract.money import Money

_DPI = 200
_WIDTH_PX = 630  # 80 mm, the width of a till's paper
_MARGIN_PX = 40
_LONGEST_PX = 20_000  # two and a half metres: longer is no receipt, and would take the memory of one
_FONT = "DejaVuSans.ttf"  # where the system has it (Debian: fonts-dejavu-core); Pillow's own knows no accents
_SAFE_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")  # a gateway's id becomes a file's name
_GAP = ""


class ReceiptError(Exception):
    """The document could not be made."""


@dataclass(frozen=True)
class PaidReceipt:
    """What the document says; `paid_at` is aware."""

    transaction_id: str
    order_id: str
    shop: str
    currency: str
    lines: tuple[Line, ...]
    amount: Money
    loyalty_points: int
    paid_at: datetime


def ensure_receipt(receipt: PaidReceipt, folder: Path) -> str:
    """Make the payment's document in `folder`, if it isn't there, and return its URL's path. Blocks.

    Raises:
        ReceiptError: the folder can't be written, or the transaction id can't be a file's name.
    """
    if not _SAFE_NAME.fullmatch(receipt.transaction_id):
        raise ReceiptError(f"{receipt.transaction_id!r} can't be a file's name")
    path = folder / f"{receipt.transaction_id}.pdf"
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _save(_drawn(receipt), receipt, path)
    except (OSError, ValueError) as error:
        raise ReceiptError(f"{path.name} can't be written: {error}") from error
    return f"/receipts/{path.name}"


def _save(page: Image.Image, receipt: PaidReceipt, path: Path) -> None:
    """Write under another name and rename: whoever fetches the document gets all of it or none."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            page.save(
                file,
                "PDF",
                resolution=_DPI,
                quality=90,
                title=f"Receipt {receipt.transaction_id}",
                author=receipt.shop,
            )
            file.flush()
            os.fsync(file.fileno())  # without it, a power cut leaves an empty document under the final name
        Path(name).chmod(0o644)  # the page's server may run as another user
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _drawn(receipt: PaidReceipt) -> Image.Image:
    """The page, as tall as it needs to be, in shades of grey."""
    rows = _rows(receipt)
    height = 2 * _MARGIN_PX + sum(_height(size) for *_, size in rows)
    if height > _LONGEST_PX:
        raise ReceiptError(f"{len(receipt.lines)} lines are too many for one page")
    page = Image.new("L", (_WIDTH_PX, height), 255)
    draw = ImageDraw.Draw(page)
    top = _MARGIN_PX
    for left, right, size in rows:
        font, accents = _font(size)
        room = _WIDTH_PX - 2 * _MARGIN_PX
        if right:
            draw.text((_WIDTH_PX - _MARGIN_PX, top), right, 0, font, anchor="ra")
            room -= int(font.getlength(right)) + size
        draw.text((_MARGIN_PX, top), _fitted(drawable(left, accents=accents), font, room), 0, font)
        top += _height(size)
    return page


def drawable(text: str, *, accents: bool) -> str:
    """`text` on one line; without `accents`, in letters that Pillow's own font has."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    if accents:
        return text
    plain = unicodedata.normalize("NFKD", text)
    return "".join(letter if letter.isascii() else "?" for letter in plain if not unicodedata.combining(letter))


@cache
def _font(size: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, bool]:
    """The font, and whether it has accented letters."""
    try:
        return ImageFont.truetype(_FONT, size), True
    except OSError:
        return ImageFont.load_default(size), False


def _rows(receipt: PaidReceipt) -> list[tuple[str, str, int]]:
    """What stands left, what stands right, and its size in pixels."""
    rows = [(receipt.shop, "", 42), (receipt.paid_at.strftime("%Y-%m-%d %H:%M UTC"), "", 22), (_GAP, "", 22)]
    for line in receipt.lines:
        rows.append((f"{line.qty} x {line.name}", str(line.total), 26))
        if line.qty > 1:
            rows.append((f"      {line.price} each", "", 22))
        rows.extend((f"      {name}", "", 22) for name in line.customizations)
    rows += [(_GAP, "", 22), ("Total paid by card", f"{receipt.amount} {receipt.currency}", 32), (_GAP, "", 22)]
    if receipt.loyalty_points:
        rows.append((f"Loyalty points earned: {receipt.loyalty_points}", "", 24))
    rows += [(f"Order {receipt.order_id}", "", 20), (f"Transaction {receipt.transaction_id}", "", 20)]
    return rows


def _height(size: int) -> int:
    return size * 3 // 2


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: int) -> str:
    """`text`, cut with three dots where it is wider than `room` pixels."""
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(f"{text}...") > room:
        text = text[:-1]
    return f"{text}..."
