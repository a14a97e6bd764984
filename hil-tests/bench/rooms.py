"""The microphone and who speaks into it: simulated, or PortAudio on ALSA with the room behind a pipe."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench import BenchUnusable
from bench.deeds import Deed
from bench.stations import Doing
from drivers.errors import DriverError
from drivers.microphone import RATE_HZ, Microphone, open_microphone
from drivers.microphone.recording import as_heard, load_wav
from drivers.microphone.simulated import SimulatedMicrophone
from edge.virtual.stage import recorded_sentences

_ALSA: Final = Path("/usr/share/alsa/alsa.conf")
_BLOCK: Final = 320  # samples: 20 ms
_PIPE_BYTES: Final = 4096  # the smallest: 128 ms of sound that nobody read yet
_NOISE: Final = 10.0  # standard deviation, of 32768: a quiet room


def sentence(name: str) -> Path:
    """A recorded sentence."""
    for each in recorded_sentences():
        if each.id == name:
            return each.path
    raise BenchUnusable(f"there is no recording {name!r}")


class SimulatedRoom:
    """The simulated microphone."""

    how = "simulated microphone at a real one's pace"
    lacks: Mapping[Deed, str] = {}

    async def open(self) -> Microphone:
        """See `Station`."""
        self._microphone = SimulatedMicrophone()
        return self._microphone

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        microphone = self._microphone
        return {
            Deed.SAY: lambda name: microphone.say(sentence(name)),
            Deed.UNPLUG_MICROPHONE: lambda _: microphone.unplug(),
            Deed.PLUG_MICROPHONE: lambda _: microphone.plug(),
        }

    async def close(self) -> None:
        """See `Station`."""
        await self._microphone.close()


class AlsaRoom:
    """sounddevice and PortAudio on ALSA, whose `file` plugin reads from a pipe what is said in the room.

    Unplugged, the pipe gives nothing and PortAudio's reads hang: the worst way for a microphone to go.
    """

    how = "sounddevice and PortAudio on ALSA's file plugin, a room behind a pipe; unplugged, its reads hang"
    lacks: Mapping[Deed, str] = {}

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def open(self) -> Microphone:
        """See `Station`."""
        if not _ALSA.is_file():
            raise BenchUnusable("ALSA is not installed (Debian: libasound2-data, which libportaudio2 brings)")
        pipe = self._folder / "room.pcm"
        os.mkfifo(pipe)
        settings = self._folder / "asound.conf"
        settings.write_text(
            f'<{_ALSA}>\npcm.room {{\n  type file\n  slave.pcm "null"\n  file "/dev/null"\n'
            f'  infile "{pipe}"\n  format "raw"\n  hint {{ show on description "Room" }}\n}}\n',
            encoding="utf-8",
        )
        os.environ["ALSA_CONFIG_PATH"] = str(settings)
        self._air = _Air(pipe)
        try:
            self._microphone = await asyncio.to_thread(open_microphone, "portaudio:?device=room")
        except DriverError as error:
            self._air.end()
            raise BenchUnusable(f"PortAudio has no microphone here: {error}") from error
        return self._microphone

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        air = self._air
        return {
            Deed.SAY: lambda name: asyncio.to_thread(air.say, as_heard(*load_wav(sentence(name)))),
            Deed.UNPLUG_MICROPHONE: lambda _: air.stop(),
            Deed.PLUG_MICROPHONE: lambda _: air.flow(),
        }

    async def close(self) -> None:
        """See `Station`."""
        self._air.flow()  # or PortAudio never lets go
        await self._microphone.close()
        await asyncio.to_thread(self._air.end)


class _Air:
    """What is to be heard in the room, written into the pipe at real-time pace by a thread."""

    def __init__(self, pipe: Path) -> None:
        self._pipe = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)  # both ways: neither end waits for the other
        fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._flowing = threading.Event()
        self._flowing.set()
        self._ended = threading.Event()
        self._said = threading.Condition()
        self._to_say: deque[NDArray[np.int16]] = deque()
        self._thread = threading.Thread(target=self._run, name="the bench's room", daemon=True)
        self._thread.start()

    def say(self, samples: NDArray[np.int16]) -> None:
        """Say it; returns when it was said. Blocks."""
        blocks = [samples[start : start + _BLOCK] for start in range(0, samples.size, _BLOCK)]
        longest_s = 2 * samples.size / RATE_HZ + 5
        with self._said:
            self._to_say.extend(blocks)
            if not self._said.wait_for(lambda: not self._to_say, longest_s):
                raise BenchUnusable(f"{samples.size / RATE_HZ:.1f} s of speech took longer than {longest_s:.0f} s")

    def stop(self) -> None:
        """Give the device nothing more."""
        self._flowing.clear()

    def flow(self) -> None:
        """Let it hear again."""
        self._flowing.set()

    def end(self) -> None:
        """Be gone, once those that close a microphone are."""
        for thread in threading.enumerate():
            if thread.name == "closing a microphone":
                thread.join(5.0)
        self._ended.set()
        self._flowing.set()
        self._thread.join()
        os.close(self._pipe)

    def _run(self) -> None:
        random = np.random.default_rng(1)
        due_s = time.monotonic()
        while not self._ended.wait(max(0.0, due_s - time.monotonic())):
            if not self._flowing.is_set():
                self._flowing.wait()
                due_s = time.monotonic()
            heard = random.normal(0, _NOISE, _BLOCK)
            with self._said:
                if self._to_say:
                    part = self._to_say.popleft()
                    heard[: part.size] += part
                    self._said.notify_all()
            block = np.clip(heard.round(), -(2**15), 2**15 - 1).astype("<i2")
            with contextlib.suppress(BlockingIOError):  # nobody listens: in a room, too, that is lost
                os.write(self._pipe, block.tobytes())
            due_s += _BLOCK / RATE_HZ
