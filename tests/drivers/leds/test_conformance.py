"""What a strip promises: simulated, and the two real libraries with a simulated strip at the end of the wire."""

from __future__ import annotations

import asyncio
import functools
import operator
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, get_args

import pytest

from drivers.errors import DriverError
from drivers.leds import Leds, Pattern
from drivers.leds.patterns import FRAMES_HZ, render
from drivers.leds.simulated import WS2812B_2013, SimulatedLeds, SimulatedStrip, StripFrame
from drivers.states import READY, Condition, DeviceState
from tests.drivers.leds import wire
from tests.drivers.leds.wire import SpiPort, WireLeds

COUNT: Final = 12
WAIT_S: Final = 20.0  # a busy machine's
URLS: Final = {"spi": f"spi:/dev/spidev0.0?count={COUNT}", "ws281x": f"ws281x:10?count={COUNT}"}
MISSING: Final = {"spi": wire.missing_for_spidev, "ws281x": wire.missing_for_ws281x}


@dataclass
class Bench:
    """A strip, the driver in front of it, and what may happen to the port between them."""

    leds: Leds
    strip: SimulatedStrip
    unplug: Callable[[], None]
    plug_in: Callable[[], None]


async def bench_of(backend: str, request: pytest.FixtureRequest, stack: AsyncExitStack) -> Bench:
    if backend == "simulated":
        simulated = SimulatedLeds(COUNT)
        stack.push_async_callback(simulated.close)
        return Bench(simulated, simulated.strip, simulated.strip.unplug, simulated.strip.plug)
    reason = MISSING[backend]()
    if reason is not None:
        pytest.skip(reason)
    folder: Path = request.getfixturevalue("short_folder")
    shim: Path = request.getfixturevalue("shim")
    if backend == "spi":
        port = SpiPort(folder, shim, COUNT)
    else:  # its zeros are 417 ns, too long for a V5's sheet; between two frames it leaves the line alone
        port = SpiPort(folder, shim, COUNT, chip=WS2812B_2013, idle=True)
    await stack.enter_async_context(port)
    leds = await WireLeds.start(port, URLS[backend])
    stack.push_async_callback(leds.close)
    return Bench(leds, port.strip, port.unplug, port.plug_in)


@pytest.fixture(params=["simulated", "spi", "ws281x"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        yield await bench_of(request.param, request, stack)


def is_dark(frame: StripFrame) -> bool:
    return not frame.lit


async def test_what_is_asked_shows_in_its_colors_when_play_returns(bench: Bench) -> None:
    assert bench.leds.count == COUNT
    for color in ("#FF0000", "#00FF00", "#0000FF", "#FFFFFF"):
        await bench.leds.play("solid", color)
        assert bench.strip.frame.colors == (color,) * COUNT
    assert bench.strip.bad_pulses == 0


@pytest.mark.parametrize("pattern", get_args(Pattern))
async def test_each_pattern_is_drawn_as_it_should_and_ends_dark(bench: Bench, pattern: Pattern) -> None:
    before = len(bench.strip.frames)
    await bench.leds.play(pattern, "#FF8000", duration_ms=200)
    await bench.strip.wait_for(is_dark, WAIT_S)
    shown = [frame.pixels for frame in bench.strip.frames[before:]]
    assert any(shown[0])
    # A busy machine may leave frames out, but every one shown is one of the pattern's, in its order.
    drawn = [render(pattern, (255, 128, 0), COUNT, n / 8000, 0.2) for n in range(1600)]
    at = 0
    for pixels in shown[:-1]:
        at = min(range(at, len(drawn)), key=lambda n: max(abs(a - b) for a, b in zip(drawn[n], pixels, strict=True)))
        assert max(abs(a - b) for a, b in zip(drawn[at], pixels, strict=True)) <= 8
    assert len(shown) <= 0.2 * FRAMES_HZ + 3
    assert bench.strip.bad_pulses == 0


async def test_the_end_is_not_before_its_time(bench: Bench) -> None:
    asked_s = time.monotonic()
    await bench.leds.play("solid", "#FF0000", duration_ms=100)
    ended = await bench.strip.wait_for(is_dark, WAIT_S)
    assert ended.shown_at_s - asked_s >= 0.1


async def test_the_last_of_two_at_once_is_what_shows(bench: Bench) -> None:
    before = len(bench.strip.frames)
    await asyncio.gather(bench.leds.play("pulse", "#FF0000"), bench.leds.play("solid", "#0000FF"))
    assert set(bench.strip.frame.colors) in ({"#0000FF"}, {"#FF0000"})
    # None is torn: each frame is of one color, and once the second shows the first is over.
    shown = [set(frame.colors) for frame in bench.strip.frames[before:]]
    assert all(len(colors) == 1 for colors in shown)
    is_blue = [colors == {"#0000FF"} for colors in shown]
    assert sum(one != other for one, other in pairwise(is_blue)) <= 1


async def test_a_pattern_that_was_replaced_is_never_seen_again(bench: Bench) -> None:
    await bench.leds.play("pulse", "#FF0000")
    await bench.leds.play("pulse", "#0000FF")
    for _ in range(5):
        before = bench.strip.frame
        after = await bench.strip.wait_for(functools.partial(operator.is_not, before), WAIT_S)
        red, _, blue = after.pixels[:3]
        assert (red, blue > 0) == (0, True)


async def test_off_is_dark_now(bench: Bench) -> None:
    await bench.leds.play("pulse", "#FFFFFF")
    await bench.leds.off()
    assert is_dark(bench.strip.frame)


async def test_close_is_dark_and_may_come_twice(bench: Bench) -> None:
    await bench.leds.play("idle", "#FFFFFF")
    await bench.leds.close()
    assert is_dark(bench.strip.frame)
    await bench.leds.close()


@pytest.mark.parametrize(("pattern", "color", "duration_ms"), [("solid", "red", None), ("idle", "#FFFFFF", 0)])
async def test_what_cannot_be_played_is_refused(
    bench: Bench, pattern: Pattern, color: str, duration_ms: int | None
) -> None:
    await bench.leds.play("solid", "#00FF00")
    with pytest.raises(ValueError, match=r"#RRGGBB|not positive"):
        await bench.leds.play(pattern, color, duration_ms)
    assert set(bench.strip.frame.colors) == {"#00FF00"}


async def test_a_strip_at_rest_says_that_its_port_is_gone_and_back(bench: Bench) -> None:
    assert await bench.leds.state() == READY
    bench.unplug()
    state = await until(bench.leds, Condition.ABSENT)
    assert state.code in ("lost", "absent")
    assert state.reason
    bench.plug_in()
    await until(bench.leds, Condition.READY)
    assert is_dark(bench.strip.frame)


async def test_a_pattern_goes_on_when_the_port_is_back(bench: Bench) -> None:
    await bench.leds.play("pulse", "#FF0000")
    bench.unplug()
    await until(bench.leds, Condition.ABSENT)
    with pytest.raises(DriverError):
        await bench.leds.play("solid", "#00FF00")
    bench.plug_in()
    # That one failed and is over; what was left of the one before it is darkened.
    await bench.strip.wait_for(is_dark, WAIT_S)
    await until(bench.leds, Condition.READY)
    await bench.leds.play("solid", "#0000FF")
    assert set(bench.strip.frame.colors) == {"#0000FF"}


async def until(leds: Leds, condition: Condition) -> DeviceState:
    """The state once it is `condition`; the strip is asked once a second, as a driver may know for that long."""
    async with asyncio.timeout(WAIT_S):
        while (state := await leds.state()).condition is not condition:
            await asyncio.to_thread(lambda: None)
    return state
