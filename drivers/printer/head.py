"""The print head: turns ESC/POS commands into strips of dots, line by line, as a 203 dpi printer does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PIL import Image

from drivers.printer.commands import ESC, FS, GS, Command
from drivers.printer.glyphs import CELL, glyph
from drivers.printer.line import LINE_PX, Cell, Line, Style
from drivers.printer.paper import DOTS_PER_MM, Strip
from drivers.printer.symbols import bar_code_dots, qr_dots

# ESC t: Epson's numbers, which most other makers share. A number that isn't here is no page of this printer.
CODE_PAGES: Final = {
    **{0: "cp437", 1: "cp932", 2: "cp850", 3: "cp860", 4: "cp863", 5: "cp865", 13: "cp857", 14: "cp737"},
    **{15: "iso8859_7", 16: "cp1252", 17: "cp866", 18: "cp852", 19: "cp858", 21: "cp874", 32: "cp720"},
    **{33: "cp775", 34: "cp855"},
    **{35: "cp861", 36: "cp862", 37: "cp864", 38: "cp869", 39: "iso8859_2", 40: "iso8859_15", 44: "cp1125"},
    **{45: "cp1250", 46: "cp1251", 47: "cp1253", 48: "cp1254", 49: "cp1255", 50: "cp1256", 51: "cp1257"},
    52: "cp1258",
}

_TO_CUTTER_PX: Final = 12 * DOTS_PER_MM  # what GS V 65 and 66 feed before they cut

# Understood and without a mark on paper: drawer, buzzer, buttons, colours, print direction, and so on.
_NO_MARK: Final = frozenset(
    [ESC + bytes([byte]) for byte in b"=BUcpru?%"]
    + [GS + bytes([byte]) for byte in b"bf|:Ij"]
    + [FS + bytes([byte]) for byte in b"!-CSW"]
    + [GS + b"(" + bytes([byte]) for byte in b"AEHKDMN"]
)


@dataclass(slots=True)
class _Mode:
    """What ESC @ resets, beyond the style of a line."""

    chinese: bool
    code_page: str = "cp437"
    unit_px: float = 1.0
    bar_module_px: int = 3
    bar_height_px: int = 162
    bar_words: int = 0


@dataclass(slots=True)
class _Symbol:
    """A QR code being put together by GS ( k."""

    module_px: int = 3
    correction: int = 0
    data: bytes = b""


class PrintHead:
    """Executes text and commands; hands each finished strip of `width_px` dots to `out`.

    `chinese` is the mode most unbranded printers wake up in: bytes from 0x81 up are read in pairs as GBK.
    """

    def __init__(self, width_px: int, out: Callable[[Strip], None], *, chinese: bool = False) -> None:
        self._line = Line(width_px, out)
        self._chinese = chinese
        self.reset()

    def reset(self) -> None:
        """ESC @: forget the line in hand and every mode."""
        self._line.clear()
        self._line.style = Style()
        self._mode = _Mode(self._chinese)
        self._symbol = _Symbol()
        self._graphics: Image.Image | None = None
        self._lead: int | None = None

    def forget_line(self) -> None:
        """Forget what is on the line in hand; the modes stay."""
        self._line.clear()
        self._lead = None

    def write(self, data: bytes) -> None:
        """Put characters on the line; a full line prints itself."""
        for byte in data:
            if self._lead is not None:
                pair, self._lead = bytes([self._lead, byte]), None
                self._line.character(pair.decode("gbk", "replace")[0], cells=2)
            elif self._mode.chinese and 0x81 <= byte <= 0xFE:
                self._lead = byte
            else:
                self._line.character(bytes([byte]).decode(self._mode.code_page, "replace"))

    def execute(self, command: Command) -> bool:
        """Execute `command`; False if this printer doesn't know it or can't honour its parameters."""
        if not command.known:
            return False
        self._lead = None
        handler = _HANDLERS.get(command.name)
        if handler is None:
            return command.name in _NO_MARK
        return handler(self, command.data)

    # Commands

    def _line_feed(self, _: bytes) -> bool:
        self._line.print(self._line.style.line_px)
        return True

    def _ignore(self, _: bytes) -> bool:
        return True  # CR: ignored, as on a serial or network printer with automatic line feed off

    def _cancel(self, _: bytes) -> bool:
        self._line.clear()
        return True

    def _tab(self, _: bytes) -> bool:
        return self._line.tab()

    def _reset(self, _: bytes) -> bool:
        self.reset()
        return True

    def _print_mode(self, data: bytes) -> bool:
        bits, style = data[0], self._line.style
        style.font = "B" if bits & 0x01 else "A"
        style.bold = bool(bits & 0x08)
        style.tall = 2 if bits & 0x10 else 1
        style.wide = 2 if bits & 0x20 else 1
        style.underline_px = 1 if bits & 0x80 else 0
        return True

    def _size(self, data: bytes) -> bool:
        self._line.style.wide = (data[0] >> 4 & 7) + 1
        self._line.style.tall = (data[0] & 7) + 1
        return not data[0] & 0x88

    def _bold(self, data: bytes) -> bool:
        self._line.style.bold = bool(data[0] & 1)
        return True

    def _underline(self, data: bytes) -> bool:
        if data[0] not in b"\x00\x01\x02012":
            return False
        self._line.style.underline_px = data[0] & 3
        return True

    def _invert(self, data: bytes) -> bool:
        self._line.style.white_on_black = bool(data[0] & 1)
        return True

    def _font(self, data: bytes) -> bool:
        if data[0] not in b"\x00\x0101":
            return False
        self._line.style.font = "B" if data[0] & 1 else "A"
        return True

    def _align(self, data: bytes) -> bool:
        if data[0] not in b"\x00\x01\x02012":
            return False
        if self._line.empty:  # it counts at the beginning of a line only
            self._line.style.align = ("left", "center", "right")[data[0] & 3]
        return True

    def _code_page(self, data: bytes) -> bool:
        if data[0] not in CODE_PAGES:
            return False
        self._mode.code_page = CODE_PAGES[data[0]]
        return True

    def _international(self, data: bytes) -> bool:
        return data[0] == 0  # the characters of ASCII stay as they are

    def _chinese_on(self, _: bytes) -> bool:
        self._mode.chinese = True
        return True

    def _chinese_off(self, _: bytes) -> bool:
        self._mode.chinese = False
        return True

    def _spacing_default(self, _: bytes) -> bool:
        self._line.style.line_px = LINE_PX
        return True

    def _spacing(self, data: bytes) -> bool:
        self._line.style.line_px = round(data[0] * self._mode.unit_px)
        return True

    def _motion_units(self, data: bytes) -> bool:
        self._mode.unit_px = 25.4 * DOTS_PER_MM / data[1] if data[1] else 1.0
        return True

    def _gap(self, data: bytes) -> bool:
        self._line.style.gap_px = data[0]
        return True

    def _left_margin(self, data: bytes) -> bool:
        self._line.style.margin_px = int.from_bytes(data, "little")
        return True

    def _area_width(self, data: bytes) -> bool:
        self._line.style.area_px = int.from_bytes(data, "little")
        return True

    def _position(self, data: bytes) -> bool:
        return self._line.space_to(min(int.from_bytes(data, "little"), self._line.area()[1]))

    def _set_tabs(self, data: bytes) -> bool:
        self._line.style.tabs = tuple(sorted(set(data.rstrip(b"\0"))))
        return True

    def _feed_lines(self, data: bytes) -> bool:
        self._line.feed(data[0] * self._line.style.line_px)
        return True

    def _feed_dots(self, data: bytes) -> bool:
        self._line.feed(round(data[0] * self._mode.unit_px))
        return True

    def _finish_line(self, _: bytes) -> bool:
        self._line.finish()
        return True

    def _cut_feed(self, data: bytes) -> bool:
        """GS V, up to the cut itself, which is the cutter's; 65 and 66 feed to the blade first."""
        self._line.finish()
        if data[0] in b"ABabgh":
            self._line.feed(_TO_CUTTER_PX + data[-1])
        return data[0] in b"\x00\x0101ABabgh"

    def _turned(self, data: bytes) -> bool:
        return not data[0] & 1  # upside down and sideways are beyond this printer

    def _raster(self, data: bytes) -> bool:
        if data[0] != 0x30:
            return False
        size = (int.from_bytes(data[2:4], "little") * 8, int.from_bytes(data[4:6], "little"))
        return self._dots(data[6:], size, 1 + (data[1] & 1), 1 + (data[1] >> 1 & 1))

    def _dots(self, data: bytes, size: tuple[int, int], wide: int, tall: int) -> bool:
        if not size[0] or not size[1]:
            return False
        dots = Image.frombytes("1", size, data).convert("L")
        dots = dots.crop((0, 0, min(size[0], self._line.width_px), size[1]))
        self._line.print_picture(dots.resize((dots.width * wide, dots.height * tall), Image.Resampling.NEAREST))
        return True

    def _bit_image(self, data: bytes) -> bool:
        """ESC *: columns of 8 dots at a third of the head's density, or of 24 at all of it."""
        if data[0] not in b"\x00\x01\x20\x21":
            return False
        columns = min(int.from_bytes(data[1:3], "little"), self._line.width_px)
        rows = 24 if data[0] >= 32 else 8
        if not columns:
            return True
        sideways = Image.frombytes("1", (rows, columns), data[3 : 3 + columns * rows // 8]).convert("L")
        dots = sideways.transpose(Image.Transpose.TRANSPOSE)
        size = (columns * (1 if data[0] & 1 else 2), 24)
        self._line.put(Cell(dots.resize(size, Image.Resampling.NEAREST)))
        return True

    def _graphics_data(self, data: bytes) -> bool:
        """GS ( L: function 112 stores a raster in one tone, 2 or 50 prints it."""
        function = data[1] if len(data) > 1 else None
        if function in (2, 50):
            if self._graphics is not None:
                self._line.print_picture(self._graphics)
                self._graphics = None
            return True
        if function != 112 or len(data) < 10 or data[2] != 0x30 or not {data[3], data[4]} <= {1, 2}:
            return False
        wide, tall = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
        row = (wide + 7) // 8
        if not row or not tall or len(data) < 10 + row * tall:
            return False
        stored = Image.frombytes("1", (row * 8, tall), data[10 : 10 + row * tall]).convert("L")
        shown = stored.crop((0, 0, min(wide, self._line.width_px), tall))
        size = (shown.width * data[3], shown.height * data[4])
        self._graphics = shown.resize(size, Image.Resampling.NEAREST)
        return True

    def _large_graphics(self, data: bytes) -> bool:
        return data[0] == 0x4C and self._graphics_data(data[5:])

    def _symbol_data(self, data: bytes) -> bool:
        """GS ( k for QR codes (cn 49): 165 model, 167 module size, 169 correction, 180 store, 181 print."""
        if len(data) < 3 or data[0] != 49:
            return False
        function, value, symbol = data[1], data[2], self._symbol
        if function == 65:
            return value == 50  # model 1 and micro codes are beyond this printer
        if function == 67 and 1 <= value <= 16:
            symbol.module_px = value
        elif function == 69 and 48 <= value <= 51:
            symbol.correction = value - 48
        elif function == 80:
            symbol.data = data[3:]
        elif function == 81 and symbol.data:
            dots = qr_dots(symbol.data, symbol.module_px, symbol.correction)
            if dots is None or dots.width > self._line.area()[1]:
                return False
            self._line.print_picture(dots, symbol.data.decode("utf-8", "replace"))
        else:
            return False
        return True

    def _bar_module(self, data: bytes) -> bool:
        self._mode.bar_module_px = min(max(data[0], 1), 6)
        return True

    def _bar_height(self, data: bytes) -> bool:
        self._mode.bar_height_px = max(data[0], 1)
        return True

    def _bar_words(self, data: bytes) -> bool:
        self._mode.bar_words = data[0] & 3
        return True

    def _bar_code(self, data: bytes) -> bool:
        words = data[1:].rstrip(b"\0") if data[0] <= 6 else data[2:]
        drawn = bar_code_dots(data[0], words, self._mode.bar_module_px, self._mode.bar_height_px)
        if drawn is None or drawn[0].width > self._line.area()[1]:
            return False
        bars, characters = drawn
        self._line.finish()
        if self._mode.bar_words & 1:
            self._caption(characters)
        self._line.print_picture(bars)
        if self._mode.bar_words & 2:
            self._caption(characters)
        return True

    def _caption(self, characters: str) -> None:
        for character in characters:
            self._line.put(Cell(glyph(character, "A", False, 1, 1), character))
        self._line.print(CELL["A"][1])


_HANDLERS: Final[dict[bytes, Callable[[PrintHead, bytes], bool]]] = {
    b"\n": PrintHead._line_feed,
    b"\r": PrintHead._ignore,
    b"\x18": PrintHead._cancel,
    b"\t": PrintHead._tab,
    ESC + b"@": PrintHead._reset,
    ESC + b"i": PrintHead._finish_line,
    ESC + b"m": PrintHead._finish_line,
    ESC + b"!": PrintHead._print_mode,
    ESC + b"E": PrintHead._bold,
    ESC + b"G": PrintHead._bold,
    ESC + b"-": PrintHead._underline,
    ESC + b"M": PrintHead._font,
    ESC + b"a": PrintHead._align,
    ESC + b"t": PrintHead._code_page,
    ESC + b"R": PrintHead._international,
    ESC + b"2": PrintHead._spacing_default,
    ESC + b"3": PrintHead._spacing,
    ESC + b" ": PrintHead._gap,
    ESC + b"$": PrintHead._position,
    ESC + b"D": PrintHead._set_tabs,
    ESC + b"d": PrintHead._feed_lines,
    ESC + b"J": PrintHead._feed_dots,
    ESC + b"{": PrintHead._turned,
    ESC + b"V": PrintHead._turned,
    ESC + b"*": PrintHead._bit_image,
    FS + b"&": PrintHead._chinese_on,
    FS + b".": PrintHead._chinese_off,
    GS + b"!": PrintHead._size,
    GS + b"B": PrintHead._invert,
    GS + b"L": PrintHead._left_margin,
    GS + b"W": PrintHead._area_width,
    GS + b"P": PrintHead._motion_units,
    GS + b"V": PrintHead._cut_feed,
    GS + b"v": PrintHead._raster,
    GS + b"(L": PrintHead._graphics_data,
    GS + b"8": PrintHead._large_graphics,
    GS + b"(k": PrintHead._symbol_data,
    GS + b"w": PrintHead._bar_module,
    GS + b"h": PrintHead._bar_height,
    GS + b"H": PrintHead._bar_words,
    GS + b"k": PrintHead._bar_code,
}
