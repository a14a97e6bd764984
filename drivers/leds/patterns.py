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
# A light that runs round, for work of unknown length, and the part of the strip that its tail covers.
RUN_PERIOD_S: Final = 2.0
RUN_TAIL: Final = 1 / 3
# Waiting: as slow as a person at rest breathes, and at most this bright to the eye.
IDLE_PERIOD_S: Final = 6.0
IDLE_FLOOR: Final = 0.05
IDLE_PEAK: Final = 0.4

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


def render(pattern: Pattern, color: Rgb, count: int, at_s: float, duration_s: float = math.inf) -> bytes:
    """The frame `at_s` seconds into a pattern of `duration_s`: `count` x 3 bytes of red, green, blue, as light.

    Every pattern starts lit, so that whoever asked for it sees it at once.
    """
    match pattern:
        case "progress":
            levels = [_progress(place, count, at_s, duration_s) for place in range(count)]
        case "idle":
            levels = [_idle(place / count, at_s) for place in range(count)]
        case _:
            return _led(color, _level(pattern, at_s)) * count
    return b"".join(_led(color, level) for level in levels)


def _led(color: Rgb, level: float) -> bytes:
    """One LED in `color`, as bright to the eye as `level` (0 to 1) says."""
    return bytes(GAMMA[round(level * channel)] for channel in color)


def _level(pattern: Pattern, at_s: float) -> float:
    """How bright to the eye all of the strip is, 0 to 1."""
    match pattern:
        case "pulse":
            return PULSE_FLOOR + (1 - PULSE_FLOOR) * _swing(at_s / PULSE_PERIOD_S)
        case "error":
            return 1.0 if (at_s * ERROR_FLASHES_HZ) % 1 < 0.5 else 0.0
    return 1.0


def _progress(place: int, count: int, at_s: float, duration_s: float) -> float:
    """LED number `place`, from 0: part of a bar that fills from there, or of a light that runs round."""
    if math.isinf(duration_s):
        behind = (at_s / RUN_PERIOD_S * count - place) % count
        return max(0.0, 1 - behind / max(1.0, RUN_TAIL * count))
    filled = max(1.0, count * at_s / duration_s)
    return min(1.0, max(0.0, filled - place))


def _idle(along: float, at_s: float) -> float:
    """The LED at `along` (0 to 1) of the strip: a faint swell that wanders from its start to its end."""
    return IDLE_FLOOR + (IDLE_PEAK - IDLE_FLOOR) * _swing(at_s / IDLE_PERIOD_S - along)


def _swing(turns: float) -> float:
    """From 1 down to 0 and up again, once a turn."""
    return (1 + math.cos(2 * math.pi * turns)) / 2
