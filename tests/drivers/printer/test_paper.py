"""The roll and what comes off it."""

from __future__ import annotations

import io

from PIL import Image

from drivers.printer.paper import Roll, Strip


def printed_strip(height_px: int = 80, text: str = "line") -> Strip:
    return Strip(height_px, Image.new("L", (576, height_px), 255), (text,))


def test_a_roll_gets_shorter_by_what_is_printed() -> None:
    roll = Roll(576, 100)
    roll.print(printed_strip(80))
    assert roll.left_mm == 90
    assert not roll.out


def test_what_the_roll_has_no_room_for_waits_for_the_next_one() -> None:
    roll = Roll(576, 15)
    roll.print(printed_strip(80, "first"))
    roll.print(printed_strip(80, "second"))
    assert roll.out
    scrap = roll.replace(100)
    assert scrap is not None
    assert (scrap.length_mm, scrap.text, scrap.complete) == (15, ["first"], False)
    rest = roll.cut()
    assert rest is not None
    assert (rest.length_mm, rest.text, rest.complete) == (5, ["second"], True)
    assert roll.left_mm == 95


def test_what_waits_can_be_forgotten() -> None:
    roll = Roll(576, 5)
    roll.print(printed_strip(80))
    roll.forget()
    roll.replace(100)
    assert roll.cut() is None
    assert roll.left_mm == 100


def test_bare_paper_is_no_receipt() -> None:
    roll = Roll(576, 100)
    roll.print(Strip(80))
    assert roll.cut() is None
    assert roll.left_mm == 90


def test_the_picture_is_the_paper_at_203_dpi() -> None:
    roll = Roll(576, 1000)
    roll.print(printed_strip(80))
    roll.print(Strip(40))
    piece = roll.cut()
    assert piece is not None
    picture = Image.open(io.BytesIO(piece.png()))
    assert picture.format == "PNG"
    assert picture.size == (640, 120 + 48)  # 80 mm wide; bare paper at both ends
    assert picture.tobytes() == piece.image.tobytes()
    red, green, blue, opacity = picture.getpixel((320, 40))  # type: ignore[misc]  # RGBA gives four numbers
    assert max(red, green, blue) < 64
    assert opacity == 255
    assert min(picture.getpixel((10, 40))) > 240  # type: ignore[arg-type]  # as above
    assert picture.getpixel((8, 0)) == (252, 251, 246, 0)  # between two teeth
