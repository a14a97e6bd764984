"""A camera whose library blocks: it is read in a thread, and the newest frame wins."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drivers.camera import Frame
from drivers.camera.pulse import Pulse
from drivers.errors import DeviceAbsent, DeviceLost, DriverError
from drivers.feed import Feed
from drivers.reopening import Reopening
from drivers.states import Condition, DeviceState

_log = logging.getLogger(__name__)

STALLED_S = 3.0  # no picture for so long, at 5 a second, is a hang and not a slow moment
_PATIENCE_S = 2.0  # for a thread that was told to stop


class BrokenPicture(Exception):
    """A picture came that can't be used, as now and then on a bad cable: the next one may be good."""


class FrameSource(Protocol):
    """A device's library, blocking. All but `stop` are called from one thread at a time."""

    @property
    def label(self) -> str:
        """What to call the device in errors."""

    @property
    def fps(self) -> float:
        """Pictures a second that it was asked for."""

    def open(self) -> None:
        """Open the device, again if it was released.

        Raises:
            DeviceAbsent: nothing is there.
            DeviceSetup: it can't be used as configured.
        """

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture (height x width x 3, BGR) when it is due; None once stopped.

        Raises:
            BrokenPicture: this one can't be used.
            DriverError: there is none to be had any more.
        """

    def stop(self) -> None:
        """Make `read` return soon; from any thread."""

    def release(self) -> None:
        """Give the device back; also after a failed read or opening."""


class ReadingCamera:
    """A `Camera` around a `FrameSource`.

    Opening blocks: on an event loop use `await asyncio.to_thread(open_camera, url)`. After a loss, another
    `frames()` or `state()` opens the device again, less and less often while that fails.
    """

    def __init__(self, source: FrameSource, *, stalled_s: float = STALLED_S) -> None:
        self._source = source
        self._stalled_s = stalled_s
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._feed = Feed[Frame](kept=1)
        self._feed.end()
        self._pulse = Pulse(source.label, source.fps)
        self._reopening = Reopening(source.label, self.open)
        self._sequence = 0
        self._closing = threading.Event()

    def open(self) -> None:
        """Open the device and start to read it, unless that is done already. Blocks.

        Raises:
            DeviceAbsent, DeviceSetup: as the source's `open`.
            DeviceLost: an earlier run still hangs in the device's library.
        """
        with self._lock:
            if self._closing.is_set() or self._feed.running:
                return
            try:
                self._begin()
            except DriverError as error:
                self._reopening.failed(error)
                raise

    async def frames(self) -> AsyncIterator[Frame]:
        """Frames as they come, for ever; a slow reader gets the newest and misses the ones between.

        After failures the device is first left alone for a while, up to 5 s.

        Raises:
            DeviceAbsent: the camera isn't there.
            DeviceLost: it went away, or gave no picture for 3 s.
        """
        if not self._feed.running and not self._closing.is_set():
            await self._reopening.attempt()
        feed = self._feed
        try:
            async for frame in feed.items(self._stalled_s):
                yield frame
        except DriverError:
            raise
        except TimeoutError:
            raise self._stalled(feed) from None

    async def state(self) -> DeviceState:
        """How the camera is now; one that was lost is looked for again."""
        if self._closing.is_set():
            return DeviceState(Condition.ABSENT, f"{self._source.label} was closed")
        feed = self._feed
        if feed.running and time.monotonic() - feed.put_at_s > self._stalled_s:
            return DeviceState.of(self._stalled(feed))  # nobody reads it, or the reader is about to notice
        if not feed.running and (state := await self._reopening.state()) is not None:
            return state
        return self._pulse.state()

    async def close(self) -> None:
        """Release the camera; running `frames()` end."""
        self._closing.set()
        self._feed.end()
        self._source.stop()
        await asyncio.to_thread(self._wait_for_release)

    def _begin(self) -> None:
        label = self._source.label
        if self._thread is not None:
            self._thread.join(_PATIENCE_S)
            if self._thread.is_alive():
                raise DeviceLost(f"{label} still hangs; a restart of this program frees it")
        try:
            self._source.open()
        except Exception as error:
            self._release()
            if isinstance(error, DriverError):
                raise
            raise DeviceAbsent(f"{label} can't be opened: {error}") from error
        if self._closing.is_set():  # while it was being opened
            self._release()
            return
        self._reopening.began()
        self._feed = Feed[Frame](kept=1)
        self._pulse = Pulse(label, self._source.fps)
        self._thread = threading.Thread(
            target=self._run, args=(self._feed, self._pulse), name=f"camera {label}", daemon=True
        )
        self._thread.start()

    def _stalled(self, feed: Feed[Frame]) -> DriverError:
        error = DeviceLost(f"{self._source.label} has given no picture for {self._stalled_s:g} s")
        self._lost(feed, error)
        self._source.stop()
        return error

    def _lost(self, feed: Feed[Frame], error: DriverError) -> None:
        """End a run; whoever hears of it may open the device again at once."""
        if feed.running:
            self._reopening.failed(error)
            feed.fail(error)

    def _wait_for_release(self) -> None:
        with self._lock:
            if self._thread is None:
                return
            self._thread.join(_PATIENCE_S)
            if self._thread.is_alive():
                _log.warning("%s hangs in its library and will be released when that returns", self._source.label)

    def _run(self, feed: Feed[Frame], pulse: Pulse) -> None:
        error: DriverError | None = None
        try:
            self._read(feed, pulse)
        except DriverError as failure:
            error = failure
        except Exception as failure:  # whatever a library throws, the readers must hear of it
            error = DeviceLost(f"{self._source.label}: {failure}")
            error.__cause__ = failure
        self._release()
        # Told last: whoever hears of the end may open the device again at once.
        if error is not None:
            self._lost(feed, error)
        feed.end()

    def _read(self, feed: Feed[Frame], pulse: Pulse) -> None:
        while feed.running and not self._closing.is_set():
            try:
                image = self._source.read()
            except BrokenPicture:
                pulse.broken(time.monotonic())
                continue
            if image is None:
                return
            now_s = time.monotonic()
            pulse.good(now_s)
            feed.put(Frame(image, now_s, self._sequence))
            self._sequence += 1

    def _release(self) -> None:
        try:
            self._source.release()
        except Exception as failure:
            _log.warning("%s could not be released: %s", self._source.label, failure)
