"""The microphones that tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.errors import DeviceSetup
from tests.drivers.microphone.alsa import PipeMicrophone


@pytest.fixture
def pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipeMicrophone]:
    """ALSA's device `lobby`; skips where PortAudio or ALSA is missing."""
    try:
        from drivers.microphone import portaudio
    except DeviceSetup as error:
        pytest.skip(str(error))
    device = PipeMicrophone(tmp_path, monkeypatch)
    yield device
    device.make_noise()
    for stream in list(portaudio._streams):  # of a test that failed before it closed its microphone
        stream.close()
    device.finish()
