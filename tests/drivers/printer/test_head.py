"""Commands as they show on paper, dot by dot."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from drivers.printer.glyphs import glyph
from drivers.printer.paper import PrintedReceipt
from drivers.printer.python_escpos import Dummy
from drivers.printer.simulated import SimulatedPrinter


def printed(data: bytes, *, unknown: tuple[bytes, ...] = ()) -> PrintedReceipt:
    device = SimulatedPrinter()
    device.connect(lambda _: None, lambda: None).send(b"\x1b@" + data + b"\x1dV\x00")
    assert tuple(device.unknown) == unknown
    return device.receipts[0]


def dots(piece: PrintedReceipt, left: int, top: int, width: int, height: int) -> bytes:
    return piece.dots.crop((left, top, left + width, top + height)).tobytes()


def test_text_is_on_a_grid_of_12_by_24_dots() -> None:
    piece = printed(b"Ag\nM\n")
    assert dots(piece, 12, 0, 12, 24) == glyph("g", "A", False, 1, 1).tobytes()
    assert dots(piece, 0, 30, 12, 24) == glyph("M", "A", False, 1, 1).tobytes()
    assert piece.dots.height == 60


@pytest.mark.parametrize("character", "AéñÑ€ßçøŁЖΩ─█")
def test_every_character_has_dots_of_its_own(character: str) -> None:
    drawn = glyph(character, "A", False, 1, 1)
    assert drawn.getbbox() is not None
    assert drawn.tobytes() != glyph("\uffff", "A", False, 1, 1).tobytes()  # the box for what the font lacks


@pytest.mark.parametrize("command", [b"\x1d!\x11", b"\x1b!\x30"])
def test_double_size(command: bytes) -> None:
    piece = printed(command + b"A\n")
    assert dots(piece, 0, 0, 24, 48) == glyph("A", "A", False, 2, 2).tobytes()
    assert piece.text == ["A"]


def test_characters_of_two_sizes_stand_on_one_line() -> None:
    piece = printed(b"A\x1d!\x11A\n")
    assert dots(piece, 0, 24, 12, 24) == glyph("A", "A", False, 1, 1).tobytes()


def test_a_full_line_prints_itself() -> None:
    assert printed(b"x" * 50 + b"\n").text == ["x" * 48, "xx"]


def test_font_b_is_smaller() -> None:
    assert printed(b"\x1bM\x01" + b"x" * 65 + b"\n").text == ["x" * 64, "x"]


@pytest.mark.parametrize(("how", "left"), [(0, 0), (1, 282), (2, 564), (49, 282)])
def test_alignment(how: int, left: int) -> None:
    piece = printed(b"\x1ba" + bytes([how]) + b"A\n")
    assert dots(piece, left, 0, 12, 24) == glyph("A", "A", False, 1, 1).tobytes()


def test_alignment_counts_at_the_beginning_of_a_line_only() -> None:
    assert printed(b"A\x1ba\x02B\nC\x1ba\x02\n").text == ["AB", "C"]
    assert printed(b"A\n\x1ba\x02B\n").text == ["A", " " * 47 + "B"]


def test_bold_underline_and_inverse() -> None:
    assert dots(printed(b"\x1bE\x01A\n"), 0, 0, 12, 24) == glyph("A", "A", True, 1, 1).tobytes()
    assert dots(printed(b"\x1b-\x02A \n"), 0, 22, 24, 2) == b"\xff" * 48
    inverse = printed(b"\x1dB\x01 \n")
    assert dots(inverse, 0, 0, 12, 24) == b"\xff" * 288


def test_code_pages() -> None:
    words = [
        (0, "cp437", "ñ"),
        (16, "cp1252", "€"),
        (17, "cp866", "Ж"),
        (18, "cp852", "ł"),
        (19, "cp858", "€"),
    ]
    for page, codec, word in words:
        assert printed(b"\x1bt" + bytes([page]) + word.encode(codec) + b"\n").text == [word]


def test_chinese_characters_take_two_columns() -> None:
    piece = printed(b"\x1c&" + "你a".encode("gbk") + b"\x1c.\x1bt\x10\xe9\n")
    assert piece.text == ["你aé"]
    assert dots(piece, 24, 0, 12, 24) == glyph("a", "A", False, 1, 1).tobytes()


def test_feeds_and_spacing() -> None:
    assert printed(b"A\n\x1bJ\x64B\n").dots.height == 30 + 100 + 30
    assert printed(b"A\n\x1bd\x03B\n").dots.height == 30 + 90 + 30
    assert printed(b"A\x1bd\x03B\n").dots.height == 90 + 30
    assert printed(b"\x1b3\x40A\n\x1b2B\n").dots.height == 64 + 30
    assert printed(b"\x1b3\x00A\nB\n").dots.height == 24 + 24  # a line is never lower than what is on it
    assert printed(b"A\n\n\nB\n").text == ["A", "", "", "B"]


def test_tabs_margin_and_position() -> None:
    assert printed(b"a\tb\tc\n").text == ["a       b       c"]
    assert printed(b"\x1bD\x04\x00a\tb\tc\n").text == ["a   bc"]
    assert printed(b"\x1dL\x18\x00a\n").text == ["  a"]
    assert printed(b"\x1dW\x18\x00abc\n").text == ["ab", "c"]
    assert printed(b"a\x1b$\x78\x00b\n").text == ["a         b"]


def picture() -> Image.Image:
    """Not symmetrical in any way, and no multiple of 8 or 24."""
    drawn = Image.new("1", (100, 60), 1)
    draw = ImageDraw.Draw(drawn)
    draw.line((0, 0, 99, 59), fill=0)
    draw.rectangle((60, 5, 90, 20), fill=0)
    return drawn


@pytest.mark.parametrize("how", ["bitImageRaster", "graphics", "bitImageColumn"])
def test_the_three_ways_of_python_escpos_to_print_a_picture(how: str) -> None:
    encoder = Dummy(profile="TM-T20II")  # a profile that knows its width: the others print a warning
    encoder.image(picture(), impl=how)
    encoder.textln("below")
    piece = printed(encoder.output)
    expected = picture().convert("L").point(lambda value: 255 - value)
    assert dots(piece, 0, 0, 100, 60) == expected.tobytes()
    assert piece.text[-1] == "below"


def test_double_sized_raster() -> None:
    piece = printed(b"\x1dv0\x03\x01\x00\x01\x00\x81")
    row = b"\xff" * 2 + b"\x00" * 12 + b"\xff" * 2
    assert dots(piece, 0, 0, 16, 2) == row * 2


def test_a_bar_code_with_its_words() -> None:
    piece = printed(b"\x1dh\x40\x1dw\x02\x1dH\x02\x1dk\x02590123412345\x00")
    assert piece.text == ["5901234123457"]
    assert piece.dots.height == 64 + 24
    bars = piece.dots.crop((0, 10, 190, 11)).tobytes()
    assert bars[:6] == b"\xff\xff\x00\x00\xff\xff"  # the guard: bar, space, bar, two dots each
    assert bars == dots(piece, 0, 60, 190, 1)


@pytest.mark.parametrize("kind", [0, 3, 4, 5, 6, 69, 73])
def test_bar_codes_take_room_on_paper(kind: int) -> None:
    words = {
        0: b"01234567890",
        3: b"1234567",
        4: b"AB1",
        5: b"1234",
        6: b"A1B",
        69: b"AB1",
        73: b"{BHi{C\x0c",
    }[kind]
    data = bytes([kind]) + (words + b"\x00" if kind <= 6 else bytes([len(words)]) + words)
    assert printed(b"\x1dk" + data).dots.getbbox() is not None


def test_what_it_cannot_do_is_recorded() -> None:
    asked = (b"\x1b{\x01", b"\x1bV\x01", b"\x1bt\xc8", b"\x1dk\x09", b"\x1bQ", b"\x1d(k1A3\x00", b"\x1c2")
    data = b"\x1b{\x01\x1bV\x01\x1bt\xc8\x1dk\x09\x1bQ\x1d(k\x04\x001A3\x00"
    printed(data + b"A\n", unknown=asked[:-1])


def test_nothing_of_the_line_in_hand_survives_a_reset() -> None:
    assert printed(b"gone\x1b@\x1d!\x11\x1b@A\n").text == ["A"]
    assert printed(b"gone\x18A\n").text == ["A"]


@pytest.mark.parametrize("command", [b"\x1bi", b"\x1bm", b"\x1dV\x01", b"\x1dV\x42\x00"])
def test_every_way_to_cut(command: bytes) -> None:
    device = SimulatedPrinter()
    device.connect(lambda _: None, lambda: None).send(b"one" + command + b"two\n" + command)
    assert [piece.text for piece in device.receipts] == [["one"], ["two"]]
