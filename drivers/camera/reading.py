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
from drivers.camera.feed import FrameFeed
from drivers.errors import DeviceLost, DriverError

_log = logging.getLogger(__name__)

STALLED_S = 3.0  # no picture for so long, at 5 a second, is a hang and not a slow moment
_PATIENCE_S = 2.0  # for a thread that was told to stop


class FrameSource(Protocol):
    """A device's library, blocking. All but `stop` are called from one thread at a time."""

    @property
    def label(self) -> str:
        """What to call the device in errors."""

    def open(self) -> None:
        """Open the device, again if it was released.

        Raises:
            DeviceAbsent: nothing is there.
            DeviceSetup: it can't be used as configured.
        """

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture (height x width x 3, BGR) when it is due; None once stopped.

        Raises:
            DriverError: there is none to be had any more.
        """

    def stop(self) -> None:
        """Make `read` return soon; from any thread."""

    def release(self) -> None:
        """Give the device back; also after a failed read."""


class ReadingCamera:
    """A `Camera` around a `FrameSource`.

    Opening blocks: on an event loop use `await asyncio.to_thread(open_camera, url)`. After a loss,
    another `frames()` opens the device again, or raises DeviceAbsent while it isn't there.
    """

    def __init__(self, source: FrameSource, *, stalled_s: float = STALLED_S) -> None:
        self._source = source
        self._stalled_s = stalled_s
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._feed = FrameFeed()
        self._feed.end()
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
            if self._thread is not None:
                self._thread.join(_PATIENCE_S)
                if self._thread.is_alive():
                    raise DeviceLost(f"{self._source.label} still hangs; a restart of this program frees it")
            self._source.open()
            if self._closing.is_set():  # while it was being opened
                self._source.release()
                return
            self._feed = FrameFeed(self._feed.next_sequence)
            self._thread = threading.Thread(
                target=self._run, args=(self._feed,), name=f"camera {self._source.label}", daemon=True
            )
            self._thread.start()

    async def frames(self) -> AsyncIterator[Frame]:
        """Frames as they come, for ever; a slow reader gets the newest and misses the ones between.

        Raises:
            DeviceAbsent: the camera isn't there.
            DeviceLost: it went away, or gave no picture for 3 s.
        """
        await asyncio.to_thread(self.open)
        feed = self._feed
        try:
            async for frame in feed.frames(self._stalled_s):
                yield frame
        except DriverError:
            raise
        except TimeoutError:
            lost = DeviceLost(f"{self._source.label} has given no picture for {self._stalled_s:g} s")
            if feed.running:
                feed.fail(lost)
                self._source.stop()
            raise lost from None

    async def close(self) -> None:
        """Release the camera; running `frames()` end."""
        self._closing.set()
        self._feed.end()
        self._source.stop()
        await asyncio.to_thread(self._wait_for_release)

    def _wait_for_release(self) -> None:
        with self._lock:
            if self._thread is None:
                return
            self._thread.join(_PATIENCE_S)
            if self._thread.is_alive():
                _log.warning("%s hangs in its library and will be released when that returns", self._source.label)

    def _run(self, feed: FrameFeed) -> None:
        error: DriverError | None = None
        try:
            while feed.running and not self._closing.is_set() and (image := self._source.read()) is not None:
                feed.put(image, time.monotonic())
        except DriverError as failure:
            error = failure
        except Exception as failure:  # whatever a library throws, the readers must hear of it
            error = DeviceLost(f"{self._source.label}: {failure}")
            error.__cause__ = failure
        try:
            self._source.release()
        except Exception as failure:
            _log.warning("%s could not be released: %s", self._source.label, failure)
        # Told last: whoever hears of the end may open the device again at once.
        if error is not None:
            feed.fail(error)
        feed.end()
