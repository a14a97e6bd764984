"""A strip whose library blocks, fails or gets stuck, off the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from drivers.errors import DeviceLost, DeviceTimeout
from drivers.leds.player import PatternPlayer
from drivers.leds.threaded import ThreadedStrip


class Recording:
    """A blocking strip that notes what it is asked and in which thread."""

    count = 2

    def __init__(self) -> None:
        self.shown: list[bytes] = []
        self.threads: set[int] = set()
        self.go = threading.Event()
        self.go.set()
        self.entered = threading.Event()
        self.lost = False
        self.closed = False

    def show(self, pixels: bytes) -> None:
        self.threads.add(threading.get_ident())
        self.entered.set()
        assert self.go.wait(10)
        if self.lost:
            raise DeviceLost("gone")
        self.shown.append(pixels)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
async def recording() -> AsyncIterator[Recording]:
    strip = Recording()
    yield strip
    strip.go.set()


async def test_calls_run_in_one_other_thread_in_order(recording: Recording) -> None:
    strip = ThreadedStrip(recording)
    for n in range(5):
        await strip.show(bytes([n] * 6))
    await strip.close()
    assert recording.shown == [bytes([n] * 6) for n in range(5)]
    assert len(recording.threads) == 1
    assert threading.get_ident() not in recording.threads
    assert recording.closed


async def test_the_loop_runs_while_the_library_blocks(recording: Recording) -> None:
    strip = ThreadedStrip(recording)
    recording.go.clear()
    showing = asyncio.create_task(strip.show(bytes(6)))
    await asyncio.to_thread(recording.entered.wait, 5)
    assert not showing.done()
    recording.go.set()
    await showing
    await strip.close()


async def test_its_errors_come_through(recording: Recording) -> None:
    strip = ThreadedStrip(recording)
    recording.lost = True
    with pytest.raises(DeviceLost, match="gone"):
        await strip.show(bytes(6))
    recording.lost = False
    await strip.show(bytes(6))
    await strip.close()


async def test_a_stuck_library_is_a_timeout_and_is_not_called_again(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.leds.threaded.SHOW_TIMEOUT_S", 0.02)
    strip = ThreadedStrip(recording)
    recording.go.clear()
    with pytest.raises(DeviceTimeout, match="no frame within"):
        await strip.show(b"first!")
    with pytest.raises(DeviceTimeout, match="stuck"):
        await strip.show(b"second")
    recording.go.set()
    monkeypatch.setattr("drivers.leds.threaded.SHOW_TIMEOUT_S", 5.0)
    await strip.show(b"third!")
    await strip.close()
    assert recording.shown == [b"first!", b"third!"]


async def test_a_player_on_it_ends_dark(recording: Recording) -> None:
    player = PatternPlayer(ThreadedStrip(recording))
    await player.play("pulse", "#FF0000")
    await player.close()
    assert recording.shown[0] == b"\xff\0\0\xff\0\0"
    assert recording.shown[-1] == bytes(6)
    assert recording.closed


async def test_replacing_a_pattern_in_mid_frame_keeps_the_order(recording: Recording) -> None:
    player = PatternPlayer(ThreadedStrip(recording))
    await player.play("pulse", "#FF0000")
    recording.entered.clear()
    recording.go.clear()
    await asyncio.to_thread(recording.entered.wait, 5)  # the pulse's next frame is with the library
    replacing = asyncio.create_task(player.play("solid", "#0000FF"))
    recording.go.set()
    await replacing
    assert recording.shown[-1] == b"\0\0\xff\0\0\xff"
    await player.close()
