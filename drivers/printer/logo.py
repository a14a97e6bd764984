"""The shop's logo: a PNG turned into dots."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PIL import Image, ImageChops

from drivers.errors import DeviceSetup
from drivers.printer.paper import DOTS_PER_MM

TALLEST_MM: Final = 30  # above that it costs more paper than the order
_MOST_PX: Final = 4096  # a side: what is larger was not meant for a receipt, and unpacks to 64 MB and more


def load_logo(path: Path, width_px: int) -> Image.Image:
    """The PNG at `path` as dots: mode "1", set where there is ink; at most `width_px` wide and 30 mm tall.

    Shades are dithered, what is transparent stays bare. It is made smaller where it has to be, and never larger.

    Raises:
        DeviceSetup: there is no such PNG, or nothing can be seen of it.
    """
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            if max(picture.size) > _MOST_PX:
                raise DeviceSetup(f"the logo {path} has {picture.width} x {picture.height} pixels; 4096 are the most")
            colours = picture.convert("RGBA")
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, DeviceSetup):
            raise
        words = getattr(error, "strerror", None) or error
        raise DeviceSetup(f"the logo {path} can't be read as a PNG: {words}") from error
    paper = Image.new("RGBA", colours.size, "white")
    paper.alpha_composite(colours)
    grey = paper.convert("L")
    grey.thumbnail((width_px, TALLEST_MM * DOTS_PER_MM), Image.Resampling.LANCZOS)
    dots = ImageChops.invert(grey).convert("1")
    if dots.getbbox() is None:
        raise DeviceSetup(f"nothing can be seen of the logo {path} on white paper")
    return dots
