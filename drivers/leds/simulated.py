"""A simulated WS2812 strip: it measures the pulses on its data line, as the LEDs do."""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from drivers.address import DeviceAddress
from drivers.errors import DeviceLost, DeviceTimeout
from drivers.leds.patterns import GAMMA
from drivers.leds.player import DEFAULT_COUNT, PatternPlayer, led_count
from drivers.leds.ws2812 import SPI_RATE_HZ, encode

KEPT_FRAMES: Final = 500  # ten seconds of an animation

_BETWEEN_S: Final = 515e-9
_RESET_S: Final = 280e-6


@dataclass(frozen=True)
class Chip:
    """How long, in seconds, an LED's data sheet wants the line high: from, to."""

    zero_high_s: tuple[float, float]
    one_high_s: tuple[float, float]


# Worldsemi's sheets, see ws2812.py.
WS2812B_2013: Final = Chip((250e-9, 550e-9), (650e-9, 950e-9))
ANY_WS2812B: Final = Chip((250e-9, 380e-9), (650e-9, 950e-9))  # what that one and the WS2812B-V5 both accept

_PULSE = re.compile("(1+)(0*)")


def _screen_value(light: int) -> int:
    """The lowest sRGB value whose light is `light`, or nearest to it."""
    return min(range(256), key=lambda value: (abs(GAMMA[value] - light), value))


_SCREEN: Final = tuple(_screen_value(light) for light in range(256))


@dataclass(frozen=True)
class StripFrame:
    """What the LEDs show from `shown_at_s` (time.monotonic) on: N x 3 bytes of red, green, blue, as light."""

    shown_at_s: float
    pixels: bytes

    @property
    def colors(self) -> tuple[str, ...]:
        """Each LED as "#RRGGBB" for a screen (sRGB): what `play` was given, at full brightness.

        Light has fewer steps in the dark than sRGB, so a dim color comes back as one a little dimmer.
        """
        return tuple(
            "#" + bytes(_SCREEN[light] for light in self.pixels[start : start + 3]).hex().upper()
            for start in range(0, len(self.pixels), 3)
        )

    @property
    def lit(self) -> bool:
        """Whether any LED shines."""
        return any(self.pixels)


class SimulatedStrip:
    """`count` WS2812 LEDs in a row. Everything happens on one event loop."""

    def __init__(self, count: int, chip: Chip = ANY_WS2812B) -> None:
        self._count = count
        self._chip = chip
        self._heard: list[int] = []
        self._kept: deque[StripFrame] = deque(maxlen=KEPT_FRAMES)
        self._news = asyncio.Event()
        self._plugged = True
        self._bad_pulses = 0
        self._latch(bytes(3 * count))

    @property
    def count(self) -> int:
        """How many LEDs there are."""
        return self._count

    def receive(self, line: bytes, rate_hz: int) -> None:
        """Hear what the data line did: each bit of `line`, in turn, is its level for 1/`rate_hz` seconds.

        As on a strip, each LED keeps the first 24 bits it hears and passes the rest on, and all show what
        they keep after a low of 280 us; an LED that heard nothing new shows what it showed.
        """
        if not self._plugged:
            return
        levels = f"{int.from_bytes(line):0{8 * len(line)}b}" if line else ""
        first_high = levels.find("1")
        lead = len(levels) if first_high < 0 else first_high
        if lead / rate_hz >= _RESET_S:
            self._show_heard()
        for high, low in _PULSE.findall(levels):
            self._hear(len(high) / rate_hz)
            if len(low) / rate_hz >= _RESET_S:
                self._show_heard()

    def _hear(self, high_s: float) -> None:
        bit = high_s > _BETWEEN_S
        shortest_s, longest_s = self._chip.one_high_s if bit else self._chip.zero_high_s
        if not shortest_s <= high_s <= longest_s:
            self._bad_pulses += 1
        self._heard.append(int(bit))

    def _show_heard(self) -> None:
        heard, self._heard = self._heard, []
        if not heard:
            return
        pixels = bytearray(self.frame.pixels)
        for led in range(min(len(heard) // 24, self._count)):
            green, red, blue = int("".join(map(str, heard[24 * led : 24 * led + 24])), 2).to_bytes(3)
            pixels[3 * led : 3 * led + 3] = (red, green, blue)
        self._latch(bytes(pixels))

    def _latch(self, pixels: bytes) -> None:
        self._kept.append(StripFrame(time.monotonic(), pixels))
        news, self._news = self._news, asyncio.Event()
        news.set()

    # Stage directions

    @property
    def frame(self) -> StripFrame:
        """What the strip shows now."""
        return self._kept[-1]

    @property
    def frames(self) -> tuple[StripFrame, ...]:
        """The last `KEPT_FRAMES` frames, oldest first."""
        return tuple(self._kept)

    @property
    def bad_pulses(self) -> int:
        """How many pulses so far were of a width that a data sheet forbids."""
        return self._bad_pulses

    @property
    def plugged(self) -> bool:
        """Whether the strip is there."""
        return self._plugged

    async def changes(self) -> AsyncIterator[StripFrame]:
        """What the strip shows now, and each frame that differs, for ever; a slow reader gets the newest."""
        seen: StripFrame | None = None
        while True:
            news = self._news
            if seen is None or self.frame.pixels != seen.pixels:
                seen = self.frame
                yield seen
            else:
                await news.wait()

    async def wait_for(self, wanted: Callable[[StripFrame], bool], timeout_s: float = 5.0) -> StripFrame:
        """The first frame from now on, or the one that shows now, that is `wanted`.

        Raises:
            DeviceTimeout: none came in time; the text says what shows instead.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not wanted(self.frame):
                    await self._news.wait()
        except TimeoutError as error:
            first = self.frame.colors[0] if self.frame.pixels else "no LED"
            raise DeviceTimeout(f"no such frame within {timeout_s:g} s; the first LED shows {first}") from error
        return self.frame

    def unplug(self) -> None:
        """Pull the strip's controller: the LEDs lose power, and the driver's next picture fails.

        (A cut data wire alone would go unnoticed, as on a real strip: a WS2812 never answers.)
        """
        self._plugged = False
        self._heard = []
        self._latch(bytes(3 * self._count))

    def plug(self) -> None:
        """Put it back: dark until the next picture."""
        self._plugged = True


class _SimulatedLine:
    """The data line from the kiosk to the strip."""

    def __init__(self, strip: SimulatedStrip) -> None:
        self._strip = strip

    @property
    def count(self) -> int:
        return self._strip.count

    async def show(self, pixels: bytes) -> None:
        if not self._strip.plugged:
            raise DeviceLost("the simulated LED strip is unplugged")
        self._strip.receive(encode(pixels), SPI_RATE_HZ)

    async def close(self) -> None:
        """Nothing to let go of."""


class SimulatedLeds(PatternPlayer):
    """Leds on a simulated strip; `strip` is the strip itself, with its stage directions."""

    def __init__(self, count: int = DEFAULT_COUNT) -> None:
        self.strip = SimulatedStrip(count)
        super().__init__(_SimulatedLine(self.strip))


def open_simulated(address: DeviceAddress) -> SimulatedLeds:
    """Open ``simulated:?count=24``.

    Raises:
        DeviceSetup: an option is unknown or wrong.
    """
    address.only("count")
    return SimulatedLeds(led_count(address))
