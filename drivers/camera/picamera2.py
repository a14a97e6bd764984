"""The Raspberry Pi's own cameras, by picamera2.

Written from the library's sources and its known failures, and run on libcamera's virtual camera; it has not run
on a Pi. One configuration is kept for the camera's life, because many reconfigurations end in ENOMEM (picamera2
#1102); every capture has a timeout, because under load or on a long cable one can hang for ever (#883, #952, #1125).
"""

from __future__ import annotations

import contextlib
import gc
import logging
from typing import Any

import numpy as np

from drivers.address import DeviceAddress
from drivers.camera.pace import Pace
from drivers.camera.picture import Image
from drivers.camera.reading import ReadingCamera
from drivers.camera.settings import CameraSettings
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup

_log = logging.getLogger(__name__)

_WAIT_S = 0.8  # for one picture; longer for a camera that is asked for few
_TRIES = 3  # cancelled, then started again as it is configured, then it counts as lost


def open_picamera2(address: DeviceAddress) -> ReadingCamera:
    """Open ``picamera2:0``, the number as in ``rpicam-hello --list-cameras``.

    Raises:
        DeviceSetup: the library isn't installed, or the address has no such number.
        DeviceAbsent: no such camera is connected, or it is in use.
    """
    settings = CameraSettings.of(address)
    number = address.path or "0"
    if not number.isdecimal():
        raise DeviceSetup(f"picamera2: the camera's number is 0, 1, …, not {number!r}")
    camera = ReadingCamera(Picamera2Source(int(number), settings))
    camera.open()
    return camera


class Picamera2Source:
    """A Pi camera as a `FrameSource`."""

    def __init__(self, number: int, settings: CameraSettings) -> None:
        self.label = f"Pi camera {number}"
        self.fps = settings.fps
        self._pace = Pace(settings.fps)
        self._number = number
        self._settings = settings
        self._camera: Any = None  # picamera2.Picamera2, which has no types
        self._stopped = False

    def open(self) -> None:
        """Configure the camera and start it; see `open_picamera2`."""
        try:
            from picamera2 import Picamera2  # noqa: PLC0415  (only a Pi has it)
        except ImportError as error:
            raise DeviceSetup(
                "picamera2 is not installed; on Raspberry Pi OS run: sudo apt install python3-picamera2,"
                " and make the virtual environment with --system-site-packages"
            ) from error
        self._stopped = False
        self._pace = Pace(self.fps)
        if self._number >= len(Picamera2.global_camera_info()):
            raise DeviceAbsent(f"{self.label} is not connected; rpicam-hello --list-cameras shows what is")
        try:
            self._camera = Picamera2(self._number)
            self._camera.configure(
                self._camera.create_video_configuration(
                    # picamera2 names formats as they lie in a word: its RGB888 is B, G, R in memory.
                    main={"size": (self._settings.width_px, self._settings.height_px), "format": "RGB888"},
                    controls={"FrameRate": self._settings.fps},
                    queue=False,  # no old picture from the queue
                )
            )
            self._camera.start()
        except (RuntimeError, OSError) as error:
            self.release()
            raise DeviceAbsent(f"{self.label} can't be started, perhaps it is in use: {error}") from error

    def read(self) -> Image | None:
        """The next picture that is due; those between are given back at once, so that the newest is never old."""
        tries = 0
        while not self._stopped:
            try:
                request = self._camera.capture_request(wait=max(_WAIT_S, 2.5 / self.fps))
            except TimeoutError:
                tries += 1
                self._camera.cancel_all_and_flush()  # the job would otherwise stay in the queue
                if tries == _TRIES:
                    raise DeviceLost(f"{self.label} did not answer {_TRIES} times in a row") from None
                if tries == _TRIES - 1:
                    _log.warning("%s did not answer twice; it is stopped and started", self.label)
                    self._camera.stop()
                    self._camera.start()
                continue
            try:
                if self._pace.wait_s() > 0:
                    tries = 0
                    continue
                self._pace.taken()
                return np.array(request.make_array("main"), np.uint8)  # a copy: the buffer goes back
            finally:
                request.release()
        return None

    def stop(self) -> None:
        """Make `read` return after the capture it waits for."""
        self._stopped = True

    def release(self) -> None:
        """Stop the camera and give it back."""
        camera, self._camera = self._camera, None
        if camera is not None:
            with contextlib.suppress(RuntimeError):  # it may be stopped or gone already; closing it counts
                camera.stop()
            camera.close()
            # Its objects refer to each other: without this, each opening leaves 7 files and their buffers for later.
            del camera
            gc.collect()
