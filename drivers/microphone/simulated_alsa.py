"""The simulated microphone on the real wire: a device of ALSA's, under the unmodified PortAudio and sounddevice.

`simulated_alsa.c` is a plugin of ALSA's that runs by the clock. The room that it hears is a file, and the stage
directions here write into it, from any process.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drivers.errors import DeviceSetup
from drivers.microphone import RATE_HZ
from drivers.microphone.recording import as_heard, load_wav, soxr

DEVICE: Final = "lobby"
URL: Final = f"portaudio:?device={DEVICE}"

_SOURCE = Path(__file__).with_name("simulated_alsa.c")
_ALSA = Path("/usr/share/alsa/alsa.conf")
_HEADER = Path("/usr/include/alsa/pcm_ioplug.h")
_BUILD_S = 60.0
_HEARD_S = 0.01
_SPEECH_SAMPLES = 60 * 48_000

# struct room, in int32
_PLUGGED, _HUNG, _MUTED, _OVERFLOWS, _RATE_HZ, _PERCENT, _SAID, _LENGTH, _OPENED, _HEARD, _CHANNELS = range(11)


def missing() -> str | None:
    """What this machine lacks for it, in words; None when it has all."""
    if shutil.which("gcc") is None:
        return "no gcc here (Debian: gcc libc6-dev)"
    if not _HEADER.is_file():
        return "no headers of ALSA's here (Debian: libasound2-dev)"
    if not _ALSA.is_file():
        return "ALSA is not installed here (Debian: libasound2-data, which libportaudio2 brings)"
    return None


class AlsaRoom:
    """A room in `folder`, with a microphone in it that ALSA calls ``lobby``.

    A process hears it that was started, or calls PortAudio for the first time, with `environment`; see `URL`.
    """

    def __init__(self, folder: Path) -> None:
        """Build the plugin; blocks for about a second.

        Raises:
            DeviceSetup: this machine lacks what it takes.
        """
        lacking = missing()
        if lacking is not None:
            raise DeviceSetup(lacking)
        plugin, room, settings = folder / "room.so", folder / "room", folder / "asound.conf"
        built = subprocess.run(
            ["gcc", "-O2", "-shared", "-fPIC", "-DPIC", "-o", str(plugin), str(_SOURCE), "-lasound"],
            capture_output=True,
            text=True,
            timeout=_BUILD_S,
            check=False,
        )
        if built.returncode:
            raise DeviceSetup(f"gcc can't build {_SOURCE.name}: {built.stderr.strip()}")
        settings.write_text(
            f'<{_ALSA}>\npcm_type.kiosk_room {{ lib "{plugin}" }}\n'
            f'pcm.{DEVICE} {{\n  type kiosk_room\n  room "{room}"\n  hint {{ show on description "Lobby" }}\n}}\n',
            encoding="utf-8",
        )
        with room.open("wb") as file:
            file.truncate(4 * 11 + 2 * _SPEECH_SAMPLES)
        self.environment: Final = {"ALSA_CONFIG_PATH": str(settings)}
        self._room: NDArray[np.int32] = np.memmap(room, np.int32, "r+", shape=(11,))
        self._speech: NDArray[np.int16] = np.memmap(room, np.int16, "r+", offset=44, shape=(_SPEECH_SAMPLES,))
        self._room[_PERCENT] = 100
        self._room[_CHANNELS] = 1
        self._room[_PLUGGED] = 1

    # Stage directions

    async def say(self, sound: Path | NDArray[np.generic], rate_hz: int = RATE_HZ) -> None:
        """Say something in the room, at most 60 s; returns when its last sample was heard. One at a time.

        `sound` is a WAV file, or samples (x channels) in int16 or in floats from -1 to 1 at `rate_hz`.

        Raises:
            FileNotFoundError, ValueError: there is no such file, or it is no sound, or too long.
            TimeoutError: nobody listens.
        """
        samples = await asyncio.to_thread(self._as_device, sound, rate_hz)
        self._speech[: samples.size] = samples
        self._room[_HEARD] = 0
        self._room[_LENGTH] = samples.size
        self._room[_SAID] += 1
        async with asyncio.timeout(5 + samples.size / 8000):
            while self._room[_HEARD] < samples.size:  # noqa: ASYNC110 - told in shared memory: there is no event
                await asyncio.sleep(_HEARD_S)

    def unplug(self) -> None:
        """Pull the cable out."""
        self._room[_PLUGGED] = 0

    def plug(self, rate_hz: int = 0, channels: int = 1) -> None:
        """Put a cable in, of a device with so many channels that knows `rate_hz` only, or with 0 any from 8 to 48 kHz.

        That also ends a hang and unmutes it.
        """
        self._room[_RATE_HZ] = rate_hz
        self._room[_CHANNELS] = channels
        self._room[_HUNG] = self._room[_MUTED] = 0
        self._room[_PLUGGED] = 1

    def hang(self, on: bool = True, *, blocking: bool = False) -> None:
        """Give no more samples and say nothing of it: the stream stays active. `blocking`: no call returns, either."""
        self._room[_HUNG] = int(on) * (1 + blocking)

    def mute(self, on: bool = True) -> None:
        """Give nothing but zeros."""
        self._room[_MUTED] = on

    def overflow(self) -> None:
        """Lose sound once, as when the computer was too busy to fetch it."""
        self._room[_OVERFLOWS] += 1

    def run_at(self, percent: int) -> None:
        """Run the device's clock at so many hundredths of the right speed."""
        self._room[_PERCENT] = percent

    @property
    def opened(self) -> int:
        """How often the device was opened, by PortAudio's looking for devices too."""
        return int(self._room[_OPENED])

    def _as_device(self, sound: Path | NDArray[np.generic], rate_hz: int) -> NDArray[np.int16]:
        samples = as_heard(*load_wav(sound)) if isinstance(sound, Path) else as_heard(sound, rate_hz)
        own_hz = int(self._room[_RATE_HZ]) or RATE_HZ
        if own_hz != RATE_HZ:
            samples = np.asarray(soxr.resample(samples, RATE_HZ, own_hz), np.int16)
        if samples.size > _SPEECH_SAMPLES:
            raise ValueError(f"that is longer than {_SPEECH_SAMPLES // own_hz} s")
        return samples
