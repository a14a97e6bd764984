"""The player: a pattern shows when `play` returns, and always ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from drivers.errors import DeviceLost, DriverError
from drivers.leds import Leds, Pattern
from drivers.leds.patterns import FRAMES_HZ
from drivers.leds.player import PatternPlayer
from drivers.leds.simulated import SimulatedLeds, StripFrame


@pytest.fixture
async def leds() -> AsyncIterator[SimulatedLeds]:
    opened = SimulatedLeds(count=4)
    yield opened
    await opened.close()


def is_dark(frame: StripFrame) -> bool:
    return not frame.lit


def is_lit(frame: StripFrame) -> bool:
    return frame.lit


async def test_a_pattern_shows_when_play_returns(leds: SimulatedLeds) -> None:
    await leds.play("solid", "#00FF00")
    assert leds.strip.frame.colors == ("#00FF00",) * 4
    assert leds.strip.bad_pulses == 0


async def test_a_pattern_ends_by_itself_and_on_time(leds: SimulatedLeds) -> None:
    await leds.play("solid", "#FF0000", duration_ms=100)
    lit = leds.strip.frame
    ended = await leds.strip.wait_for(is_dark)
    # Not before its time; how much after is up to a busy machine, but never a refresh later.
    assert 0.099 <= ended.shown_at_s - lit.shown_at_s < 0.9


@pytest.mark.parametrize("pattern", ["pulse", "error"])
async def test_an_animation_ends_dark_too(leds: SimulatedLeds, pattern: Pattern) -> None:
    await leds.play(pattern, "#0000FF", duration_ms=90)
    await leds.strip.wait_for(is_dark)


async def test_pulse_moves_at_no_more_than_its_frame_rate(leds: SimulatedLeds) -> None:
    await leds.play("pulse", "#FFFFFF", duration_ms=300)
    await leds.strip.wait_for(is_dark)
    frames = leds.strip.frames[1:]
    assert len(frames) >= 3
    assert len(frames) <= 0.3 * FRAMES_HZ + 2
    brightness = [frame.pixels[0] for frame in frames[:-1]]
    assert all(earlier > later for earlier, later in pairwise(brightness))


async def test_the_next_pattern_replaces_without_a_dark_moment(leds: SimulatedLeds) -> None:
    await leds.play("pulse", "#FF0000", duration_ms=60_000)
    first = leds.strip.frame
    await leds.strip.wait_for(lambda frame: frame is not first)
    await leds.play("solid", "#0000FF", duration_ms=50)
    await leds.strip.wait_for(is_dark)
    shown = [frame.lit for frame in leds.strip.frames[1:]]
    assert shown == [True] * (len(shown) - 1) + [False]
    assert leds.strip.frames[-2].colors[0] == "#0000FF"


async def test_many_at_once_leave_one_playing(leds: SimulatedLeds) -> None:
    await asyncio.gather(*(leds.play("error", f"#0000{n:02X}", duration_ms=50) for n in range(200, 220)))
    await leds.strip.wait_for(is_dark)
    assert leds.failure is None


async def test_off_is_dark_now(leds: SimulatedLeds) -> None:
    await leds.play("solid", "#FFFFFF")
    await leds.off()
    assert is_dark(leds.strip.frame)


async def test_close_is_dark_and_final(leds: SimulatedLeds) -> None:
    await leds.play("pulse", "#FFFFFF")
    await leds.close()
    assert is_dark(leds.strip.frame)
    await leds.close()
    with pytest.raises(DeviceLost, match="closed"):
        await leds.play("solid", "#FFFFFF")


@pytest.mark.parametrize(
    ("pattern", "color", "duration_ms", "words"),
    [
        ("solid", "green", None, "#RRGGBB"),
        ("solid", "#00FF00", 0, "not positive"),
        ("solid", "#00FF00", -5, "not positive"),
        ("disco", "#00FF00", None, "solid, pulse, error"),
    ],
)
async def test_what_cannot_be_played_is_refused_and_the_strip_left_alone(
    leds: SimulatedLeds, pattern: Pattern, color: str, duration_ms: int | None, words: str
) -> None:
    await leds.play("solid", "#00FF00")
    before = leds.strip.frame
    with pytest.raises(ValueError, match=words):
        await leds.play(pattern, color, duration_ms)
    assert leds.strip.frame is before


async def test_playing_on_an_unplugged_strip_fails_with_words(leds: SimulatedLeds) -> None:
    leds.strip.unplug()
    with pytest.raises(DriverError, match="unplugged"):
        await leds.play("solid", "#00FF00")
    assert isinstance(leds.failure, DeviceLost)


async def test_a_strip_lost_while_playing_is_logged_once_and_lit_again_when_it_is_back(
    leds: SimulatedLeds, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.leds.player.RETRY_S", 0.01)
    failed = asyncio.Event()
    tries = 0
    show = leds._strip.show

    async def counting_show(pixels: bytes) -> None:
        nonlocal tries
        try:
            await show(pixels)
        except DriverError:
            tries += 1
            if tries == 3:
                failed.set()
            raise

    monkeypatch.setattr(leds._strip, "show", counting_show)
    await leds.play("pulse", "#FF0000")
    with caplog.at_level(logging.INFO, logger="drivers.leds.player"):
        leds.strip.unplug()
        async with asyncio.timeout(5):
            await failed.wait()
        assert "unplugged" in str(leds.failure)
        leds.strip.plug()
        await leds.strip.wait_for(is_lit)
    assert leds.failure is None
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "unplugged" in caplog.records[0].getMessage()


async def test_a_pattern_that_could_not_be_ended_is_ended_when_the_strip_is_back(
    leds: SimulatedLeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A strip that keeps its power but not its controller stays lit: it must not stay so for ever."""
    monkeypatch.setattr("drivers.leds.player.RETRY_S", 0.01)
    show = leds._strip.show
    deaf = asyncio.Event()

    async def deaf_show(pixels: bytes) -> None:
        deaf.set()
        raise DeviceLost("no answer")

    await leds.play("solid", "#FF0000", duration_ms=20)
    monkeypatch.setattr(leds._strip, "show", deaf_show)
    async with asyncio.timeout(5):
        await deaf.wait()
    with pytest.raises(DeviceLost):
        await leds.play("solid", "#00FF00")
    assert leds.strip.frame.colors[0] == "#FF0000"
    monkeypatch.setattr(leds._strip, "show", show)
    assert is_dark(await leds.strip.wait_for(is_dark))


async def test_a_picture_that_stands_is_sent_again(leds: SimulatedLeds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.leds.player.REFRESH_S", 0.01)
    await leds.play("solid", "#FF0000")
    leds.strip.unplug()
    leds.strip.plug()  # a loose contact: the driver saw nothing of it
    await leds.strip.wait_for(is_lit)


def test_the_end_of_the_program_is_dark() -> None:
    async def forget_to_close() -> SimulatedLeds:
        leds = SimulatedLeds(count=2)
        await leds.play("pulse", "#FFFFFF")
        assert leds.strip.frame.lit
        return leds

    assert is_dark(asyncio.run(forget_to_close()).strip.frame)


async def test_a_crash_in_a_pattern_is_dark_and_told(
    leds: SimulatedLeds, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await leds.play("pulse", "#FFFFFF")

    def broken(*_: object) -> bytes:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("drivers.leds.player.render", broken)
    await leds.strip.wait_for(is_dark)
    assert "a bug" in str(leds.failure)
    assert "stopped" in caplog.text


def test_the_player_is_leds() -> None:
    def takes_leds(leds: Leds) -> int:
        return leds.count

    assert takes_leds(SimulatedLeds(7)) == 7
    assert isinstance(SimulatedLeds(1), PatternPlayer)
