"""The microphones that tests share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.errors import DeviceSetup
from drivers.microphone import simulated_alsa
from drivers.microphone.simulated_alsa import AlsaRoom


def _portaudio() -> None:
    try:
        from drivers.microphone import portaudio  # noqa: F401  # whether it can be imported
    except DeviceSetup as error:
        pytest.skip(str(error))


def _close_what_is_left() -> None:
    from drivers.microphone import portaudio

    for stream in list(portaudio._streams):  # of a test that failed before it closed its microphone
        stream.close()


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AlsaRoom]:
    """ALSA's device `lobby` that runs by the clock; skips where what it is built with is missing."""
    _portaudio()
    lacking = simulated_alsa.missing()
    if lacking is not None:
        pytest.skip(f"{lacking}; make setup-test installs it")
    built = AlsaRoom(tmp_path)
    for name, value in built.environment.items():
        monkeypatch.setenv(name, value)
    yield built
    built.plug()
    _close_what_is_left()
    for thread in threading.enumerate():
        if thread.name == "closing a microphone":
            thread.join()
