"""A real microphone, by sounddevice and PortAudio."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivers.address import DeviceAddress
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup, DriverError
from drivers.microphone import RATE_HZ, Chunk
from drivers.microphone.chunking import SoundFeed
from drivers.microphone.recording import soxr
from drivers.microphone.vitals import Vitals
from drivers.reopening import Reopening
from drivers.states import Condition, DeviceState

try:
    import sounddevice as sd
except ImportError as error:
    raise DeviceSetup("sounddevice is not installed; run: pip install 'kiosk-edge[microphone]'") from error
except OSError as error:  # its wheel for Linux comes without the library itself
    raise DeviceSetup("PortAudio is not installed; run: sudo apt install libportaudio2") from error

_log = logging.getLogger(__name__)

# PortAudio's buffer is 1.25 times this, in 5 blocks: of 25 ms here. With its own default, blocks come in bursts;
# with 0.02 a computer that is busy for 25 ms loses sound (3 times in 2 s, measured on 2 busy cores at 48 kHz).
_LATENCY_S = 0.1
_STALLED_S = 1.0
_PATIENCE_S = 2.0  # for PortAudio to give a device back

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
    """A `Microphone` that PortAudio knows.

    After a loss, another `chunks()` or `state()` opens it again, less and less often while that fails.
    """

    def __init__(self, device: str | None = None) -> None:
        self._device = int(device) if device and device.isdecimal() else device
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._feed = SoundFeed()
        self._feed.end()
        self._stream: _Stream | None = None
        self._vitals = Vitals(self._label, RATE_HZ)
        self._reopening = Reopening(self._label, self.open)

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
            try:
                self._begin(feed)
            except DriverError as error:
                self._reopening.failed(error)
                raise
            self._reopening.began()
            self._feed = feed

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Sound as it comes, gapless, for ever.

        After failures the device is first left alone for a while, up to 5 s.

        Raises:
            DeviceAbsent: the microphone isn't there.
            DeviceLost: it was unplugged, or PortAudio gave nothing for 1 s.
        """
        if not self._feed.running and not self._closing.is_set():
            await self._reopening.attempt()
        feed = self._feed
        try:
            async for chunk in feed.items(_STALLED_S):
                yield chunk
        except DriverError:
            raise
        except TimeoutError:
            raise self._stalled(feed) from None

    async def state(self) -> DeviceState:
        """How the microphone is now; one that was lost is looked for again."""
        if self._closing.is_set():
            return DeviceState(Condition.ABSENT, f"{self._label} was closed")
        feed = self._feed
        if feed.running and time.monotonic() - feed.put_at_s > _STALLED_S:
            return DeviceState.of(self._stalled(feed))  # nobody listens, or the reader is about to notice
        if not feed.running and (state := await self._reopening.state()) is not None:
            return state
        return self._vitals.state()

    async def close(self) -> None:
        """Release the microphone; running `chunks()` end."""
        self._closing.set()
        self._feed.end()
        await asyncio.to_thread(self._release_at_last)

    @property
    def _label(self) -> str:
        return "the default microphone" if self._device is None else f"the microphone {self._device!r}"

    def _begin(self, feed: SoundFeed) -> None:
        self._vitals.begin()
        self._stream = _Stream(self._device, feed, self._vitals, self._lost, self._silenced)

    def _stalled(self, feed: SoundFeed) -> DriverError:
        error = DeviceLost(f"{self._label} has given no sound for {_STALLED_S:g} s")
        self._lost(feed, error)
        return error

    def _lost(self, feed: SoundFeed, error: DriverError) -> None:
        """End a run. Its stream is closed at once: one that PortAudio can't get going again eats a whole core."""
        if feed.running:
            self._reopening.failed(error)
            feed.fail(error)
            threading.Thread(target=self._release_lost, args=(feed,), name="closing a microphone", daemon=True).start()

    def _silenced(self, feed: SoundFeed) -> None:
        """Nothing but zeros: a muted microphone stays so, a stream that died without a word begins anew when reopened.

        That is tried once a silence, behind the readers' backs. Called by PortAudio's thread, which it ends.
        """
        _log.warning("%s gives nothing but zeros; it is opened anew, in case it isn't muted", self._label)
        threading.Thread(target=self._renew, args=(feed,), name="reopening a microphone", daemon=True).start()

    def _renew(self, feed: SoundFeed) -> None:
        with self._lock:
            if self._closing.is_set() or not feed.running or feed is not self._feed:
                return
            self._release()
            try:
                self._begin(feed)
            except DriverError as error:
                self._lost(feed, error)

    def _release_at_last(self) -> None:
        with self._lock:
            self._release()

    def _release_lost(self, feed: SoundFeed) -> None:
        with self._lock:
            if feed is self._feed:  # not one that was opened since
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

    def __init__(
        self,
        device: str | int | None,
        feed: SoundFeed,
        vitals: Vitals,
        lost: Callable[[SoundFeed, DriverError], None],
        silenced: Callable[[SoundFeed], None],
    ) -> None:
        self._feed = feed
        self._vitals = vitals
        self._lost = lost
        self._silenced = silenced
        self._closing = False
        self._overflows = 0
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
        self._closing = True
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
            self._overflows += 1
            if self._overflows & (self._overflows - 1) == 0:  # the 1st, 2nd, 4th, 8th: a busy computer's log is short
                _log.warning("%s: this computer was too busy, sound was lost (%d times)", self._name, self._overflows)
        samples = block[:, 0] if self._channels == 1 else block.mean(axis=1).round().astype(np.int16)
        silent = not samples.any()
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        if self._closing:
            return
        if self._vitals.heard(now_s, samples.size, silent=silent, lost=bool(status.input_overflow)):
            self._silenced(self._feed)
        self._feed.hear(samples, now_s)

    def _finished(self) -> None:
        if not self._closing:
            self._lost(self._feed, DeviceLost(f"{self._name} was unplugged"))


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
