"""Faults of a microphone: sounddevice, PortAudio and ALSA in a process of their own, a simulated device under them."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

from benchmarks.faults import Fault, Outcome, PromiseBroken
from benchmarks.faults._streaming import Agent, environment
from drivers.errors import DeviceSetup
from drivers.isolated import open_microphone
from drivers.microphone import RATE_HZ, Chunk, Microphone
from drivers.microphone.simulated_alsa import URL, AlsaRoom
from drivers.microphone.simulated_alsa import missing as not_installed

OLD_S = 1.5
TONE_HZ = 1000
_TONE = np.asarray(8000 * np.sin(2 * np.pi * TONE_HZ * np.arange(RATE_HZ) / RATE_HZ), np.int16)


def missing() -> str | None:
    """Why this machine can't strike these."""
    try:
        import drivers.microphone.portaudio  # noqa: F401, PLC0415 - whether PortAudio is there
    except DeviceSetup as error:
        return str(error)
    return not_installed()


def _fresh(chunk: Chunk) -> None:
    if (age_s := time.monotonic() - chunk.captured_at_s) > OLD_S:
        raise PromiseBroken(f"sound {age_s:.1f} s old reached the reader as new")


@contextlib.asynccontextmanager
async def _watched(*, plugged: bool = True) -> AsyncIterator[tuple[AlsaRoom, Agent, Microphone]]:
    with tempfile.TemporaryDirectory() as folder:
        room = await asyncio.to_thread(AlsaRoom, Path(folder))
        if not plugged:
            room.unplug()
        with environment(room.environment):
            began_s = time.monotonic()
            microphone = await asyncio.to_thread(open_microphone, URL)
            opening_s = time.monotonic() - began_s
            agent = Agent(microphone, microphone.chunks, _fresh, opening_s=opening_s)
            try:
                if plugged:
                    await agent.recovered_s()
                yield room, agent, microphone
            finally:
                await agent.close()


async def unplugged() -> Outcome:
    """Unplugged, looked for in vain, plugged in."""
    async with _watched() as (room, agent, _):
        room.unplug()
        detected_s = await agent.detected_s()
        while "no microphone" not in str(await agent.error()):
            pass
        room.plug()
        return Outcome(detected_s, await agent.recovered_s())


async def silent() -> Outcome:
    """The stream stays active and gives nothing, until the driver gives it up."""
    async with _watched() as (room, agent, _):
        room.hang()
        detected_s = await agent.detected_s()
        await agent.error()
        room.hang(False)
        return Outcome(detected_s, await agent.recovered_s())


async def hangs_in_calls() -> Outcome:
    """Calls into the device don't return: not even closing it does."""
    async with _watched() as (room, agent, _):
        room.hang(blocking=True)
        detected_s = await agent.detected_s()
        await agent.error()
        room.hang(False)
        return Outcome(detected_s, await agent.recovered_s())


async def zeros() -> Outcome:
    """Nothing but zeros, as of a muted one."""
    async with _watched() as (room, agent, _):
        room.mute()
        detected_s = await agent.detected_s()
        room.mute(False)
        recovered_s = await agent.recovered_s()
        if agent.errors:
            raise PromiseBroken(f"a muted microphone was given up: {agent.errors[0]}")
        return Outcome(detected_s, recovered_s)


async def overflow() -> Outcome:
    """Sound is lost once; over when the state has told of it for its 2 s."""
    async with _watched() as (room, agent, _):
        room.overflow()
        detected_s = await agent.detected_s(lambda state: "sound was lost" in state.reason)
        recovered_s = await agent.recovered_s()
        if agent.errors:
            raise PromiseBroken(f"lost sound ended the stream: {agent.errors[0]}")
        return Outcome(detected_s, recovered_s)


async def missing_at_start() -> Outcome:
    """Not there when the agent starts: noticed from the opening's beginning."""
    async with _watched(plugged=False) as (room, agent, _):
        detected_s = agent.opening_s + await agent.detected_s()
        room.plug()
        return Outcome(detected_s, await agent.recovered_s())


async def another_rate() -> Outcome:
    """Unplugged, and one that knows only 48 kHz, in stereo, is put in its place."""
    async with _watched() as (room, agent, microphone):
        room.unplug()
        detected_s = await agent.detected_s()
        room.plug(rate_hz=48_000, channels=2)
        recovered_s = await agent.recovered_s()
        chunks = microphone.chunks()
        await anext(chunks)
        saying = asyncio.create_task(room.say(_TONE))
        heard = np.concatenate([(await anext(chunks)).samples for _ in range(24)])[4000:]
        await saying
        pitch_hz = float(np.argmax(np.abs(np.fft.rfft(heard * np.hanning(heard.size))))) * RATE_HZ / heard.size
        if abs(pitch_hz - TONE_HZ) > 10:
            raise PromiseBroken(f"a tone of {TONE_HZ} Hz is heard as {pitch_hz:.0f} Hz")
        return Outcome(detected_s, recovered_s)


async def wrong_clock() -> Outcome:
    """Half as many samples again as it says."""
    async with _watched() as (room, agent, _):
        room.run_at(150)
        detected_s = await agent.detected_s(lambda state: "samples a second" in state.reason)
        room.run_at(100)
        return Outcome(detected_s, await agent.recovered_s())


# Bounds: no sound for 0.5 s is degraded; zeros are counted for 10 s and the pace over 2. Over: the longest back-off,
# 5 s, and a process that imports PortAudio; sound that opening anew loses is told for 2 s.
FAULTS: list[Fault] = [
    Fault("unplugged and plugged in", 1.0, 8.0, unplugged, missing),
    Fault("silent, the stream active", 1.0, 8.0, silent, missing),
    Fault("hangs in calls", 1.0, 8.0, hangs_in_calls, missing),
    Fault("nothing but zeros", 11.0, 3.0, zeros, missing),
    Fault("sound lost once", 0.5, 3.0, overflow, missing),
    Fault("not there at the start", 3.0, 8.0, missing_at_start, missing),
    Fault("replaced by one of 48 kHz stereo", 1.0, 8.0, another_rate, missing),
    Fault("its clock half as fast again", 3.0, 4.0, wrong_clock, missing),
]
