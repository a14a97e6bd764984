"""A strip goes dark whatever becomes of its program, and belongs to one program at a time."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from drivers.errors import DeviceAbsent, DeviceTimeout, DriverError
from drivers.leds.guard import Guard
from drivers.leds.simulated import StripFrame
from drivers.leds.ws2812 import encoded_size
from drivers.states import Condition
from tests.drivers.leds import wire
from tests.drivers.leds.remote import REPOSITORY
from tests.drivers.leds.wire import SpiPort, WireLeds

URL = "spi:/dev/spidev0.0?count=8"

pytestmark = pytest.mark.skipif(bool(wire.missing_for_spidev()), reason=wire.missing_for_spidev() or "")


@pytest.fixture
async def port(short_folder: Path, shim: Path) -> AsyncIterator[SpiPort]:
    async with SpiPort(short_folder, shim, 20) as opened:
        yield opened


def is_dark(frame: StripFrame) -> bool:
    return not frame.lit


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def darken(port: SpiPort, url: str = URL) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "drivers.leds.dark", url,
        stderr=subprocess.PIPE, env=port.environment, cwd=REPOSITORY,
    )  # fmt: skip
    _, words = await process.communicate()
    assert process.returncode is not None
    return process.returncode, words.decode()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
async def test_a_killed_programs_strip_goes_dark(port: SpiPort, number: signal.Signals) -> None:
    leds = await WireLeds.start(port, URL)
    await leds.play("pulse", "#FFFFFF")
    leds.process.send_signal(number)
    await port.strip.wait_for(is_dark, timeout_s=20)
    await leds.end()
    assert leds.process.returncode == -number


async def test_a_program_killed_in_mid_frame_leaves_no_light(port: SpiPort) -> None:
    leds = await WireLeds.start(port, URL)
    await leds.play("pulse", "#FFFFFF")
    port.hold()
    await port.wait_for_transfers(1)
    leds.process.kill()
    port.release()
    await port.strip.wait_for(is_dark, timeout_s=20)
    await leds.end()


async def test_a_closed_strip_has_no_guard_left(port: SpiPort) -> None:
    leds = await WireLeds.start(port, URL)
    (guard,) = children(leds.process.pid)
    await leds.play("solid", "#FFFFFF")
    await leds.close()
    assert not is_running(guard)
    sent = port.transfers
    assert is_dark(port.strip.frame)
    assert await darken(port) == (0, "")
    assert port.transfers > sent


async def test_a_strip_belongs_to_one_program(port: SpiPort) -> None:
    leds = await WireLeds.start(port, URL)
    await leds.play("solid", "#00FF00")
    with pytest.raises(DeviceAbsent, match="another program drives the LED strip"):
        await WireLeds.start(port, URL)
    code, words = await darken(port)
    assert code == 1
    assert "may still be lit: /dev/spidev0.0: another program" in words
    assert port.strip.frame.colors[0] == "#00FF00"
    await leds.close()
    again = await WireLeds.start(port, URL)
    await again.close()


async def test_who_comes_after_a_killed_one_has_the_strip(port: SpiPort) -> None:
    leds = await WireLeds.start(port, URL)
    await leds.play("solid", "#FF0000")
    leds.process.kill()
    after = await WireLeds.start(port, URL)
    await after.play("solid", "#0000FF")
    assert port.strip.frame.colors[0] == "#0000FF"
    await after.close()
    await leds.end()


async def test_leds_past_a_count_that_was_lowered_go_dark(port: SpiPort) -> None:
    long = await WireLeds.start(port, "spi:/dev/spidev0.0?count=20")
    await long.play("solid", "#FF0000")
    port.fail()
    await long.close()  # and could not be told to be dark
    port.fail(None)
    assert all(color == "#FF0000" for color in port.strip.frame.colors)
    short = await WireLeds.start(port, URL)
    await short.play("solid", "#0000FF")
    assert port.strip.frame.colors == ("#0000FF",) * 8 + ("#000000",) * 12
    await short.close()


async def test_a_stuck_write_is_told_in_time_and_over_with_it(port: SpiPort) -> None:
    leds = await WireLeds.start(port, URL)
    await leds.play("pulse", "#FF0000")
    port.hold()
    with pytest.raises(DeviceTimeout):
        await leds.play("solid", "#0000FF")
    assert (await leds.state()).condition is Condition.DEGRADED
    port.release()
    async with asyncio.timeout(10):
        while True:
            with suppress(DriverError):
                await leds.play("solid", "#00FF00")
                break
    assert port.strip.frame.colors[0] == "#00FF00"
    await leds.close()


async def test_a_failed_write_opens_the_port_anew(port: SpiPort) -> None:
    leds = await WireLeds.start(port, URL)
    port.fail(errno.EIO)
    with pytest.raises(DriverError, match="Input/output error"):
        await leds.play("solid", "#0000FF")
    port.fail(None)
    await leds.play("solid", "#0000FF")
    assert port.strip.frame.colors[0] == "#0000FF"
    await leds.close()


def test_a_frame_reaches_past_the_strip_within_the_kernels_buffer() -> None:
    from drivers.leds.spi import _fitting

    assert encoded_size(_fitting(8)) <= 4096 < encoded_size(_fitting(8) + 1)


def test_a_guard_that_was_killed_is_no_trouble() -> None:
    guard = Guard("simulated:")
    os.kill(guard.pid, signal.SIGKILL)
    os.waitid(os.P_PID, guard.pid, os.WEXITED | os.WNOWAIT)
    guard.dismiss()
    guard.dismiss()
