"""The PortAudio backend: the real library on ALSA, with a simulated device for a sound card."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

import pytest

from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup
from drivers.microphone import open_microphone
from drivers.microphone.simulated_alsa import URL, AlsaRoom
from drivers.states import Condition


async def test_a_device_that_hangs_while_it_is_given_back_holds_up_nothing(
    room: AlsaRoom, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("drivers.microphone.portaudio._STALLED_S", 0.3)
    monkeypatch.setattr("drivers.microphone.portaudio._PATIENCE_S", 0.2)
    microphone = open_microphone(URL)
    chunks = microphone.chunks()
    await anext(chunks)
    room.hang(blocking=True)
    with pytest.raises(DeviceLost, match=r"'lobby' has given no sound for 0\.3 s"):
        async for _chunk in chunks:
            pass
    with caplog.at_level(logging.WARNING), pytest.raises(DeviceLost, match="PortAudio hangs"):
        await anext(microphone.chunks())
    assert "hangs in PortAudio" in caplog.text
    assert (await microphone.state()).condition is Condition.ABSENT
    monkeypatch.setattr("drivers.microphone.portaudio._PATIENCE_S", 10)
    monkeypatch.setattr("drivers.microphone.portaudio._STALLED_S", 5)
    room.hang(False)
    assert (await anext(microphone.chunks())).samples.size
    await microphone.close()


async def test_a_stream_that_ends_by_itself_is_a_loss_and_is_opened_again(
    room: AlsaRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the reason: here the stream is aborted behind the driver's back."""
    import sounddevice as sd

    from drivers.microphone import portaudio

    streams: list[Any] = []

    class Stream(sd.RawInputStream):  # type: ignore[misc]  # the library has no types
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            streams.append(self)

    monkeypatch.setattr(sd, "RawInputStream", Stream)
    microphone = open_microphone(URL)
    chunks = microphone.chunks()
    await anext(chunks)

    def abort() -> None:
        with portaudio._portaudio:  # two that abort at once wait for each other in PortAudio for ever
            streams[0].abort()

    await asyncio.to_thread(abort)
    with pytest.raises(DeviceLost, match="lobby was unplugged"):
        async for _chunk in chunks:
            pass
    assert (await anext(microphone.chunks())).samples.size
    assert len(streams) == 2
    assert room.opened
    await microphone.close()


def test_a_microphone_that_is_not_there_is_absent_and_the_error_lists_those_that_are(room: AlsaRoom) -> None:
    with pytest.raises(DeviceAbsent, match=r"no microphone 'Gramophone' .*there are: .*lobby"):
        open_microphone("portaudio:?device=Gramophone")
    with pytest.raises(DeviceAbsent, match="no microphone 99"):
        open_microphone("portaudio:?device=99")


def test_a_device_that_takes_no_format_is_absent(room: AlsaRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    import sounddevice as sd

    def refuse(*_format: Any, **_more: Any) -> None:
        raise sd.PortAudioError("Device unavailable")

    monkeypatch.setattr(sd, "check_input_settings", refuse)
    with pytest.raises(DeviceAbsent, match="in use"):
        open_microphone("portaudio:?device=lobby")


def test_an_unknown_option_is_refused(room: AlsaRoom) -> None:
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
