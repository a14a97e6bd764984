"""Patterns as pictures: colors, light and the rhythm."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.leds import Pattern
from drivers.leds.patterns import (
    ERROR_FLASHES_HZ,
    FRAMES_HZ,
    GAMMA,
    IDLE_PEAK,
    IDLE_PERIOD_S,
    PULSE_PERIOD_S,
    RUN_PERIOD_S,
    dark,
    parse_color,
    render,
)

PATTERNS: tuple[Pattern, ...] = get_args(Pattern)
RED = (255, 0, 0)


def test_a_color_is_read_in_either_case() -> None:
    assert parse_color("#00fF7f") == (0, 255, 127)


@pytest.mark.parametrize("text", ["", "00FF00", "#0F0", "#00FF000", "#00FG00", "green", "#00FF00\n", "# 00FF0"])
def test_what_is_no_color_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="#RRGGBB"):
        parse_color(text)


def test_gamma_is_the_srgb_curve() -> None:
    # Points of IEC 61966-2-1: the linear toe, 18 % grey at 118, half light at 188.
    assert GAMMA[0] == 0
    assert GAMMA[255] == 255
    assert GAMMA[118] == round(255 * 0.181164)
    assert GAMMA[188] == round(255 * 0.502886)
    assert list(GAMMA) == sorted(GAMMA)


def test_solid_stands_still() -> None:
    frames = {render("solid", (255, 128, 0), 3, at_s) for at_s in (0.0, 0.3, 7.7)}
    assert frames == {bytes([255, GAMMA[128], 0] * 3)}


def test_pulse_breathes_between_full_and_faint_and_never_goes_out() -> None:
    reds = [render("pulse", RED, 1, n / FRAMES_HZ)[0] for n in range(round(PULSE_PERIOD_S * FRAMES_HZ))]
    assert reds[0] == max(reds) == 255
    assert 0 < min(reds) < 10
    assert reds[len(reds) // 2] == min(reds)
    assert reds[1:] == reds[:0:-1]  # as slowly up as down


def test_error_flashes_too_slowly_to_harm() -> None:
    lit = [any(render("error", RED, 1, n / FRAMES_HZ)) for n in range(10 * FRAMES_HZ)]
    flashes = sum(1 for before, now in zip([False, *lit], lit, strict=False) if now and not before)
    assert flashes == 10 * ERROR_FLASHES_HZ
    assert ERROR_FLASHES_HZ <= 3  # WCAG 2.3.1


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("duration_s", [0.05, 3.0, math.inf])
def test_every_pattern_shows_from_its_first_frame(pattern: Pattern, duration_s: float) -> None:
    first = render(pattern, RED, 2, 0.0, duration_s)
    assert first[0] == (255 if pattern != "idle" else GAMMA[round(255 * IDLE_PEAK)])
    if pattern in ("solid", "pulse", "error"):
        assert first == bytes([255, 0, 0] * 2)


def lit(frame: bytes) -> list[int]:
    return [place for place in range(len(frame) // 3) if any(frame[3 * place : 3 * place + 3])]


def test_progress_fills_the_strip_in_its_time() -> None:
    full = [len(lit(render("progress", RED, 10, at_s, 5.0))) for at_s in (0.0, 0.5, 1.2, 2.7, 4.7, 4.99)]
    assert full == [1, 1, 3, 6, 10, 10]
    reds = [render("progress", RED, 10, n / FRAMES_HZ, 5.0)[::3] for n in range(5 * FRAMES_HZ)]
    for before, after in pairwise(reds):
        assert all(earlier <= later for earlier, later in zip(before, after, strict=True))


def test_progress_without_a_duration_runs_round_and_is_never_done() -> None:
    heads = [
        max(range(12), key=lambda place: render("progress", RED, 12, at_s)[3 * place])
        for at_s in (RUN_PERIOD_S * step / 12 for step in range(25))
    ]
    assert heads == [step % 12 for step in range(25)]
    assert {len(lit(render("progress", RED, 12, n / FRAMES_HZ))) for n in range(200)} <= {3, 4}


def test_idle_is_faint_everywhere_and_wanders() -> None:
    frames = [render("idle", (255, 255, 255), 24, n / FRAMES_HZ) for n in range(round(IDLE_PERIOD_S * FRAMES_HZ))]
    assert all(0 < value <= GAMMA[round(255 * IDLE_PEAK)] for frame in frames for value in frame)
    brightest = [max(range(24), key=lambda place: frame[3 * place]) for frame in frames[:: len(frames) // 4]]
    assert brightest[0] == 0
    assert brightest == sorted(brightest)
    assert brightest[3] > 12


def test_an_animation_has_no_jumps_but_an_errors() -> None:
    cases: tuple[tuple[Pattern, float], ...] = (("pulse", math.inf), ("idle", math.inf), ("progress", 60.0))
    for pattern, duration_s in cases:
        reds = [render(pattern, RED, 8, n / FRAMES_HZ, duration_s)[::3] for n in range(10 * FRAMES_HZ)]
        steps = [abs(b - a) for before, after in pairwise(reds) for a, b in zip(before, after, strict=True)]
        assert 0 < max(steps) <= 25, pattern


@given(
    st.sampled_from(PATTERNS),
    st.tuples(*[st.integers(0, 255)] * 3),
    st.integers(1, 300),
    st.floats(0, 1e6),
    st.floats(0.001, 1e6) | st.just(math.inf),
)
def test_a_frame_is_three_bytes_an_led_and_never_brighter_than_asked(
    pattern: Pattern, color: tuple[int, int, int], count: int, at_s: float, duration_s: float
) -> None:
    frame = render(pattern, color, count, at_s, duration_s)
    assert len(frame) == 3 * count == len(dark(count))
    assert all(shown <= GAMMA[asked] for shown, asked in zip(frame, color * count, strict=True))
