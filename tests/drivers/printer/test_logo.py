"""The shop's logo on the receipt."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from drivers.errors import DeviceSetup
from drivers.printer import Receipt, open_printer
from drivers.printer.logo import load_logo
from drivers.printer.simulated import SimulatedEscposPrinter


def a_logo(path: Path, size: tuple[int, int] = (300, 200)) -> Path:
    """A black disc on a ground that is transparent."""
    picture = Image.new("RGBA", size, (0, 0, 0, 0))
    ImageDraw.Draw(picture).ellipse((0, 0, size[0] - 1, size[1] - 1), fill="black")
    picture.save(path, "PNG")
    return path


@pytest.mark.parametrize("columns", [48, 32])
async def test_it_is_at_the_top_in_the_middle(tmp_path: Path, receipt: Receipt, columns: int) -> None:
    logo = a_logo(tmp_path / "shop logo.png")
    printer = open_printer(f"simulated:?columns={columns}&logo={str(logo).replace(' ', '%20')}")
    assert isinstance(printer, SimulatedEscposPrinter)
    await printer.print_receipt(receipt)
    (piece,) = printer.device.receipts
    assert printer.device.unknown == []
    disc = piece.dots.crop((0, 0, piece.width_px, 200))
    box = disc.getbbox()
    assert box is not None
    left, top, right, bottom = box
    assert (top, bottom) == (0, 200)
    assert right - left == 300
    assert abs(left - (piece.width_px - right)) <= 8  # a raster is whole bytes wide
    assert disc.getpixel((piece.width_px // 2, 100)) == 255
    assert disc.getpixel((left, 0)) == 0
    assert piece.text[0].strip() == "Taquería Olé"
    await printer.close()


@pytest.mark.parametrize(("size", "expected"), [((2000, 500), (576, 144)), ((100, 1000), (24, 240)), ((8, 8), (8, 8))])
def test_it_is_made_to_fit_and_never_larger(tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert load_logo(a_logo(tmp_path / "logo.png", size), 576).size == expected


def test_shades_are_dithered(tmp_path: Path) -> None:
    Image.new("L", (100, 100), 128).save(tmp_path / "grey.png")
    dots = load_logo(tmp_path / "grey.png", 576)
    assert 0.4 < sum(dots.convert("L").tobytes()) / 255 / 10_000 < 0.6


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.write_bytes(b"no picture"), "can't be read as a PNG"),
        (lambda path: Image.new("L", (9, 9)).save(path, "GIF"), "can't be read as a PNG"),
        (lambda path: path.write_bytes(a_logo(path).read_bytes()[:200]), "can't be read as a PNG"),
        (lambda path: Image.new("1", (5000, 9)).save(path, "PNG"), "4096 are the most"),
        (lambda path: Image.new("RGB", (9, 9), "white").save(path, "PNG"), "nothing can be seen"),
    ],
)
def test_what_is_no_logo_is_said_when_the_printer_is_opened(tmp_path: Path, make: object, words: str) -> None:
    assert callable(make)
    make(tmp_path / "logo.png")
    with pytest.raises(DeviceSetup, match=words):
        open_printer(f"escpos+tcp://10.0.0.5?logo={tmp_path}/logo.png")


def test_a_printer_that_prints_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(DeviceSetup, match="'TM-U220' prints no logo"):
        open_printer(f"escpos+tcp://10.0.0.5?profile=TM-U220&logo={a_logo(tmp_path / 'logo.png')}")
