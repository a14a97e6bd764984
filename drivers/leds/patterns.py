"""What a strip shows at a moment of a pattern: pure rendering, from seconds to bytes."""

from __future__ import annotations

import math
import re
from typing import Final, get_args

from drivers.leds import Pattern

FRAMES_HZ: Final = 50
PULSE_PERIOD_S: Final = 2.0
PULSE_FLOOR: Final = 0.05
# WCAG 2.2, success criterion 2.3.1: more than three flashes a second can set off a photosensitive epilepsy.
ERROR_FLASHES_HZ: Final = 2

Rgb = tuple[int, int, int]

_COLOR = re.compile(r"#([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})")


def _linear(encoded: float) -> float:
    """Light (0 to 1) of an sRGB value (0 to 1), as IEC 61966-2-1 defines it."""
    if encoded <= 0.04045:
        return encoded / 12.92
    return float(((encoded + 0.055) / 1.055) ** 2.4)


# An LED's light is proportional to its byte, a screen's "#808080" is not: 128 is a fifth of full light.
GAMMA: Final = bytes(round(255 * _linear(value / 255)) for value in range(256))


def parse_color(color: str) -> Rgb:
    """Red, green and blue (0 to 255, sRGB) of "#RRGGBB".

    Raises:
        ValueError: it has another form.
    """
    match = _COLOR.fullmatch(color)
    if match is None:
        raise ValueError(f"color {color!r} is not of the form '#RRGGBB'")
    red, green, blue = (int(part, 16) for part in match.groups())
    return red, green, blue


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that is not one of `Pattern`.

    Raises:
        ValueError: it is unknown; the text names the known ones.
    """
    if pattern not in get_args(Pattern):
        raise ValueError(f"no LED pattern {pattern!r}; known: {', '.join(get_args(Pattern))}")


def is_animated(pattern: Pattern) -> bool:
    """Whether the pattern's picture changes with time."""
    return pattern != "solid"


def dark(count: int) -> bytes:
    """The frame of `count` unlit LEDs."""
    return bytes(3 * count)


def render(pattern: Pattern, color: Rgb, count: int, at_s: float) -> bytes:
    """The frame `at_s` seconds into a pattern: `count` x 3 bytes of red, green, blue, proportional to light.

    Every pattern starts lit, so that whoever asked for it sees it at once.
    """
    level = _level(pattern, at_s)
    return bytes(GAMMA[round(level * channel)] for channel in color) * count


def _level(pattern: Pattern, at_s: float) -> float:
    """How bright to the eye, 0 to 1."""
    match pattern:
        case "solid":
            return 1.0
        case "pulse":
            swing = (1 + math.cos(2 * math.pi * at_s / PULSE_PERIOD_S)) / 2
            return PULSE_FLOOR + (1 - PULSE_FLOOR) * swing
        case "error":
            return 1.0 if (at_s * ERROR_FLASHES_HZ) % 1 < 0.5 else 0.0
