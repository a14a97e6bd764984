"""The PortAudio backend: the real library on ALSA, with a pipe for a sound card."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup
from drivers.microphone import Chunk, open_microphone
from tests.drivers.microphone.alsa import PipeMicrophone

MARK = np.full(512, 7, np.int16)


async def listening(pipe: PipeMicrophone, chunks: AsyncIterator[Chunk]) -> None:
    """Wait until the reader is registered: it hears the mark."""
    first = asyncio.ensure_future(anext(chunks))
    while not first.done():
        await asyncio.to_thread(pipe.write, MARK)
        await asyncio.wait([first], timeout=0.02)
    assert set((await first).samples.tolist()) <= {0, 7}


async def until_heard(chunks: AsyncIterator[Chunk], count: int) -> NDArray[np.int16]:
    """So many samples after the marks, as they come."""
    heard = np.empty(0, np.int16)
    while heard.size < count:
        heard = np.concatenate((heard, (await anext(chunks)).samples))
        if not (heard != 7).any():
            heard = heard[:0]
        elif heard[0] == 7:
            heard = heard[int(np.argmax(heard != 7)) :]
    return heard[:count]


async def test_every_sample_arrives_once_and_in_order(pipe: PipeMicrophone) -> None:
    microphone = open_microphone("portaudio:?device=lobby")
    chunks = microphone.chunks()
    await listening(pipe, chunks)
    spoken = np.arange(100, 20_100).astype(np.int16)
    pipe.write(spoken)
    pipe.write(MARK)  # what the last chunk lacks
    np.testing.assert_array_equal(await until_heard(chunks, spoken.size), spoken)
    pipe.make_noise()
    await microphone.close()


@pytest.mark.parametrize(("channels", "rate_hz"), [(1, 48_000), (2, 16_000), (2, 44_100)])
async def test_a_device_with_other_ideas_is_mixed_and_resampled(
    pipe: PipeMicrophone, monkeypatch: pytest.MonkeyPatch, channels: int, rate_hz: int
) -> None:
    """ALSA's plugin takes any format, so PortAudio's answers are narrowed to those of a pickier device."""
    import sounddevice as sd

    query = sd.query_devices

    def check(_device: int, asked: int, _type: str, *, samplerate: int) -> None:
        if (asked, samplerate) != (channels, rate_hz):
            raise sd.PortAudioError("Invalid format")

    def describe(*which: Any) -> Any:
        about = query(*which)
        return about | {"default_samplerate": float(rate_hz)} if which else about

    monkeypatch.setattr(sd, "check_input_settings", check)
    monkeypatch.setattr(sd, "query_devices", describe)
    microphone = open_microphone("portaudio:?device=lobby")
    chunks = microphone.chunks()
    first = asyncio.ensure_future(anext(chunks))

    moments = np.arange(rate_hz // 4) / rate_hz
    tone = (8000 * np.sin(2 * np.pi * 1000 * moments)).astype(np.int16)
    if channels == 2:  # all on the left: half as loud when mixed
        tone = np.stack((tone, np.zeros_like(tone)), axis=1).reshape(-1)
    while not first.done():
        await asyncio.to_thread(pipe.write, tone)
        await asyncio.wait([first], timeout=0.05)
    await asyncio.to_thread(pipe.write, tone)
    heard = np.concatenate([(await anext(chunks)).samples for _ in range(6)]).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(heard.size)))
    assert abs(np.argmax(spectrum) * 16_000 / heard.size - 1000) < 10
    assert abs(np.abs(heard).max() - 8000 / channels) < 400
    pipe.make_noise()
    await microphone.close()


async def test_a_device_that_says_nothing_more_is_lost_and_can_be_opened_again(
    pipe: PipeMicrophone, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("drivers.microphone.portaudio._STALLED_S", 0.3)
    monkeypatch.setattr("drivers.microphone.portaudio._PATIENCE_S", 0.2)
    pipe.make_noise()
    microphone = open_microphone("portaudio:?device=lobby")
    chunks = microphone.chunks()
    await anext(chunks)
    pipe.hush()
    with pytest.raises(DeviceLost, match=r"'lobby' has given no sound for 0\.3 s"):
        async for _chunk in chunks:
            pass
    # It hangs while it is given back, too: that is said, and holds up nothing.
    with caplog.at_level(logging.WARNING), pytest.raises(DeviceLost, match="PortAudio hangs"):
        await anext(microphone.chunks())
    assert "hangs in PortAudio" in caplog.text
    monkeypatch.setattr("drivers.microphone.portaudio._PATIENCE_S", 10)
    pipe.make_noise()
    assert (await anext(microphone.chunks())).samples.size
    await microphone.close()


async def test_a_stream_that_ends_by_itself_is_a_loss_and_is_opened_again(
    pipe: PipeMicrophone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PortAudio ends a stream whose device is pulled out: here the stream is aborted behind the driver's back."""
    import sounddevice as sd

    streams: list[Any] = []

    class Stream(sd.RawInputStream):  # type: ignore[misc]  # the library has no types
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            streams.append(self)

    monkeypatch.setattr(sd, "RawInputStream", Stream)
    pipe.make_noise()
    microphone = open_microphone("portaudio:?device=lobby")
    chunks = microphone.chunks()
    await anext(chunks)
    await asyncio.to_thread(streams[0].abort)
    with pytest.raises(DeviceLost, match="lobby was unplugged"):
        async for _chunk in chunks:
            pass
    assert (await anext(microphone.chunks())).samples.size
    assert len(streams) == 2
    await microphone.close()


async def test_a_muted_microphone_is_told_of_once(
    pipe: PipeMicrophone, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("drivers.microphone.vitals.MUTED_S", 0.0)
    microphone = open_microphone("portaudio:?device=lobby")
    chunks = microphone.chunks()
    first = asyncio.ensure_future(anext(chunks))
    with caplog.at_level(logging.WARNING):
        while not first.done():
            await asyncio.to_thread(pipe.write, np.zeros(2048, np.int16))
            await asyncio.wait([first], timeout=0.02)
    assert caplog.text.count("nothing but zeros") == 1
    pipe.make_noise()
    await microphone.close()


def test_a_microphone_that_is_not_there_is_absent_and_the_error_lists_those_that_are(pipe: PipeMicrophone) -> None:
    pipe.make_noise()
    with pytest.raises(DeviceAbsent, match=r"no microphone 'Gramophone' .*there are: .*lobby"):
        open_microphone("portaudio:?device=Gramophone")
    with pytest.raises(DeviceAbsent, match="no microphone 99"):
        open_microphone("portaudio:?device=99")


def test_a_device_that_takes_no_format_is_absent(pipe: PipeMicrophone, monkeypatch: pytest.MonkeyPatch) -> None:
    import sounddevice as sd

    def refuse(*_format: Any, **_more: Any) -> None:
        raise sd.PortAudioError("Device unavailable")

    monkeypatch.setattr(sd, "check_input_settings", refuse)
    with pytest.raises(DeviceAbsent, match="in use"):
        open_microphone("portaudio:?device=lobby")
    pipe.make_noise()


def test_an_unknown_option_is_refused(pipe: PipeMicrophone) -> None:
    pipe.make_noise()
    with pytest.raises(DeviceSetup, match="unknown option 'rate'"):
        open_microphone("portaudio:?rate=48000")


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        (ModuleNotFoundError("No module named 'sounddevice'"), r"pip install 'kiosk-edge\[microphone\]'"),
        (OSError("PortAudio library not found"), "apt install libportaudio2"),
    ],
)
def test_without_the_library_the_error_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, missing: Exception, remedy: str
) -> None:
    class Finder:
        """Fails as the import of sounddevice does where it, or PortAudio, is not installed."""

        def find_spec(self, name: str, *_where: Any) -> None:
            if name == "sounddevice":
                raise missing

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.delitem(sys.modules, "drivers.microphone.portaudio", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(DeviceSetup, match=remedy):
        open_microphone("portaudio:")


async def test_a_machine_without_a_microphone_says_so() -> None:
    try:
        found = await asyncio.to_thread(open_microphone, "portaudio:")
    except DeviceSetup as error:
        pytest.skip(str(error))
    except DeviceAbsent as error:
        assert str(error).startswith("there is no microphone (")  # noqa: PT017  # three outcomes, by machine
    else:
        await found.close()
        pytest.skip("this machine has a microphone")
    with pytest.raises(DeviceAbsent, match=r"^there is no microphone 'no such thing' \("):
        open_microphone("portaudio:?device=no such thing")
