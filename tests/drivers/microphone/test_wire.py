"""The PortAudio driver on the unmodified sounddevice, PortAudio and ALSA, with a device that runs by the clock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.errors import DeviceAbsent, DeviceLost
from drivers.microphone import Chunk, Microphone, open_microphone
from drivers.microphone.simulated_alsa import URL, AlsaRoom
from drivers.states import READY, Condition, DeviceState


def tone(seconds: float, pitch_hz: float) -> NDArray[np.int16]:
    moments = np.arange(round(seconds * 16_000)) / 16_000
    return np.asarray(8000 * np.sin(2 * np.pi * pitch_hz * moments), np.int16)


def pitch_hz(sound: NDArray[np.int16]) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    return float(np.argmax(spectrum)) * 16_000 / sound.size


async def hear(chunks: AsyncIterator[Chunk], seconds: float) -> NDArray[np.int16]:
    return np.concatenate([(await anext(chunks)).samples for _ in range(round(seconds * 16_000 / 512))])


async def state_of(microphone: Microphone, wanted: Callable[[DeviceState], bool]) -> DeviceState:
    """The first state that is `wanted`; the test's timeout ends a vain search."""
    while not wanted(state := await microphone.state()):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.02):  # it tells nobody when it changes
                await asyncio.Event().wait()
    return state


@pytest.fixture
async def microphone(room: AlsaRoom) -> AsyncIterator[Microphone]:
    opened = await asyncio.to_thread(open_microphone, URL)
    yield opened
    await opened.close()


async def test_a_wav_is_heard_at_the_pace_of_sound_and_as_it_was(
    room: AlsaRoom, microphone: Microphone, tmp_path: Path
) -> None:
    spoken = np.random.default_rng(1).integers(-9000, 9000, 8000).astype(np.int16)
    with wave.open(str(tmp_path / "spoken.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(spoken.tobytes())
    chunks = microphone.chunks()
    await anext(chunks)
    began_s = time.monotonic()
    saying = asyncio.create_task(room.say(tmp_path / "spoken.wav"))
    heard = await hear(chunks, 1.2)
    assert time.monotonic() - began_s > 0.9
    await saying
    found = int(np.argmax(np.correlate(heard.astype(float), spoken.astype(float), "valid")))
    difference = heard[found : found + spoken.size].astype(int) - spoken
    assert np.abs(difference).max() <= 16  # the room's own noise: no sample is missing or twice


async def test_it_is_ready_while_sound_comes(microphone: Microphone) -> None:
    await anext(microphone.chunks())
    assert await state_of(microphone, lambda state: state.condition is Condition.READY) == READY


async def test_unplugging_is_a_loss_then_an_absence_and_a_cable_put_back_is_found(
    room: AlsaRoom, microphone: Microphone
) -> None:
    chunks = microphone.chunks()
    await anext(chunks)
    room.unplug()
    with pytest.raises(DeviceLost, match="unplugged"):
        async for _chunk in chunks:
            pass
    with pytest.raises(DeviceAbsent):
        await anext(microphone.chunks())
    gone = await microphone.state()
    assert gone.condition is Condition.ABSENT
    assert "lobby" in gone.reason
    room.plug()
    # Nobody reads it: the state alone finds it again.
    await state_of(microphone, lambda state: state.condition is Condition.READY)
    await anext(microphone.chunks())


@pytest.mark.parametrize(("rate_hz", "channels"), [(48_000, 1), (44_100, 2), (16_000, 2)])
async def test_one_that_comes_back_with_another_rate_is_heard_at_the_right_pitch(
    room: AlsaRoom, microphone: Microphone, rate_hz: int, channels: int
) -> None:
    chunks = microphone.chunks()
    await anext(chunks)
    room.unplug()
    with pytest.raises(DeviceLost):
        async for _chunk in chunks:
            pass
    room.plug(rate_hz, channels)
    chunks = microphone.chunks()
    await anext(chunks)
    saying = asyncio.create_task(room.say(tone(1.5, 1000)))
    heard = await hear(chunks, 1.2)
    await saying
    assert abs(pitch_hz(heard[8000:]) - 1000) < 10


async def test_a_hang_that_stays_active_is_a_loss_and_the_state_never_says_ready(
    room: AlsaRoom, microphone: Microphone
) -> None:
    chunks = microphone.chunks()
    await anext(chunks)
    room.hang()
    with pytest.raises(DeviceLost, match="no sound for 1 s"):
        async for _chunk in chunks:
            pass
    assert (await microphone.state()).condition is not Condition.READY  # opened again, and hangs again
    room.hang(False)
    await state_of(microphone, lambda state: state.condition is Condition.READY)


async def test_sound_that_was_lost_degrades_for_a_while_and_is_logged(
    room: AlsaRoom, microphone: Microphone, caplog: pytest.LogCaptureFixture
) -> None:
    chunks = microphone.chunks()
    await anext(chunks)
    with caplog.at_level(logging.WARNING):
        room.overflow()
        state = await state_of(microphone, lambda state: "sound was lost" in state.reason)
    assert state.condition is Condition.DEGRADED
    assert "sound was lost" in caplog.text
    await anext(chunks)  # the same reader goes on
    await state_of(microphone, lambda state: state.condition is Condition.READY)


async def test_a_clock_that_runs_wrong_is_told(room: AlsaRoom, microphone: Microphone) -> None:
    await anext(microphone.chunks())
    room.run_at(150)
    state = await state_of(microphone, lambda state: "samples a second" in state.reason)
    assert state.condition is Condition.DEGRADED
    assert "instead of 16000" in state.reason
    room.run_at(100)
    await state_of(microphone, lambda state: state.condition is Condition.READY)


async def test_nothing_but_zeros_has_the_stream_opened_anew_once_and_then_counts_as_muted(
    room: AlsaRoom, microphone: Microphone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.microphone.vitals.MUTED_S", 0.3)
    chunks = microphone.chunks()
    await anext(chunks)
    opened = room.opened
    room.mute()
    state = await state_of(microphone, lambda state: "muted" in state.reason)
    assert state.condition is Condition.DEGRADED
    while not np.array_equal((await anext(chunks)).samples, np.zeros(512)):  # the reader's sound goes on
        pass
    while room.opened == opened:
        await anext(chunks)
    await hear(chunks, 1)
    once = room.opened
    await hear(chunks, 1)
    assert room.opened == once, "it is opened anew again and again"
    room.mute(False)
    await state_of(microphone, lambda state: state.condition is Condition.READY)
    await anext(chunks)


async def test_one_that_is_missing_at_the_start_is_found_when_it_comes(room: AlsaRoom) -> None:
    room.unplug()
    with pytest.raises(DeviceAbsent, match="no microphone 'lobby'"):
        await asyncio.to_thread(open_microphone, URL)
    room.plug()
    late = await asyncio.to_thread(open_microphone, URL)
    await anext(late.chunks())
    await late.close()
    assert (await late.state()).condition is Condition.ABSENT
