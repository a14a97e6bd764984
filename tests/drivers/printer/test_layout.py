"""What a receipt looks like, read off the paper of the simulated printer."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from drivers.printer import Receipt, ReceiptLine, ReceiptTax
from drivers.printer.layout import _Page, encode_receipt, money
from drivers.printer.paper import PrintedReceipt
from drivers.printer.simulated import SimulatedPrinter


def printed(receipt: Receipt, columns: int = 48, *, profile: str = "default", chinese: bool = False) -> PrintedReceipt:
    """`receipt` on paper; nothing in it may be unknown to the printer. One without a cutter is helped."""
    device = SimulatedPrinter(columns=columns, chinese=chinese)
    cable = device.connect(lambda _: None, lambda: None)
    cable.send(encode_receipt(receipt, columns=columns, profile=profile).whole)
    assert device.unknown == []
    if not device.receipts:
        assert profile == "ZJ-5870"
        cable.send(b"\x1dV\x00")
    (piece,) = device.receipts
    return piece


@pytest.fixture
def madrid() -> Iterator[None]:
    """A kiosk in Madrid."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Madrid"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_80_mm_paper(receipt: Receipt, madrid: None) -> None:
    receipt = replace(receipt, footer="¡Gracias!")
    assert str(printed(receipt)) == "\n".join(
        [
            "            Taquería Olé",  # twice as wide: 12 of 24 columns
            "",
            "                     Order",
            "                   A-042",
            "",
            "2026-11-23                                 14:05",
            "------------------------------------------------",
            "1 x Volcano Burger                         12.99",
            "    extra jalapeños",
            "    no onions",
            "2 x Iced Cola                              11.98",
            "    5.99 each",
            "------------------------------------------------",
            "TOTAL             €24.97",  # twice as wide as well
            "------------------------------------------------",
            "Transaction                         txn-7f3a9c1e",
            "",
            "",
            "             Scan for your receipt",
            "",
            "                   ¡Gracias!",
        ]
    )


def test_58_mm_paper(receipt: Receipt) -> None:
    piece = printed(replace(receipt, transaction_id="0b6dc1a4-19ab-4cbd-9a8b-3fb8e9fbf3bf"), columns=32)
    assert piece.image.width == 464  # 58 mm at 203 dpi
    assert "1 x Volcano Burger         12.99" in piece.text
    assert "TOTAL     €24.97" in piece.text
    at = piece.text.index("Transaction")
    assert piece.text[at + 1 : at + 3] == ["        0b6dc1a4-19ab-4cbd-9a8b-", "                    3fb8e9fbf3bf"]


@pytest.mark.parametrize("columns", [48, 32])
def test_accents_and_the_euro_sign_are_right_on_either_paper(receipt: Receipt, columns: int) -> None:
    piece = printed(receipt, columns)
    assert "    extra jalapeños" in piece.text
    assert piece.text[0].strip() == "Taquería Olé"
    assert any(line.startswith("TOTAL") and line.endswith("€24.97") for line in piece.text)


@pytest.mark.parametrize("columns", [48, 32])
def test_nothing_on_a_receipt_runs_off_the_paper(receipt: Receipt, columns: int) -> None:
    long = "-".join(["Extraordinarily"] * 6) + "x" * 100
    lines = (ReceiptLine(1, long, Decimal("12.99"), (long,)), ReceiptLine(2, "", Decimal("1")))
    piece = printed(replace(receipt, lines=lines, footer=long, shop=long, transaction_id=long), columns)
    assert max(len(line) for line in piece.text) <= columns
    # Broken, and nothing of it dropped: shop, item, note, transaction and footer.
    assert "".join(line.replace("12.99", "").strip() for line in piece.text).count(long) == 5


def test_a_long_name_wraps_beside_its_price(receipt: Receipt) -> None:
    name = "Double Volcano Burger with smoked cheddar, caramelised onions and a fried egg"
    piece = printed(replace(receipt, lines=(ReceiptLine(10, name, Decimal("100.50"), ("well done",)),)))
    at = piece.text.index("10 x Double Volcano Burger with smoked   1005.00")
    assert piece.text[at + 1 : at + 5] == [
        "     cheddar, caramelised onions and a",
        "     fried egg",
        "     100.50 each",
        "     well done",
    ]


def test_a_long_order_number_is_small_enough_to_fit(receipt: Receipt) -> None:
    number = "0b6dc1a4-19ab-4cbd-9a8b-3fb8e9fbf3bf"
    assert f"{number:^48}".rstrip() in printed(replace(receipt, order_id=number)).text


@pytest.mark.parametrize("columns", [48, 32])
def test_taxes(receipt: Receipt, columns: int) -> None:
    taxes = (
        ReceiptTax("Sales tax 8.875 %", Decimal("2.04"), included=False),
        ReceiptTax("City tax", Decimal("0.10"), included=False),
        ReceiptTax("VAT 10 %", Decimal("2.27")),
    )
    text = printed(replace(receipt, taxes=taxes), columns).text
    at = next(number for number, line in enumerate(text) if line.startswith("TOTAL"))
    assert [line.split() for line in text[at - 3 : at + 2]] == [
        ["Subtotal", "22.83"],
        ["Sales", "tax", "8.875", "%", "2.04"],
        ["City", "tax", "0.10"],
        ["TOTAL", "€24.97"],
        ["incl.", "VAT", "10", "%", "2.27"],
    ]
    assert {len(line) for line in (*text[at - 3 : at], text[at + 1])} == {columns}


def test_without_transaction_and_link(receipt: Receipt) -> None:
    piece = printed(replace(receipt, transaction_id=None, link=None))
    assert piece.qr == []
    assert "Transaction" not in str(piece)
    assert "Scan" not in str(piece)


@pytest.mark.parametrize("columns", [48, 32])
@pytest.mark.parametrize("profile", ["default", "ZJ-5870"])  # the second draws no QR codes: it gets a picture
def test_a_telephone_reads_the_qr_code(receipt: Receipt, columns: int, profile: str) -> None:
    piece = printed(receipt, columns, profile=profile)
    paper = Image.new("RGB", piece.image.size, (120, 90, 60))  # on a table
    paper.paste(piece.image, mask=piece.image.getchannel("A"))
    words, _, _ = cv2.QRCodeDetector().detectAndDecode(np.asarray(paper))
    assert words == receipt.link


def test_a_link_too_long_for_a_qr_code_is_printed(receipt: Receipt) -> None:
    link = "https://kiosk.example/" + "x" * 3000
    piece = printed(replace(receipt, link=link))
    assert piece.qr == []
    assert "".join(line.strip() for line in piece.text).count("x") >= 3000


WESTERN = "jalapeños € crème brûlée Größe ÆØÅ “quotes” it’s – … £5 ½ ©"


@pytest.mark.parametrize("chinese", [False, True])
def test_western_text_prints_as_it_is_written(receipt: Receipt, chinese: bool) -> None:
    piece = printed(replace(receipt, footer=WESTERN), chinese=chinese)
    assert piece.text[-2].strip() + " " + piece.text[-1].strip() == WESTERN


def test_one_code_page_does_for_western_text(receipt: Receipt) -> None:
    assert encode_receipt(replace(receipt, footer=WESTERN)).whole.count(b"\x1bt") == 1
    assert b"\x1bt\x10" in encode_receipt(receipt).whole  # page 16: Windows 1252


@pytest.mark.parametrize("profile", ["TM-T88II", "T-1", "TM-T20II", "default"])  # 1252, 858, both, both
def test_the_euro_sign_on_printers_with_one_page_or_the_other(receipt: Receipt, profile: str) -> None:
    assert "TOTAL             €24.97" in printed(receipt, profile=profile).text


def test_other_alphabets(receipt: Receipt) -> None:
    words = "Smażony ser · Борщ · Σούπα €3 · smaženého"
    assert printed(replace(receipt, footer=words)).text[-1].strip() == words
    # The euro sign stays away from ISO 8859-7 (page 15), where it is late and many a printer has none.
    assert b"\x1bt\x0f\xa4" not in encode_receipt(replace(receipt, footer="Σ€")).whole
    assert encode_receipt(replace(receipt, footer="Σ€")).whole.count(b"\xa4") == 0
    # ΅ is on no other page; once that one is in use, a euro sign is still not taken from it.
    late = encode_receipt(replace(receipt, footer="΅€")).whole
    assert b"\x1bt\x0f\xb5" in late
    assert b"\xa4" not in late


def test_every_character_that_is_sent_is_the_one_that_was_meant(receipt: Receipt) -> None:
    """Everything outside Chinese and Korean that the encoder finds a code page for."""
    everything = [chr(code) for code in (*range(0x21, 0x3000), *range(0xFF61, 0xFFA0)) if chr(code).isprintable()]
    page = _Page(48, "default")
    sent = [character for character in everything if page._printable(character) == character]
    assert {*"éñ€ЖΩłşőא", "ｱ", "ع"} <= set(sent)
    words = [" ".join(sent[at : at + 20]) for at in range(0, len(sent), 20)]  # a line each
    lines = tuple(ReceiptLine(1, "x", Decimal("1"), (word,)) for word in words)
    piece = printed(replace(receipt, lines=lines))
    assert [line.strip() for line in piece.text if line.strip() in words] == words


def test_characters_no_printer_has(receipt: Receipt) -> None:
    lines = (ReceiptLine(1, "Cafe\u0301 🌶️ \u200bhot 拉麵 ﬁsh", Decimal("1.00")),)
    assert "1 x Café ? hot ?? fish                      1.00" in printed(replace(receipt, lines=lines)).text
    pho = (ReceiptLine(1, "Phở bò đặc biệt", Decimal("1.00")),)
    assert "1 x Pho bò đac biet                         1.00" in printed(replace(receipt, lines=pho)).text


def test_a_name_is_no_command(receipt: Receipt) -> None:
    lines = (ReceiptLine(1, "Cola\x1b@\x1dV\x00\n\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08", Decimal("1.00")),)
    assert "1 x Cola @ V                                1.00" in printed(replace(receipt, lines=lines)).text


@settings(max_examples=40, deadline=None)
@given(
    words=st.lists(st.text(max_size=60), min_size=5, max_size=5),
    quantity=st.integers(1, 10**6),
    price=st.decimals(-(10**6), 10**9, places=2),
    columns=st.sampled_from([32, 48]),
)
def test_any_words_and_sums_make_one_receipt(words: list[str], quantity: int, price: Decimal, columns: int) -> None:
    shop, order, transaction, name, footer = words
    receipt = Receipt(
        shop,
        order,
        transaction,
        (ReceiptLine(quantity, name, price, (footer,)),),
        price * quantity,
        "EUR",
        datetime(2026, 11, 23, tzinfo=UTC),
        None,
        footer,
    )
    piece = printed(receipt, columns)
    assert all(len(line) <= columns for line in piece.text)
    digits = "".join(str(piece).split())
    assert money(price * quantity, "EUR") in digits
    assert money(price * quantity, "EUR", symbol=True) in digits


@pytest.mark.parametrize(
    ("amount", "currency", "plain", "with_symbol"),
    [
        ("24.97", "EUR", "24.97", "€24.97"),
        ("24.9", "USD", "24.90", "$24.90"),
        ("5", "GBP", "5.00", "£5.00"),
        ("1200", "JPY", "1200", "JPY 1200"),
        ("1.5", "KWD", "1.500", "KWD 1.500"),
        ("-3", "CHF", "-3.00", "CHF -3.00"),
        ("0.125", "EUR", "0.125", "€0.125"),
        ("1E+3", "EUR", "1000.00", "€1000.00"),
    ],
)
def test_money(amount: str, currency: str, plain: str, with_symbol: str) -> None:
    assert money(Decimal(amount), currency) == plain
    assert money(Decimal(amount), currency, symbol=True) == with_symbol
