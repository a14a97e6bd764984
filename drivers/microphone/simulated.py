"""A microphone in a quiet room, in which something can be said."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.address import DeviceAddress
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup, DeviceTimeout
from drivers.microphone import CHUNK_SAMPLES, RATE_HZ, Chunk
from drivers.microphone.chunking import SoundFeed
from drivers.microphone.recording import as_heard, load_wav
from drivers.states import READY, Condition, DeviceState

# Standard deviation in steps of 16 bits: -70 dB of full scale, a quiet room through a microphone's own noise.
# Never digital silence: recognisers do far worse after it.
_NOISE = 10.0
_STALLED_S = 1.0


def open_simulated(address: DeviceAddress) -> SimulatedMicrophone:
    """Open ``simulated:`` with the options seed and speed (8: eight times as fast as time, for tests).

    Raises:
        DeviceSetup: an option is unknown or out of range.
    """
    address.only("seed", "speed")
    speed = address.number("speed", 1)
    if not 1 <= speed <= 1000:
        raise DeviceSetup(f"simulated: speed={speed} is not between 1 and 1000")
    return SimulatedMicrophone(seed=address.number("seed", 0), speed=speed)


@dataclass(eq=False)
class _Speech:
    samples: NDArray[np.int16]
    said: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)


class SimulatedMicrophone:
    """A `Microphone` at a real one's pace. Use it, and its stage directions, on one event loop."""

    def __init__(self, *, seed: int = 0, speed: float = 1.0) -> None:
        self._random = np.random.default_rng(seed)
        self._chunk_s = CHUNK_SAMPLES / RATE_HZ / speed
        self._speeches: list[_Speech] = []
        self._feed = SoundFeed()
        self._plugged = True
        self._hung = False
        self._closed = False
        self._room: asyncio.Task[None] | None = None

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Sound as it comes, gapless, for ever.

        Raises:
            DeviceAbsent: it is unplugged.
            DeviceLost: it was unplugged, or hangs.
        """
        if self._closed:
            return
        if not self._plugged:
            raise DeviceAbsent("the simulated microphone is unplugged")
        if not self._feed.running:
            self._feed = SoundFeed()
        feed = self._feed
        self._let_time_pass()
        try:
            async for chunk in feed.items(_STALLED_S):
                yield chunk
        except TimeoutError:
            lost = DeviceLost(f"the simulated microphone has given no sound for {_STALLED_S:g} s")
            feed.fail(lost)
            raise lost from None

    async def state(self) -> DeviceState:
        """How the microphone is now."""
        if self._closed:
            return DeviceState(Condition.ABSENT, "the simulated microphone was closed")
        if not self._plugged:
            return DeviceState.of(DeviceAbsent("the simulated microphone is unplugged"))
        if self._hung:
            return DeviceState.of(DeviceTimeout("the simulated microphone gives no sound"))
        return READY

    async def close(self) -> None:
        """Release the microphone; running `chunks()` end, and nobody waits for a speech any more."""
        self._closed = True
        self._feed.end()
        for speech in self._speeches:
            speech.over.set()
        self._speeches.clear()
        if self._room is not None:
            self._room.cancel()
            await asyncio.wait([self._room])

    # Stage directions

    async def say(self, sound: Path | NDArray[np.generic], rate_hz: int = RATE_HZ) -> None:
        """Say something in the room; returns when its last sample was to be heard.

        `sound` is a WAV file, or samples (x channels) in int16 or in floats from -1 to 1 at `rate_hz`. It goes
        over the room's noise and what else is being said, and on while the microphone is unplugged.

        Raises:
            FileNotFoundError, ValueError: there is no such file, or it is no sound.
        """
        samples = await asyncio.to_thread(_heard, sound, rate_hz)
        if self._closed or not samples.size:
            return
        speech = _Speech(samples)
        self._speeches.append(speech)
        self._let_time_pass()
        try:
            await speech.over.wait()
        finally:
            if speech in self._speeches:  # the one who waits was cancelled: the speaker falls silent
                self._speeches.remove(speech)

    def unplug(self) -> None:
        """Pull the cable out: `chunks()` raise DeviceLost, new ones DeviceAbsent."""
        self._plugged = False
        self._feed.fail(DeviceLost("the simulated microphone was unplugged"))

    def plug(self) -> None:
        """Put the cable back in; that also ends a hang."""
        self._plugged = True
        self._hung = False

    def hang(self) -> None:
        """Stay connected and give no more sound, as real ones do now and then."""
        self._hung = True

    # The room

    def _let_time_pass(self) -> None:
        if self._room is None or self._room.done():
            self._room = asyncio.create_task(self._pass_time(), name="the simulated microphone's room")

    async def _pass_time(self) -> None:
        began_s = time.monotonic()
        count = 0
        while True:
            # Each chunk has its time from the beginning, so that being late now and then adds up to nothing.
            count += 1
            due_s = began_s + count * self._chunk_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            samples = self._listen()
            if self._plugged and not self._hung:
                self._feed.hear(samples, due_s)

    def _listen(self) -> NDArray[np.int16]:
        heard = self._random.normal(0, _NOISE, CHUNK_SAMPLES)
        for speech in list(self._speeches):
            part = speech.samples[speech.said : speech.said + CHUNK_SAMPLES]
            heard[: part.size] += part
            speech.said += part.size
            if speech.said == speech.samples.size:
                self._speeches.remove(speech)
                speech.over.set()
        samples: NDArray[np.int16] = np.clip(heard.round(), -(2**15), 2**15 - 1).astype(np.int16)
        return samples


def _heard(sound: Path | NDArray[np.generic], rate_hz: int) -> NDArray[np.int16]:
    if isinstance(sound, Path):
        return as_heard(*load_wav(sound))
    return as_heard(sound, rate_hz)
