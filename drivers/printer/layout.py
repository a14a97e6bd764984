"""How a receipt looks on paper: `Receipt` to ESC/POS bytes, with python-escpos as the encoder."""

from __future__ import annotations

import textwrap
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from PIL import Image

from drivers.printer import Notice, Receipt, ReceiptLine
from drivers.printer.commands import FS, GS
from drivers.printer.python_escpos import QR_ECLEVEL_M, Dummy
from drivers.printer.settings import DOTS_PER_COLUMN
from drivers.printer.symbols import qr_dots

_BAND_PX: Final = 128  # of a picture, for one command: 9 KB at 72 mm

# Western European text comes out of one page: 1252 has é, ñ, € and the typographic quotes. 858 is for
# printers without it. Left to itself, python-escpos takes € from ISO 8859-7, where a printer may have
# nothing: the euro sign came to that page in 2003.
_PREFERRED_PAGES: Final = frozenset({"CP1252", "CP858"})
_LATE_EURO_PAGE: Final = "ISO_8859-7"
# Vietnamese, capitals on one page and small letters on another, on few printers: "ạ" is better an "a" on all.
_RARE_PAGES: Final = frozenset({"TCVN-3-1", "TCVN-3-2"})

_SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£"}
_DIGITS: Final = {"JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "VND": 0, "BHD": 3, "JOD": 3, "KWD": 3, "TND": 3}


@dataclass(frozen=True)
class Job:
    """The bytes of a receipt: its items, what makes it a receipt (from the total on), and the cut."""

    head: bytes
    tail: bytes
    cut: bytes

    @property
    def whole(self) -> bytes:
        """All of it."""
        return self.head + self.tail + self.cut


def encode_receipt(
    receipt: Receipt, *, columns: int = 48, profile: str = "default", logo: Image.Image | None = None
) -> Job:
    """What prints and cuts `receipt` on paper `columns` characters of font A wide, under `logo` (set dots are ink).

    `profile` is python-escpos' name for the printer's model: it says which code pages and symbols it has.
    """
    page = _Page(columns, profile)
    if logo is not None:
        page.picture(logo)
    page.centred(receipt.shop, big=True)
    page.gap()
    page.centred("Order")
    page.centred(receipt.order_id, big=True)
    page.gap()
    when = receipt.printed_at.astimezone()
    page.pair(when.strftime("%Y-%m-%d"), when.strftime("%H:%M"))
    page.rule()
    for line in receipt.lines:
        _print_line(page, line, receipt.currency)
    page.rule()
    head = page.written()
    added = [tax for tax in receipt.taxes if not tax.included]
    if added:
        page.pair("Subtotal", money(receipt.total - sum((tax.amount for tax in added), Decimal()), receipt.currency))
    for tax in added:
        page.pair(tax.name, money(tax.amount, receipt.currency))
    page.total("TOTAL", money(receipt.total, receipt.currency, symbol=True))
    for tax in receipt.taxes:
        if tax.included:
            page.pair(f"incl. {tax.name}", money(tax.amount, receipt.currency))
    page.rule()
    if receipt.transaction_id is not None:
        page.pair("Transaction", receipt.transaction_id)
    if receipt.link is not None:
        page.gap()
        page.qr(receipt.link, "Scan for your receipt")
    page.gap()
    page.centred(receipt.footer)
    tail = page.written()
    return Job(head, tail[len(head) :], page.cut()[len(tail) :])


def encode_notice(notice: Notice, *, columns: int = 48, profile: str = "default") -> Job:
    """What prints and cuts `notice`; see `encode_receipt`. Its last line is what makes it whole."""
    page = _Page(columns, profile)
    page.centred(notice.title, big=True)
    page.gap()
    for line in notice.lines:
        page.words(line)
    if notice.qr is not None:
        page.gap()
        page.qr(notice.qr, "")
    page.rule()
    head = page.written()
    when = notice.printed_at.astimezone()
    page.pair(when.strftime("%Y-%m-%d"), when.strftime("%H:%M"))
    tail = page.written()
    return Job(head, tail[len(head) :], page.cut()[len(tail) :])


def _print_line(page: _Page, line: ReceiptLine, currency: str) -> None:
    prefix = f"{line.quantity} x "
    page.item(prefix, line.name, money(line.price * line.quantity, currency))
    for note in (f"{money(line.price, currency)} each", *line.notes)[line.quantity == 1 :]:
        page.note(note, indent=len(prefix))


def money(amount: Decimal, currency: str, *, symbol: bool = False) -> str:
    """`amount` with the digits its currency has, or more if it has more: a receipt doesn't round."""
    digits = _DIGITS.get(currency, 2)
    exponent = amount.normalize().as_tuple().exponent
    if isinstance(exponent, int):
        digits = max(digits, -exponent)
    text = f"{abs(amount):.{digits}f}"
    sign = "-" if amount < 0 else ""
    if not symbol:
        return sign + text
    return f"{sign}{_SYMBOLS[currency]}{text}" if currency in _SYMBOLS else f"{currency} {sign}{text}"


class _Page:
    """A receipt being written: lines of `columns` characters, of half as many when big."""

    def __init__(self, columns: int, profile: str) -> None:
        self._columns = columns
        self._encoder = Dummy(profile=profile)
        self._pages = self._encoder.magic.encoder
        self._pages.codepages = {name: n for name, n in self._pages.codepages.items() if name not in _RARE_PAGES}
        self._pages.used_encodings.update(_PREFERRED_PAGES & set(self._pages.codepages))
        if self._pages.can_encode(_LATE_EURO_PAGE, "€"):  # asking fills the table that the next line mends
            del self._pages.available_characters[_LATE_EURO_PAGE]["€"]
        self._encoder.hw("INIT")
        # Most unbranded printers wake up in Chinese, where two accented letters are one character.
        self._encoder._raw(FS + b".")

    def centred(self, text: str, *, big: bool = False) -> None:
        """Text in the middle, big if every word of it fits."""
        text = self._printable(text)
        big = big and all(len(word) <= self._columns // 2 for word in text.split())
        self._style(align="center", big=big, bold=big)
        self._write(self._wrap(text, self._columns // 2 if big else self._columns))
        self._style()

    def pair(self, left: str, right: str) -> None:
        """One text at each side, or below each other if they don't fit."""
        self._write(self._pair(self._printable(left), self._printable(right), self._columns))

    def total(self, left: str, right: str) -> None:
        """A pair twice as big, as far as it fits."""
        left, right = self._printable(left), self._printable(right)
        big = len(left) + 1 + len(right) <= self._columns // 2
        self._style(big=big, bold=True)
        self._write(self._pair(left, right, self._columns // 2 if big else self._columns))
        self._style()

    def item(self, prefix: str, name: str, price: str) -> None:
        """A name that wraps under itself, its price at the right of its first line."""
        room = self._columns - len(prefix) - len(price) - 1
        if room < self._columns // 3:  # a quantity or a price without end
            self._write([*self._wrap(prefix + self._printable(name), self._columns), *self._right(price)])
            return
        first, *more = self._wrap(self._printable(name), room) or [""]
        indent = " " * len(prefix)
        self._write([f"{prefix}{first:<{room}} {price}", *(indent + line for line in more)])

    def note(self, text: str, *, indent: int) -> None:
        """A remark under an item."""
        indent = min(indent, self._columns // 3)
        lines = self._wrap(self._printable(text), self._columns - indent)
        self._write([" " * indent + line for line in lines])

    def words(self, text: str) -> None:
        """Text at the left; nothing is an empty line."""
        self._write(self._wrap(self._printable(text), self._columns) or [""])

    def rule(self) -> None:
        """A line across."""
        self._write(["-" * self._columns])

    def gap(self) -> None:
        """An empty line."""
        self._encoder.ln()

    def qr(self, content: str, caption: str) -> None:
        """A QR code with a caption, or the content itself where it is too long for one."""
        data = content.encode()
        width_px = self._columns * DOTS_PER_COLUMN
        smallest = qr_dots(data, 1, QR_ECLEVEL_M)
        if smallest is None or smallest.width > width_px:
            self._write(self._wrap(self._printable(content), self._columns))
            return
        # Under half the paper's width, and at most 1 mm a module: a telephone reads it at arm's length.
        module_px = min(max(width_px * 9 // 20 // smallest.width, 1), 8)
        self._style(align="center")
        if self._encoder.profile.supports("qrCode"):
            self._encoder.qr(content, ec=QR_ECLEVEL_M, size=module_px, native=True)
        else:
            size_px = (smallest.width * module_px, smallest.height * module_px)
            self._raster(smallest.resize(size_px, Image.Resampling.NEAREST).convert("1"))
        if caption:
            self.gap()
            self._write(self._wrap(caption, self._columns))
        self._style()

    def picture(self, dots: Image.Image) -> None:
        """A picture in the middle; mode "1", set dots are ink, no wider than the paper."""
        self._style(align="center")
        self._raster(dots)
        self._style()
        self.gap()

    def written(self) -> bytes:
        """All bytes of the page so far."""
        output: bytes = self._encoder.output
        return output

    def cut(self) -> bytes:
        """Feed to the blade and cut; all bytes of the page."""
        self._encoder.cut()
        return self.written()

    def _raster(self, dots: Image.Image) -> None:
        """In bands: a small printer has to keep one whole before it prints it."""
        for top in range(0, dots.height, _BAND_PX):
            band = dots.crop((0, top, dots.width, min(top + _BAND_PX, dots.height)))
            size = ((band.width + 7) // 8).to_bytes(2, "little") + band.height.to_bytes(2, "little")
            self._encoder._raw(GS + b"v0\x00" + size + band.tobytes())

    def _style(self, *, align: str = "left", big: bool = False, bold: bool = False) -> None:
        size = 2 if big else 1
        self._encoder.set(align=align, bold=bold, custom_size=True, width=size, height=size)

    def _write(self, lines: list[str]) -> None:
        for line in lines:
            self._encoder.textln(line.rstrip())

    def _pair(self, left: str, right: str, columns: int) -> list[str]:
        if len(left) + 1 + len(right) <= columns:
            return [left + right.rjust(columns - len(left))]
        return [*self._wrap(left, columns), *self._right(right, columns)]

    def _right(self, text: str, columns: int | None = None) -> list[str]:
        columns = columns or self._columns
        return [line.rjust(columns) for line in self._wrap(text, columns)]

    @staticmethod
    def _wrap(text: str, columns: int) -> list[str]:
        """Lines of whole words; one that is longer than a line is broken after a hyphen, where it has one."""
        lines: list[str] = []
        for line in textwrap.wrap(text, columns, break_on_hyphens=False, break_long_words=False):
            rest = line
            while len(rest) > columns:
                at = rest.rfind("-", 0, columns) + 1 or columns
                lines.append(rest[:at])
                rest = rest[at:]
            lines.append(rest)
        return lines

    def _printable(self, text: str) -> str:
        """`text` as this printer can print it, one column a character; nothing in it is a command."""
        found = []
        for character in unicodedata.normalize("NFC", text):
            category = unicodedata.category(character)
            if category in ("Mn", "Me", "Cf"):
                continue  # marks that go with no letter, joiners and direction marks take no column
            if category[0] in "CZ":
                found.append(" ")  # control characters first of all: a name from a menu must not drive a printer
            else:
                found.append(self._nearest(character))
        return " ".join("".join(found).split())

    def _nearest(self, character: str) -> str:
        """`character`, or what it is made of without its accents, or a question mark."""
        if self._has(character):
            return character
        # The Vietnamese page has accents by themselves; printed, each would take a column.
        parts = (part for part in unicodedata.normalize("NFKD", character) if unicodedata.category(part) != "Mn")
        return "".join(part for part in parts if self._has(part)) or "?"

    def _has(self, character: str) -> bool:
        return character.isprintable() and self._pages.find_suitable_encoding(character) is not None
