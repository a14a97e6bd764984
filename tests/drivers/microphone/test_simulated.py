from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup
from drivers.microphone import Chunk, open_microphone
from drivers.microphone.recording import load_wav
from drivers.microphone.simulated import SimulatedMicrophone


@pytest.fixture
async def microphone() -> AsyncIterator[SimulatedMicrophone]:
    opened = SimulatedMicrophone(speed=50)
    yield opened
    await opened.close()


class Ear:
    """A reader that keeps all it hears, and how it ended."""

    def __init__(self, microphone: SimulatedMicrophone) -> None:
        self._chunks = microphone.chunks()
        self.heard: list[Chunk] = []
        self._news = asyncio.Event()
        self.task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for chunk in self._chunks:
            self.heard.append(chunk)
            self._news.set()

    async def more(self, count: int = 1) -> None:
        """Wait for so many further chunks."""
        wanted = len(self.heard) + count
        while len(self.heard) < wanted:
            self._news.clear()
            await self._news.wait()

    def sound(self) -> NDArray[np.int16]:
        return np.concatenate([chunk.samples for chunk in self.heard])


@pytest.fixture
async def ear(microphone: SimulatedMicrophone) -> AsyncIterator[Ear]:
    listening = Ear(microphone)
    await listening.more()
    yield listening
    listening.task.cancel()
    await asyncio.wait([listening.task])


def tone(seconds: float, rate_hz: int = 16_000, pitch_hz: float = 440.0, level: float = 0.5) -> NDArray[np.float64]:
    return level * np.sin(2 * math.pi * pitch_hz * np.arange(int(seconds * rate_hz)) / rate_hz)


def loudness(samples: NDArray[np.int16]) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))


def pitch_of(samples: NDArray[np.int16]) -> float:
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64) * np.hanning(samples.size)))
    return float(np.argmax(spectrum) * 16_000 / samples.size)


def where(spoken: NDArray[Any], heard: NDArray[Any]) -> int:
    """The sample of `heard` from which on it is most like `spoken`: correlated by FFT, as both are long."""
    size = heard.size + spoken.size
    alike = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(spoken, size).conj(), size)
    return int(np.argmax(alike[: heard.size - spoken.size + 1]))


async def test_a_quiet_room_is_noise_and_follows_from_the_seed() -> None:
    async def listen(seed: int) -> NDArray[np.int16]:
        microphone = SimulatedMicrophone(seed=seed, speed=100)
        chunks = microphone.chunks()
        sound = np.concatenate([(await anext(chunks)).samples for _ in range(20)])
        await microphone.close()
        return sound

    quiet = await listen(3)
    assert 8 < loudness(quiet) < 12  # about -70 dB of full scale
    assert abs(quiet.mean()) < 1
    np.testing.assert_array_equal(quiet, await listen(3))
    assert not np.array_equal(quiet, await listen(4))


async def test_chunks_are_stamped_32_ms_apart_however_busy_the_machine() -> None:
    microphone = SimulatedMicrophone()
    chunks = microphone.chunks()
    times = [(await anext(chunks)).captured_at_s for _ in range(12)]
    await microphone.close()
    np.testing.assert_allclose(np.diff(times), 0.032, atol=1e-9)  # no drift: each is counted from the beginning


async def test_what_is_said_is_heard_gapless_and_say_returns_when_it_was(
    microphone: SimulatedMicrophone, ear: Ear
) -> None:
    spoken = (tone(0.7) * 2**15).astype(np.int16)
    await microphone.say(spoken)
    await ear.more(2)
    heard = ear.sound().astype(np.float64)
    start = where(spoken, heard)
    difference = heard[start : start + spoken.size] - spoken
    assert np.abs(difference).max() < 60  # the room's noise and nothing else, up to 6 standard deviations
    assert loudness(ear.heard[-1].samples) < 12  # and quiet again


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000])
async def test_other_rates_keep_their_pitch_and_length(microphone: SimulatedMicrophone, ear: Ear, rate_hz: int) -> None:
    await microphone.say(tone(0.6, rate_hz), rate_hz)
    await ear.more(2)
    loud = [chunk for chunk in ear.heard if loudness(chunk.samples) > 1000]
    assert abs(len(loud) - 0.6 / 0.032) <= 2
    assert abs(pitch_of(np.concatenate([chunk.samples for chunk in loud[1:-1]])) - 440) < 2


async def test_two_voices_at_once_are_both_heard(microphone: SimulatedMicrophone, ear: Ear) -> None:
    await asyncio.gather(
        microphone.say(tone(0.6, pitch_hz=440, level=0.2)), microphone.say(tone(0.6, pitch_hz=1500, level=0.2))
    )
    await ear.more(2)
    loud = np.concatenate([chunk.samples for chunk in ear.heard if loudness(chunk.samples) > 1000])
    spectrum = np.abs(np.fft.rfft(loud.astype(np.float64)))
    step_hz = 16_000 / loud.size
    low, high = spectrum[round(440 / step_hz)], spectrum[round(1500 / step_hz)]
    assert min(low, high) > 0.3 * max(low, high)
    assert min(low, high) > 20 * np.median(spectrum)


async def test_what_is_too_loud_is_cut_and_never_wraps(microphone: SimulatedMicrophone, ear: Ear) -> None:
    await asyncio.gather(*(microphone.say(np.full(5000, 0.9)) for _ in range(3)))
    await ear.more(2)
    assert np.max(ear.sound()) == 2**15 - 1
    assert np.min(ear.sound()) > -200


async def test_one_who_stops_waiting_stops_talking(microphone: SimulatedMicrophone, ear: Ear) -> None:
    speaking = asyncio.create_task(microphone.say(tone(60)))
    while not any(loudness(chunk.samples) > 1000 for chunk in ear.heard):
        await ear.more()
    speaking.cancel()
    await asyncio.wait([speaking])
    await ear.more(3)
    assert loudness(ear.heard[-1].samples) < 12


async def test_unplugging_is_a_loss_then_an_absence_until_it_is_plugged_in(
    microphone: SimulatedMicrophone, ear: Ear
) -> None:
    microphone.unplug()
    with pytest.raises(DeviceLost, match="unplugged"):
        await ear.task
    with pytest.raises(DeviceAbsent):
        await anext(microphone.chunks())
    await microphone.say(tone(0.3))  # to a deaf room, and yet it takes its time and ends
    microphone.plug()
    assert (await anext(microphone.chunks())).samples.size


async def test_every_reader_hears_of_the_loss(microphone: SimulatedMicrophone) -> None:
    ears = [Ear(microphone) for _ in range(3)]
    for ear in ears:
        await ear.more()
    microphone.unplug()
    for ear in ears:
        with pytest.raises(DeviceLost):
            await ear.task


async def test_a_hang_is_noticed_and_replugging_ends_it(
    microphone: SimulatedMicrophone, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.microphone.simulated._STALLED_S", 0.2)
    other = Ear(microphone)  # the first waits a whole second: it began before
    await other.more()
    microphone.hang()
    with pytest.raises(DeviceLost, match=r"no sound for 0\.2 s"):
        await other.task
    with pytest.raises(DeviceLost):
        await ear.task
    microphone.plug()
    assert (await anext(microphone.chunks())).samples.size


async def test_closing_ends_a_speech(microphone: SimulatedMicrophone, ear: Ear) -> None:
    speaking = asyncio.create_task(microphone.say(tone(60)))
    while not any(loudness(chunk.samples) > 1000 for chunk in ear.heard):
        await ear.more()
    await microphone.close()
    await asyncio.wait_for(speaking, 5)
    await asyncio.wait_for(microphone.say(tone(1)), 5)


async def test_wrong_stage_directions_say_what_is_wrong(microphone: SimulatedMicrophone, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await microphone.say(tmp_path / "absent.wav")
    text = tmp_path / "text.wav"
    text.write_text("not a recording")
    with pytest.raises(ValueError, match="is not a WAV file"):
        await microphone.say(text)
    with pytest.raises(ValueError, match="int16 or floating point"):
        await microphone.say(np.zeros(100, np.int64))


@pytest.mark.parametrize("url", ["simulated:?speed=0", "simulated:?speed=fast", "simulated:?volume=3", "gramophone:"])
def test_a_wrong_address_is_refused(url: str) -> None:
    with pytest.raises(DeviceSetup):
        open_microphone(url)


async def test_a_real_voice_is_heard(ear: Ear, microphone: SimulatedMicrophone, shared_data: Path) -> None:
    voice = shared_data / "audio" / "human" / "goforward.wav"
    await microphone.say(voice)
    await ear.more(2)
    spoken, rate_hz = load_wav(voice)
    assert rate_hz == 16_000
    heard = ear.sound().astype(np.float64)
    start = where(spoken[:, 0], heard)
    alike = np.corrcoef(heard[start : start + spoken.shape[0]], spoken[:, 0])[0, 1]
    assert alike > 0.99
