"""Thermal paper: the roll that runs out, and the receipt that comes off it."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from PIL import Image, ImageDraw

DOTS_PER_MM: Final = 8  # 203 dpi, the usual receipt printer

# How it looks: warm white paper, ink that never gets quite black, the saw teeth of the cutter.
_PAPER: Final = (252, 251, 246)
_INK: Final = (38, 36, 42)
_MARGIN_PX: Final = {576: 32, 384: 40}  # 80 mm paper carries 72 mm of print, 58 mm paper 48
_TOOTH_PX: Final = 8
_LEADER_PX: Final = 24  # bare paper between the last cut and the first line


@dataclass(frozen=True, slots=True)
class Strip:
    """Some paper on its way out: `height_px` dots long, bare where `dots` is None; set dots are 255.

    `text` and `qr` are what it says, for those who would rather not look.
    """

    height_px: int
    dots: Image.Image | None = None
    text: tuple[str, ...] = ()
    qr: str | None = None

    def split(self, at_px: int) -> tuple[Strip, Strip]:
        """The first `at_px` dots and the rest. The words stay with the rest: half a line can't be read."""
        if self.dots is None:
            return Strip(at_px), Strip(self.height_px - at_px, None, self.text, self.qr)
        width = self.dots.width
        first = Strip(at_px, self.dots.crop((0, 0, width, at_px)))
        rest = self.dots.crop((0, at_px, width, self.height_px))
        return first, Strip(self.height_px - at_px, rest, self.text, self.qr)


@dataclass(frozen=True)
class PrintedReceipt:
    """A piece of paper that came out of the printer.

    `text` is its lines as they stand, centred ones with their spaces, without bare lines at either end;
    `qr` is what its QR codes say; `complete` is False for a piece that ended because the roll did.
    """

    strips: tuple[Strip, ...]
    width_px: int
    complete: bool

    @cached_property
    def text(self) -> list[str]:
        """The lines of text, top to bottom."""
        lines = [line for strip in self.strips for line in strip.text]
        while lines and not lines[0]:
            del lines[0]
        while lines and not lines[-1]:
            del lines[-1]
        return lines

    @cached_property
    def qr(self) -> list[str]:
        """What each QR code says, top to bottom."""
        return [strip.qr for strip in self.strips if strip.qr is not None]

    @property
    def length_mm(self) -> float:
        """How much of the roll it took."""
        return sum(strip.height_px for strip in self.strips) / DOTS_PER_MM

    def __str__(self) -> str:
        return "\n".join(self.text)

    @cached_property
    def dots(self) -> Image.Image:
        """The printed area alone, one pixel a dot, mode "L", set dots 255."""
        height = sum(strip.height_px for strip in self.strips)
        area = Image.new("L", (self.width_px, max(height, 1)), 0)
        top = 0
        for strip in self.strips:
            if strip.dots is not None:
                area.paste(strip.dots, (0, top))
            top += strip.height_px
        return area

    @cached_property
    def image(self) -> Image.Image:
        """The paper as a customer holds it: "RGBA", one pixel a dot, transparent beyond the cut edges."""
        margin = _MARGIN_PX.get(self.width_px, 32)
        size = (self.width_px + 2 * margin, self.dots.height + 2 * _LEADER_PX)
        paper = Image.new("RGB", size, _PAPER)
        paper.paste(_INK, (margin, _LEADER_PX), self.dots)
        paper.putalpha(_cut_edges(size))
        return paper

    def png(self) -> bytes:
        """`image` as a PNG file."""
        file = io.BytesIO()
        self.image.save(file, "PNG", optimize=True)
        return file.getvalue()


def _cut_edges(size: tuple[int, int]) -> Image.Image:
    """The outline of a piece cut off by a toothed blade, at both ends."""
    width, height = size
    outline = Image.new("L", size, 0)
    teeth = range(0, width + _TOOTH_PX, _TOOTH_PX)
    depth = _TOOTH_PX // 2
    top = [(x, depth * (index % 2)) for index, x in enumerate(teeth)]
    bottom = [(x, height - 1 - y) for x, y in reversed(top)]
    ImageDraw.Draw(outline).polygon([*top, *bottom], fill=255)
    return outline


class Roll:
    """The paper in the printer: what is left of the roll and what hangs out since the last cut."""

    def __init__(self, width_px: int, length_mm: float) -> None:
        self.width_px = width_px
        self._left_px = round(length_mm * DOTS_PER_MM)
        self._hanging: list[Strip] = []
        self._waiting: deque[Strip] = deque()

    @property
    def left_mm(self) -> float:
        """What is left of the roll."""
        return self._left_px / DOTS_PER_MM

    @property
    def out(self) -> bool:
        """The roll is used up."""
        return self._left_px <= 0

    def print(self, strip: Strip) -> None:
        """Print `strip`; what the roll has no room for waits for the next one."""
        self._waiting.append(strip)
        self._advance()

    def forget(self) -> None:
        """Drop what waits to be printed."""
        self._waiting.clear()

    def shorten(self, length_mm: float) -> None:
        """Make the roll as short as `length_mm`, if it is longer."""
        self._left_px = min(self._left_px, round(length_mm * DOTS_PER_MM))

    def replace(self, length_mm: float) -> PrintedReceipt | None:
        """Put in a roll of `length_mm`; returns the piece of the old one that hung out, if printed on."""
        piece = self._tear(complete=False)
        self._left_px = round(length_mm * DOTS_PER_MM)
        self._advance()
        return piece

    def cut(self) -> PrintedReceipt | None:
        """Cut off what hangs out; None if that is nothing but bare paper."""
        return self._tear(complete=True)

    def _tear(self, *, complete: bool) -> PrintedReceipt | None:
        strips, self._hanging = tuple(self._hanging), []
        if not _printed_on(strips):
            return None
        return PrintedReceipt(strips, self.width_px, complete)

    def _advance(self) -> None:
        while self._waiting and not self.out:
            strip = self._waiting.popleft()
            if strip.height_px > self._left_px:
                strip, rest = strip.split(self._left_px)
                self._waiting.appendleft(rest)
            self._left_px -= strip.height_px
            self._hanging.append(strip)


def _printed_on(strips: Iterable[Strip]) -> bool:
    return any(strip.dots is not None for strip in strips)
