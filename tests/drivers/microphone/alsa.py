"""A microphone for the real PortAudio and ALSA without a sound card: ALSA's `file` plugin, reading from a pipe.

What is written into the pipe is what the microphone hears, bit for bit; while nothing is written, the device's
reads block, as those of a hanging one do.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.microphone import RATE_HZ

_ALSA = Path("/usr/share/alsa/alsa.conf")
_BLOCK_S = 0.02


class PipeMicrophone:
    """The device `lobby` of ALSA in this process, from now on."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        if not _ALSA.is_file():
            pytest.skip("ALSA is not installed here (Linux: libasound2-data, which libportaudio2 brings)")
        pipe = folder / "lobby.pcm"
        os.mkfifo(pipe)
        settings = folder / "asound.conf"
        settings.write_text(
            f'<{_ALSA}>\npcm.lobby {{\n  type file\n  slave.pcm "null"\n  file "/dev/null"\n'
            f'  infile "{pipe}"\n  format "raw"\n  hint {{ show on description "Lobby" }}\n}}\n',
            encoding="utf-8",
        )
        monkeypatch.setenv("ALSA_CONFIG_PATH", str(settings))
        self._pipe = os.open(pipe, os.O_RDWR)  # both ways, so that neither end waits for the other to be opened
        self._quiet = threading.Event()
        self._noise: threading.Thread | None = None

    def write(self, samples: NDArray[np.int16]) -> None:
        """Let the device hear these; at most 32,000 samples fit into the pipe."""
        os.write(self._pipe, samples.astype("<i2").tobytes())

    def make_noise(self) -> None:
        """Let it hear noise at a real microphone's pace, until `hush`."""
        self.hush()
        self._quiet.clear()
        self._noise = threading.Thread(target=self._go_on, daemon=True)
        self._noise.start()

    def hush(self) -> None:
        """Give it nothing more: its reads block."""
        self._quiet.set()
        if self._noise is not None:
            self._noise.join()
            self._noise = None

    def finish(self) -> None:
        """Wait, still making noise, for those that close a microphone; then be gone."""
        for thread in threading.enumerate():
            if thread.name == "closing a microphone":
                thread.join()
        self.hush()
        os.close(self._pipe)

    def _go_on(self) -> None:
        random = np.random.default_rng(1)
        while not self._quiet.wait(_BLOCK_S):
            self.write(random.normal(0, 100, int(RATE_HZ * _BLOCK_S)).astype(np.int16))
