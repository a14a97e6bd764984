"""A real microphone, by sounddevice and PortAudio."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.address import DeviceAddress
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup, DriverError
from drivers.microphone import RATE_HZ, Chunk
from drivers.microphone.feed import SoundFeed
from drivers.microphone.recording import soxr

try:
    import sounddevice as sd
except ImportError as error:
    raise DeviceSetup("sounddevice is not installed; run: pip install 'kiosk-edge[microphone]'") from error
except OSError as error:  # its wheel for Linux comes without the library itself
    raise DeviceSetup("PortAudio is not installed; run: sudo apt install libportaudio2") from error

_log = logging.getLogger(__name__)

_LATENCY_S = 0.02  # with PortAudio's own default, blocks come in bursts
_STALLED_S = 1.0
_PATIENCE_S = 2.0  # for PortAudio to give a device back
_MUTED_S = 10.0

# PortAudio is not safe to call from two threads at once, nor while a call of ours hangs in it. It also lists the
# devices once: to see one that was plugged in since, it is started anew, which ends all streams, so only while
# there are none.
_portaudio = threading.Lock()
_streams: set[_Stream] = set()


def open_portaudio(address: DeviceAddress) -> PortaudioMicrophone:
    """Open ``portaudio:``, the default input, or ``portaudio:?device=USB``, part of a name or a number.

    Raises:
        DeviceSetup: sounddevice or PortAudio is not installed, or an option is unknown.
        DeviceAbsent: there is no such microphone, or it is in use.
    """
    address.only("device")
    microphone = PortaudioMicrophone(address.options.get("device"))
    microphone.open()
    return microphone


class PortaudioMicrophone:
    """A `Microphone` that PortAudio knows. After a loss, another `chunks()` opens it again."""

    def __init__(self, device: str | None = None) -> None:
        self._device = int(device) if device and device.isdecimal() else device
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._feed = SoundFeed()
        self._feed.end()
        self._stream: _Stream | None = None

    def open(self) -> None:
        """Open the device and start to listen, unless that is done already. Blocks.

        Raises:
            DeviceAbsent: there is no such microphone, or it is in use.
            DeviceLost: PortAudio still hangs with it.
        """
        with self._lock:
            if self._closing.is_set() or self._feed.running:
                return
            self._release()
            feed = SoundFeed()
            self._stream = _Stream(self._device, feed)
            self._feed = feed

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Sound as it comes, gapless, for ever.

        Raises:
            DeviceAbsent: the microphone isn't there.
            DeviceLost: it was unplugged, or PortAudio gave nothing for 1 s.
        """
        await asyncio.to_thread(self.open)
        feed = self._feed
        try:
            async for chunk in feed.chunks(_STALLED_S):
                yield chunk
        except DriverError:
            raise
        except TimeoutError:
            lost = DeviceLost(f"{self._label} has given no sound for {_STALLED_S:g} s")
            feed.fail(lost)
            raise lost from None

    async def close(self) -> None:
        """Release the microphone; running `chunks()` end."""
        self._closing.set()
        self._feed.end()
        await asyncio.to_thread(self._release_at_last)

    @property
    def _label(self) -> str:
        return "the default microphone" if self._device is None else f"the microphone {self._device!r}"

    def _release_at_last(self) -> None:
        with self._lock:
            self._release()

    def _release(self) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        # PortAudio waits for its own thread here, and that one for the device: it may never return.
        thread = threading.Thread(target=stream.close, name="closing a microphone", daemon=True)
        thread.start()
        thread.join(_PATIENCE_S)
        if thread.is_alive():
            _log.warning("%s hangs in PortAudio and will be released when that returns", self._label)


class _Stream:
    """One opened PortAudio stream, whose callback fills a feed."""

    def __init__(self, device: str | int | None, feed: SoundFeed) -> None:
        self._feed = feed
        self._heard_s = time.monotonic()
        self._muted = False
        if not _portaudio.acquire(timeout=_PATIENCE_S):
            raise DeviceLost("PortAudio hangs with an earlier microphone; if that lasts, restart this program")
        try:
            if not _streams:
                sd._terminate()
                sd._initialize()
            found = _find(device)
            self._name = found.name
            self._resampler: Any = None  # soxr.ResampleStream, where the device has another rate
            if found.rate_hz != RATE_HZ:
                self._resampler = soxr.ResampleStream(found.rate_hz, RATE_HZ, 1, dtype="int16")
            self._channels = found.channels
            # Raw: sounddevice 0.5's own arrays are made in a way that NumPy 2.5 deprecates.
            self._stream = sd.RawInputStream(
                device=found.number,
                channels=found.channels,
                samplerate=found.rate_hz,
                dtype="int16",
                latency=_LATENCY_S,
                callback=self._hear,
                finished_callback=self._finished,
            )
            try:
                self._stream.start()
            except sd.PortAudioError:
                self._stream.close()
                raise
            _streams.add(self)
        except sd.PortAudioError as error:
            raise DeviceAbsent(f"PortAudio can't open the microphone: {error.args[0]}") from error
        finally:
            _portaudio.release()

    def close(self) -> None:
        """End the stream; may block for as long as the device does."""
        with _portaudio:
            try:
                self._stream.abort()
                self._stream.close()
            except sd.PortAudioError as error:
                _log.warning("%s could not be closed: %s", self._name, error)
            finally:
                _streams.discard(self)

    def _hear(self, buffer: Any, _count: int, _when: Any, status: Any) -> None:
        """PortAudio's callback, in its thread; `buffer` (int16, channels side by side) is used again afterwards."""
        now_s = time.monotonic()
        block: NDArray[np.int16] = np.frombuffer(buffer, np.int16).reshape(-1, self._channels)
        if status.input_overflow:
            _log.warning("%s: this computer was too busy, sound was lost", self._name)
        samples = block[:, 0] if self._channels == 1 else block.mean(axis=1).round().astype(np.int16)
        if samples.any():
            self._heard_s, self._muted = now_s, False
        elif now_s - self._heard_s > _MUTED_S and not self._muted:
            self._muted = True
            _log.warning("%s has given nothing but zeros for %g s; is it muted?", self._name, _MUTED_S)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        self._feed.put(samples, now_s)

    def _finished(self) -> None:
        self._feed.fail(DeviceLost(f"{self._name} was unplugged"))


@dataclass(frozen=True)
class _Found:
    number: int
    name: str
    channels: int
    rate_hz: int


def _find(device: str | int | None) -> _Found:
    """The input device, and the way of opening it that needs the least done to its sound."""
    try:
        about = sd.query_devices(device, "input")
    except (ValueError, sd.PortAudioError) as error:
        wanted = "microphone" if device is None else f"microphone {device!r}"
        names = [f"{one['index']} {one['name']}" for one in sd.query_devices() if one["max_input_channels"]]
        there = "; there are: " + ", ".join(names) if names else ""
        raise DeviceAbsent(f"there is no {wanted} ({error.args[0]}){there}") from error
    for rate_hz in (RATE_HZ, int(about["default_samplerate"])):
        for channels in (1, 2):
            try:
                sd.check_input_settings(about["index"], channels, "int16", samplerate=rate_hz)
            except sd.PortAudioError:
                continue
            return _Found(about["index"], about["name"], channels, rate_hz)
    raise DeviceAbsent(f"the microphone {about['name']!r} is in use, or records neither mono nor stereo")
