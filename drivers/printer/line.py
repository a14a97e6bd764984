"""The line a printer has in hand: characters, gaps and small pictures until it is full or fed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from PIL import Image, ImageChops, ImageDraw

from drivers.printer.glyphs import CELL, Font, glyph
from drivers.printer.paper import DOTS_PER_MM, Strip

LINE_PX: Final = 30  # ESC 2: 3.75 mm
_LONGEST_FEED_PX: Final = 1016 * DOTS_PER_MM  # 40 inches, the most an Epson feeds for one command


@dataclass(slots=True)
class Cell:
    """Something on the line: set dots are 255; `text` is what it says."""

    dots: Image.Image
    text: str = ""
    underline_px: int = 0


@dataclass(slots=True)
class Style:
    """How characters and lines are set; what ESC @ resets."""

    font: Font = "A"
    bold: bool = False
    wide: int = 1
    tall: int = 1
    underline_px: int = 0
    white_on_black: bool = False
    align: Literal["left", "center", "right"] = "left"
    line_px: int = LINE_PX
    gap_px: int = 0
    margin_px: int = 0
    area_px: int | None = None
    tabs: tuple[int, ...] = tuple(range(8, 256, 8))


@dataclass
class Line:
    """Sets characters in `style` on a line `width_px` dots long; printed strips go to `out`."""

    width_px: int
    out: Callable[[Strip], None]
    style: Style = field(default_factory=Style)
    _cells: list[Cell] = field(init=False, default_factory=list)

    @property
    def empty(self) -> bool:
        """Nothing is on the line."""
        return not self._cells

    def area(self) -> tuple[int, int]:
        """Left edge and width of the printing area, in dots; at least one character wide."""
        left = min(self.style.margin_px, self.width_px - CELL["A"][0])
        width = self.width_px - left
        if self.style.area_px is not None:
            width = min(width, max(self.style.area_px, CELL["A"][0]))
        return left, width

    def clear(self) -> None:
        """Forget what is on the line."""
        self._cells = []

    def character(self, character: str, cells: int = 1) -> None:
        """Put one character on the line, in the middle of `cells` cells."""
        style = self.style
        dots = glyph(character, style.font, style.bold, style.wide, style.tall)
        width = dots.width * cells + style.gap_px
        if width != dots.width:
            roomy = Image.new("L", (width, dots.height), 0)
            roomy.paste(dots, ((dots.width * (cells - 1)) // 2, 0))
            dots = roomy
        if style.white_on_black:
            dots = ImageChops.invert(dots)
        self.put(Cell(dots, character, style.underline_px))

    def put(self, cell: Cell) -> None:
        """Put `cell` on the line; if it doesn't fit, the line is printed first."""
        if self._cells and self._used_px() + cell.dots.width > self.area()[1]:
            self.print(self.style.line_px)
        self._cells.append(cell)

    def tab(self) -> bool:
        """Go to the next tab, if there is one on this line."""
        cell_px = self._cell_px()
        column = self._used_px() // cell_px
        stop = next((stop for stop in self.style.tabs if stop > column), None)
        if stop is None or stop * cell_px >= self.area()[1]:
            return True  # ignored, says the reference
        return self.space_to(stop * cell_px)

    def space_to(self, x_px: int) -> bool:
        """Go to `x_px` from the area's left edge; False if that is behind: this printer can't print over."""
        gap = x_px - self._used_px()
        if gap < 0:
            return False
        if gap:
            spaces = " " * max(gap // self._cell_px(), 1)
            self.put(Cell(Image.new("L", (gap, CELL[self.style.font][1]), 0), spaces))
        return True

    def finish(self) -> None:
        """Print what is on the line, if anything is, as before a cut."""
        if self._cells:
            self.print(self.style.line_px)

    def feed(self, distance_px: int) -> None:
        """Print what is on the line and feed `distance_px` in all."""
        distance_px = min(distance_px, _LONGEST_FEED_PX)
        if self._cells:
            self.print(distance_px)
        elif distance_px:
            self.out(Strip(distance_px))

    def print(self, feed_px: int) -> None:
        """Print the line, bare or not, and feed `feed_px`, or the line's own height if that is more."""
        cells, self._cells = self._cells, []
        if not cells:
            self.out(Strip(feed_px, None, ("",)))
            return
        left, area = self.area()
        tallest = max(cell.dots.height for cell in cells)
        strip = Image.new("L", (self.width_px, max(tallest, feed_px)), 0)
        draw = ImageDraw.Draw(strip)
        x = begin = left + self._offset(area, sum(cell.dots.width for cell in cells))
        for cell in cells:
            strip.paste(cell.dots, (x, tallest - cell.dots.height))
            if cell.underline_px:
                draw.rectangle((x, tallest - cell.underline_px, x + cell.dots.width - 1, tallest - 1), fill=255)
            x += cell.dots.width
        words = " " * (begin // CELL["A"][0]) + "".join(cell.text for cell in cells)
        self.out(Strip(strip.height, strip, (words.rstrip(),)))

    def print_picture(self, dots: Image.Image, qr: str | None = None) -> None:
        """Print a picture by itself, aligned, cut off where the area ends."""
        self.finish()
        left, area = self.area()
        strip = Image.new("L", (self.width_px, dots.height), 0)
        shown = dots.crop((0, 0, min(dots.width, area), dots.height))
        strip.paste(shown, (left + self._offset(area, shown.width), 0))
        self.out(Strip(strip.height, strip, (), qr))

    def _used_px(self) -> int:
        return sum(cell.dots.width for cell in self._cells)

    def _cell_px(self) -> int:
        return CELL[self.style.font][0] * self.style.wide

    def _offset(self, area: int, width: int) -> int:
        spare = max(area - width, 0)
        return {"left": 0, "center": spare // 2, "right": spare}[self.style.align]
