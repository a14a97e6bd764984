"""The LED strip, under the real spidev over the shim of tests/drivers/leds: pulses are measured at its end."""

from __future__ import annotations

import asyncio
import errno
import functools
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from benchmarks.faults import Fault, Outcome, PromiseBroken
from drivers.errors import DeviceAbsent, DeviceSetup, DeviceTimeout, DriverError
from drivers.leds.patterns import FRAMES_HZ
from drivers.leds.simulated import StripFrame
from drivers.states import Condition
from tests.drivers.leds.wire import SpiPort, WireLeds, build_shim, missing_for_spidev

COUNT: Final = 24
URL: Final = f"spi:/dev/spidev0.0?count={COUNT}"
SLOW_S: Final = 0.4


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="shim")


@functools.cache
def _shim() -> Path:
    return build_shim(Path(_folder().name))


@asynccontextmanager
async def _port() -> AsyncIterator[SpiPort]:
    with tempfile.TemporaryDirectory(prefix="spi") as folder:
        async with SpiPort(Path(folder), _shim(), COUNT) as port:
            yield port
            if port.strip.bad_pulses:
                raise PromiseBroken(f"{port.strip.bad_pulses} pulses of a width that a data sheet forbids")


@asynccontextmanager
async def _strip() -> AsyncIterator[tuple[SpiPort, WireLeds]]:
    async with _port() as port:
        leds = await WireLeds.start(port, URL)
        try:
            yield port, leds
            await leds.close()
        finally:
            await leds.end()
        if port.strip.frame.lit:
            raise PromiseBroken("lit after close")


def is_dark(frame: StripFrame) -> bool:
    return not frame.lit


async def _seconds(work: Awaitable[object]) -> float:
    begun_s = time.monotonic()
    await work
    return time.monotonic() - begun_s


async def _fails(work: Awaitable[object], kind: type[Exception]) -> None:
    try:
        await work
    except kind:
        return
    raise PromiseBroken(f"no {kind.__name__} came")


async def _until(leds: WireLeds, condition: Condition) -> None:
    while (await leds.state()).condition is not condition:  # each asking takes a turn of two processes
        pass


async def _plays(leds: WireLeds, port: SpiPort) -> None:
    """Play until it works, as an agent does that is asked again."""
    while True:
        try:
            await leds.play("solid", "#0000FF")
        except DriverError:
            await asyncio.sleep(0.01)
        else:
            break
    if set(port.strip.frame.colors) != {"#0000FF"}:
        raise PromiseBroken("played, and shows something else")


async def gone() -> Outcome:
    """Noticed when the state says so; over when the same pattern goes on."""
    async with _strip() as (port, leds):
        await leds.play("pulse", "#FFFFFF")
        port.unplug()
        noticed_s = await _seconds(_until(leds, Condition.ABSENT))
        port.plug_in()
        before = port.strip.frame
        over_s = await _seconds(port.strip.wait_for(lambda frame: frame is not before and frame.lit))
        await _until(leds, Condition.READY)
        return Outcome(noticed_s, over_s)


async def gone_at_rest() -> Outcome:
    """The same with nothing playing: only `state` asks."""
    async with _strip() as (port, leds):
        await _until(leds, Condition.READY)
        port.unplug()
        noticed_s = await _seconds(_until(leds, Condition.ABSENT))
        port.plug_in()
        return Outcome(noticed_s, await _seconds(_until(leds, Condition.READY)))


async def write_error() -> Outcome:
    async with _strip() as (port, leds):
        await leds.play("pulse", "#FFFFFF")
        port.fail(errno.EIO)
        noticed_s = await _seconds(_fails(leds.play("solid", "#FF0000"), DriverError))
        port.fail(None)
        return Outcome(noticed_s, await _seconds(_plays(leds, port)))


async def stuck_write() -> Outcome:
    async with _strip() as (port, leds):
        await leds.play("pulse", "#FFFFFF")
        port.hold()
        noticed_s = await _seconds(_fails(leds.play("solid", "#FF0000"), DeviceTimeout))
        await _until(leds, Condition.DEGRADED)
        port.release()
        return Outcome(noticed_s, await _seconds(_plays(leds, port)))


async def slow_write() -> Outcome:
    """Nothing fails on a port that takes 0.4 s a frame: counted is how late a pattern's end is, and off after that."""
    async with _strip() as (port, leds):
        port.slowness_s = SLOW_S
        await leds.play("pulse", "#FFFFFF", 1000)
        end_s = port.strip.frame.shown_at_s + 1.0
        late_s = (await port.strip.wait_for(is_dark)).shown_at_s - end_s
        await leds.play("pulse", "#FFFFFF")
        off_s = await _seconds(leds.off())
        port.slowness_s = 0.0
        return Outcome(max(0.0, late_s), off_s)


async def _killed(*, mid_frame: bool) -> Outcome:
    async with _port() as port:
        leds = await WireLeds.start(port, URL)
        await leds.play("pulse", "#FFFFFF")
        if mid_frame:
            port.hold()
            await port.wait_for_transfers(1)
        leds.process.kill()
        port.release()
        noticed_s = await _seconds(port.strip.wait_for(is_dark, 20))
        await leds.end()
        begun_s = time.monotonic()
        after = await WireLeds.start(port, URL)
        await _plays(after, port)
        over_s = time.monotonic() - begun_s
        await after.close()
        return Outcome(noticed_s, over_s)


async def wrong_count() -> Outcome:
    """A count of 8 after one of 24 that left all lit: noticed when the other 16 go dark. Over: the right one again."""
    async with _port() as port:
        long = await WireLeds.start(port, URL)
        await long.play("solid", "#FF0000")
        port.fail()
        await long.close()
        port.fail(None)
        if is_dark(port.strip.frame):
            raise PromiseBroken("the strike itself failed: the strip is dark")
        begun_s = time.monotonic()
        short = await WireLeds.start(port, "spi:/dev/spidev0.0?count=8")
        await short.play("solid", "#0000FF")
        noticed_s = time.monotonic() - begun_s
        if port.strip.frame.colors != ("#0000FF",) * 8 + ("#000000",) * 16:
            raise PromiseBroken("LEDs past the count stay lit")
        await short.close()
        return Outcome(noticed_s, await _opened_anew(port))


async def impossible_count() -> Outcome:
    """More LEDs than the kernel's buffer holds are refused with words when the strip is opened."""
    async with _port() as port:
        noticed_s = await _seconds(_fails(WireLeds.start(port, "spi:/dev/spidev0.0?count=5000"), DeviceSetup))
        return Outcome(noticed_s, await _opened_anew(port))


async def _opened_anew(port: SpiPort) -> float:
    begun_s = time.monotonic()
    leds = await WireLeds.start(port, URL)
    await _plays(leds, port)
    over_s = time.monotonic() - begun_s
    await leds.close()
    return over_s


async def two_patterns() -> Outcome:
    """Noticed when both have been answered; over when off has. No frame is of both."""
    async with _strip() as (port, leds):
        before = len(port.strip.frames)
        noticed_s = await _seconds(
            asyncio.gather(leds.play("pulse", "#FF0000"), leds.play("solid", "#0000FF"), leds.play("idle", "#00FF00"))
        )
        await port.strip.wait_for(lambda frame: frame.lit)
        for frame in port.strip.frames[before:]:
            hues = {tuple(value > 0 for value in frame.pixels[at : at + 3]) for at in range(0, 3 * COUNT, 3)}
            if len(hues) > 1:
                raise PromiseBroken(f"a frame of two patterns: {frame.colors}")
        return Outcome(noticed_s, await _seconds(leds.off()))


async def two_programs() -> Outcome:
    """Noticed when the second is told; over when it has the strip after the first let go. The first isn't disturbed."""
    async with _port() as port:
        first = await WireLeds.start(port, URL)
        await first.play("solid", "#00FF00")
        noticed_s = await _seconds(_fails(WireLeds.start(port, URL), DeviceAbsent))
        if set(port.strip.frame.colors) != {"#00FF00"}:
            raise PromiseBroken("the second program changed the strip")
        await first.close()
        return Outcome(noticed_s, await _opened_anew(port))


def _fault(name: str, bound_s: float, recovery_bound_s: float, strike: Callable[[], Awaitable[Outcome]]) -> Fault:
    return Fault(name, bound_s, recovery_bound_s, strike, missing_for_spidev)


# A second is the refresh and the time between two tries; a program's start takes another on a busy machine.
FAULTS: Final = [
    _fault("SPI device gone while a pattern plays, and back", 1.5, 2.0, gone),
    _fault("SPI device gone while the strip is at rest, and back", 2.5, 2.5, gone_at_rest),
    _fault("each write fails (EIO)", 0.5, 1.0, write_error),
    _fault("a write is stuck", 2.5, 1.5, stuck_write),
    _fault(f"a frame takes {SLOW_S:g} s: the pattern's end", 2 * SLOW_S + 2 / FRAMES_HZ, 3 * SLOW_S, slow_write),
    _fault("program killed (SIGKILL) in mid-pattern", 3.0, 4.0, functools.partial(_killed, mid_frame=False)),
    _fault("program killed (SIGKILL) in mid-frame", 3.0, 4.0, functools.partial(_killed, mid_frame=True)),
    _fault("count lowered while all are lit", 4.0, 4.0, wrong_count),
    _fault("count beyond the kernel's buffer", 4.0, 4.0, impossible_count),
    _fault("three patterns at once", 0.5, 0.5, two_patterns),
    _fault("two programs on one strip", 5.0, 4.0, two_programs),
]
