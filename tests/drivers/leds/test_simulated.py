"""The simulated strip's stage directions, and opening it."""

from __future__ import annotations

import pytest

from drivers.errors import DeviceSetup, DeviceTimeout
from drivers.leds import open_leds
from drivers.leds.patterns import parse_color, render
from drivers.leds.simulated import KEPT_FRAMES, SimulatedLeds, SimulatedStrip
from drivers.leds.ws2812 import SPI_RATE_HZ, encode


async def test_it_opens_by_url() -> None:
    leds = open_leds("simulated:?count=60")
    assert isinstance(leds, SimulatedLeds)
    assert leds.count == leds.strip.count == 60
    assert open_leds("simulated:").count == 24
    await leds.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("simulated:?count=0", "at least 1"),
        ("simulated:?count=x", "whole number"),
        ("simulated:?colour=1", "known: count"),
        ("lamp:", "known: simulated:, spi:, ws281x:"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(url: str, words: str) -> None:
    with pytest.raises(DeviceSetup, match=words):
        open_leds(url)


def test_it_keeps_the_last_frames_only() -> None:
    strip = SimulatedStrip(1)
    for n in range(KEPT_FRAMES + 10):
        strip.receive(encode(bytes([n % 256, 0, 0])), SPI_RATE_HZ)
    assert len(strip.frames) == KEPT_FRAMES
    assert strip.frames[-1] is strip.frame
    times = [frame.shown_at_s for frame in strip.frames]
    assert times == sorted(times)


async def test_changes_begin_with_now_and_skip_what_stays_the_same() -> None:
    strip = SimulatedStrip(1)
    changes = strip.changes()
    assert not (await anext(changes)).lit
    strip.receive(encode(b"\0\0\0"), SPI_RATE_HZ)
    strip.receive(encode(b"\1\0\0"), SPI_RATE_HZ)
    assert (await anext(changes)).pixels == b"\1\0\0"


async def test_waiting_in_vain_says_what_shows() -> None:
    strip = SimulatedStrip(1)
    strip.receive(encode(b"\xff\0\0"), SPI_RATE_HZ)
    with pytest.raises(DeviceTimeout, match="#FF0000"):
        await strip.wait_for(lambda frame: not frame.lit, timeout_s=0.01)


def test_an_unplugged_strip_is_dark_and_deaf() -> None:
    strip = SimulatedStrip(1)
    strip.receive(encode(b"\xff\0\0"), SPI_RATE_HZ)
    strip.unplug()
    assert not strip.frame.lit
    strip.receive(encode(b"\xff\0\0"), SPI_RATE_HZ)
    assert not strip.frame.lit
    strip.plug()
    strip.receive(encode(b"\xff\0\0"), SPI_RATE_HZ)
    assert strip.frame.lit


def test_a_screen_shows_the_color_that_was_asked_for() -> None:
    strip = SimulatedStrip(2)
    asked = ("#FFA060", "#00FF00")
    strip.receive(encode(b"".join(render("solid", parse_color(color), 1, 0.0) for color in asked)), SPI_RATE_HZ)
    for color, shown in zip(asked, strip.frame.colors, strict=True):
        assert all(0 <= a - b <= 2 for a, b in zip(parse_color(color), parse_color(shown), strict=True))
    assert strip.frame.colors[1] == "#00FF00"
