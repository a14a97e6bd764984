"""The printer's built-in characters: font A (12 by 24 dots) and font B (9 by 17), one bit a dot.

Drawn from DejaVu Sans Mono, which python-barcode carries and python-escpos requires: at 20 and 15 pixels its
advance is 12 and 9 pixels, so the dots are those of the font, not a scaled picture of it.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files
from typing import Final, Literal

from PIL import Image, ImageDraw, ImageFont

Font = Literal["A", "B"]

CELL: Final[dict[Font, tuple[int, int]]] = {"A": (12, 24), "B": (9, 17)}
_SIZE_PX: Final[dict[Font, int]] = {"A": 20, "B": 15}


@lru_cache
def _face(font: Font) -> ImageFont.FreeTypeFont:
    with as_file(files("barcode") / "fonts" / "DejaVuSansMono.ttf") as path:
        return ImageFont.truetype(str(path), _SIZE_PX[font], layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=2048)
def glyph(character: str, font: Font, bold: bool, wide: int, tall: int) -> Image.Image:
    """The dots of `character`, set dots 255 in mode "L", `wide` and `tall` times its cell."""
    width, height = CELL[font]
    dots = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(dots)
    draw.fontmode = "1"
    for shift in (0, 1) if bold else (0,):
        draw.text((shift, 0), character, font=_face(font), fill=255)
    return dots.resize((width * wide, height * tall), Image.Resampling.NEAREST)
