"""USB and other Video4Linux cameras, by OpenCV."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Final

import numpy as np

from drivers.address import DeviceAddress
from drivers.camera.pace import Pace
from drivers.camera.picture import Image, cv2
from drivers.camera.reading import BrokenPicture, ReadingCamera
from drivers.camera.settings import CameraSettings
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup

_TAIL_BYTES: Final = 4096


def open_v4l2(address: DeviceAddress) -> ReadingCamera:
    """Open ``v4l2:/dev/video0``, or a stable name such as ``v4l2:/dev/v4l/by-id/usb-…-video-index0``.

    Raises:
        DeviceSetup: the address names no video device.
        DeviceAbsent: it isn't there, may not be opened, or is in use.
    """
    settings = CameraSettings.of(address)
    camera = ReadingCamera(V4l2Source(Path(address.path or "/dev/video0"), settings))
    camera.open()
    return camera


class V4l2Source:
    """A video device as a `FrameSource`.

    The device runs at its own rate, often 30 a second whatever is asked for. Every picture is taken off it,
    so that the newest is never old, and only those that are due are decoded.
    """

    def __init__(self, path: Path, settings: CameraSettings) -> None:
        self.label = str(path)
        self.fps = settings.fps
        self._path = path
        self._settings = settings
        self._pace = Pace(settings.fps)
        self._capture: cv2.VideoCapture | None = None
        self._compressed = False
        self._ends = False  # whether this device's JPEGs have their end mark
        self._stopped = False

    def open(self) -> None:
        """Open the device; see `open_v4l2`."""
        number = self._number()
        # OpenCV 5's V4L2 backend takes a number only: a name is refused.
        capture = cv2.VideoCapture(number, cv2.CAP_V4L2)
        if not capture.isOpened():
            capture.release()
            raise DeviceAbsent(f"{self._path} is in use, or gives no pictures")
        # MJPEG: uncompressed, 640x480 at 30 a second takes a third of a USB 2 bus, and 1280x720 all of it.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._settings.width_px)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._settings.height_px)
        capture.set(cv2.CAP_PROP_FPS, self._settings.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        # OpenCV's own decoding gives the picture before for one that it can't decode, and says nothing of it.
        compressed = int(capture.get(cv2.CAP_PROP_FOURCC)) == cv2.VideoWriter.fourcc(*"MJPG")
        self.begin(capture, compressed=compressed and capture.set(cv2.CAP_PROP_CONVERT_RGB, 0))

    def begin(self, capture: cv2.VideoCapture, *, compressed: bool = False) -> None:
        """Read from an opened capture, which gives pictures, or JPEGs if it is `compressed`."""
        self._stopped = False
        self._compressed = compressed
        self._ends = False
        self._pace = Pace(self._settings.fps)
        self._capture = capture

    def read(self) -> Image | None:
        """The next picture that is due."""
        capture = self._capture
        while capture is not None and not self._stopped:
            # OpenCV itself gives up after 10 s; the reader's watchdog has spoken by then.
            if not capture.grab():
                raise DeviceLost(f"{self._path} gives no more pictures")
            if self._pace.wait_s() > 0:
                continue
            self._pace.taken()
            decoded, picture = capture.retrieve()
            if not decoded or picture is None:  # OpenCV gives None for an empty one
                raise BrokenPicture
            return self._decoded(picture) if self._compressed else np.asarray(picture, np.uint8)
        return None

    def stop(self) -> None:
        """Make `read` return after the picture it waits for."""
        self._stopped = True

    def release(self) -> None:
        """Give the device back."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _decoded(self, jpeg: Any) -> Image:
        content = np.asarray(jpeg, np.uint8).ravel()
        # Decoders fill what is missing of a picture with grey; a whole one ends with FF D9, and perhaps zeros.
        whole = content[-_TAIL_BYTES:].tobytes().rstrip(b"\0").endswith(b"\xff\xd9")
        self._ends = self._ends or whole
        if not content.size or (self._ends and not whole):
            raise BrokenPicture
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR)
        if picture is None:
            raise BrokenPicture
        return np.asarray(picture, np.uint8)

    def _number(self) -> int:
        """The N of /dev/videoN behind the path."""
        device = self._path.resolve()
        if not device.exists():
            raise DeviceAbsent(f"{self._path} is not there; v4l2-ctl --list-devices shows what is")
        name = device.name.removeprefix("video")
        if not stat.S_ISCHR(device.stat().st_mode) or not name.isdecimal() or name == device.name:
            raise DeviceSetup(f"v4l2: {self._path} is not a video device such as /dev/video0")
        if not os.access(device, os.R_OK | os.W_OK):
            raise DeviceAbsent(f"{self._path} may not be opened; add the user to the group video")
        return int(name)
