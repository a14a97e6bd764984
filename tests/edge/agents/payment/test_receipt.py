"""The receipt document."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image, ImageFont

from edge.agents.payment import receipt as module
from edge.agents.payment.prices import Line
from edge.agents.payment.receipt import PaidReceipt, ReceiptError, drawable, ensure_receipt
from edge.contract.money import Money

TRANSACTION = "3f8c9a8e-2f5f-4b7e-9d2c-0a4b1c2d3e4f"
RECEIPT = PaidReceipt(
    transaction_id=TRANSACTION,
    order_id="order-1",
    shop="Café Volcán",
    currency="USD",
    lines=(Line("Volcano Burger", 1, Money(1449), ("Extra Cheese",)), Line("Iced Cola", 2, Money(599))),
    amount=Money(2647),
    loyalty_points=26,
    paid_at=datetime(2026, 11, 23, 12, 30, tzinfo=UTC),
)


def page(path: Path) -> Image.Image:
    """The picture on the document's only page."""
    data = path.read_bytes()
    assert len(re.findall(rb"/Type /Page\b", data)) == 1
    start = data.index(b"\xff\xd8")
    return Image.open(io.BytesIO(data[start:]))


def test_it_is_one_page_with_ink_on_it(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "receipts"
    assert ensure_receipt(RECEIPT, folder) == f"/receipts/{TRANSACTION}.pdf"
    (path,) = folder.iterdir()  # nothing half-written is left
    assert path.name == f"{TRANSACTION}.pdf"
    picture = page(path)
    assert picture.getextrema() == (0, 255)
    longer = replace(RECEIPT, transaction_id="longer", lines=RECEIPT.lines * 3)
    ensure_receipt(longer, folder)
    assert page(folder / "longer.pdf").height > picture.height


def test_each_of_its_facts_shows(tmp_path: Path) -> None:
    others = [
        replace(RECEIPT, shop="Other"),
        replace(RECEIPT, currency="EUR"),
        replace(RECEIPT, amount=Money(2648)),
        replace(RECEIPT, loyalty_points=0),
        replace(RECEIPT, order_id="order-2"),
        replace(RECEIPT, paid_at=datetime(2026, 11, 24, 12, 30, tzinfo=UTC)),
        replace(RECEIPT, lines=RECEIPT.lines[:1]),
    ]
    pictures = set()
    for number, each in enumerate([RECEIPT, *others]):
        folder = tmp_path / str(number)
        ensure_receipt(each, folder)
        pictures.add(page(folder / f"{TRANSACTION}.pdf").tobytes())
    assert len(pictures) == len(others) + 1


def test_it_is_made_once(tmp_path: Path) -> None:
    ensure_receipt(RECEIPT, tmp_path)
    path = tmp_path / f"{TRANSACTION}.pdf"
    before = path.stat().st_ino, path.stat().st_mtime_ns
    assert ensure_receipt(RECEIPT, tmp_path) == f"/receipts/{TRANSACTION}.pdf"
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == before


@pytest.mark.parametrize("transaction_id", ["../evil", "a/b", "", ".", "a\0b", "x" * 65])
def test_an_id_that_is_no_file_name_is_refused(tmp_path: Path, transaction_id: str) -> None:
    folder = tmp_path / "receipts"
    with pytest.raises(ReceiptError, match="file's name"):
        ensure_receipt(replace(RECEIPT, transaction_id=transaction_id), folder)
    assert not folder.exists()


def test_what_stands_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReceiptError, match="can't be written"):
        ensure_receipt(RECEIPT, tmp_path / "file")
    with pytest.raises(ReceiptError, match="too many"):
        ensure_receipt(replace(RECEIPT, lines=RECEIPT.lines * 1000), tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_odd_text_is_drawn_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = replace(RECEIPT, order_id="one\ntwo\t\x00\u202e" + "w" * 60, shop="")
    ensure_receipt(odd, tmp_path / "with")
    monkeypatch.setattr(module, "_FONT", "no such font")
    module._font.cache_clear()
    ensure_receipt(odd, tmp_path / "without")
    module._font.cache_clear()
    with_font, without = (page(tmp_path / each / f"{TRANSACTION}.pdf") for each in ("with", "without"))
    assert with_font.tobytes() != without.tobytes()


def test_pillows_own_font_is_given_only_letters_it_has() -> None:
    font = ImageFont.load_default(20)
    missing = bytes(font.getmask("\u0378"))
    assert bytes(font.getmask("é")) == missing  # the reason for all this
    assert drawable("Jalapeños, Café\n€", accents=False) == "Jalapenos, Cafe ?"
    assert drawable("Jalapeños", accents=True) == "Jalapeños"
    assert all(bytes(font.getmask(letter)) != missing for letter in drawable("ñéàüß½—", accents=False))
