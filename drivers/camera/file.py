"""A picture, over and over, or a video, round and round, as a camera: for trying out and for measurements."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from drivers.address import DeviceAddress
from drivers.camera.pace import Pace
from drivers.camera.picture import Image, cv2, load_picture, paste
from drivers.camera.reading import ReadingCamera
from drivers.camera.settings import CameraSettings
from drivers.camera.video import Video
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup


def open_file(address: DeviceAddress) -> ReadingCamera:
    """Open ``file:/path``.

    Without width and height a picture keeps its size; with them it is fitted onto black.

    Raises:
        DeviceSetup: the address names no file, or OpenCV can read it neither as a picture nor as a video.
        DeviceAbsent: the file isn't there.
    """
    settings = CameraSettings.of(address)
    if not address.path:
        raise DeviceSetup("file: needs a path, for example file:/home/me/people.mp4")
    camera = ReadingCamera(FileSource(Path(unquote(address.path)), settings))
    camera.open()
    return camera


class FileSource:
    """A file as a `FrameSource`."""

    def __init__(self, path: Path, settings: CameraSettings) -> None:
        self.label = str(path)
        self.fps = settings.fps
        self._path = path
        self._settings = settings
        self._pace = Pace(settings.fps)
        self._stopped = threading.Event()
        self._content: Image | Video | None = None
        self._began_s = 0.0

    def open(self) -> None:
        """Open the file; see `open_file`."""
        self._stopped.clear()
        self._pace = Pace(self._settings.fps)
        if not self._path.is_file():
            raise DeviceAbsent(f"{self._path} is not there")
        try:
            if cv2.haveImageReader(str(self._path)):
                self._content = self._fitted(load_picture(self._path)[:, :, :3])
            else:
                self._content = Video(self._path)
                self._began_s = time.monotonic()
        except ValueError as error:
            raise DeviceSetup(f"file: {error}, nor a picture") from error
        except OSError as error:
            raise DeviceAbsent(f"{self._path} can't be read: {error.strerror}") from error

    def read(self) -> Image | None:
        """The picture, or the video's picture of this moment."""
        if self._stopped.wait(self._pace.wait_s()):
            return None
        self._pace.taken()
        if isinstance(self._content, Video):
            return self._fitted(self._of_now(self._content))
        return None if self._content is None else self._content.copy()

    def stop(self) -> None:
        """Make `read` return."""
        self._stopped.set()

    def release(self) -> None:
        """Close the file."""
        if isinstance(self._content, Video):
            self._content.close()
        self._content = None

    def _of_now(self, video: Video) -> Image:
        picture = video.at(time.monotonic() - self._began_s)
        if picture is None:  # the end: from the beginning again
            self._began_s = time.monotonic()
            video.rewind()
            picture = video.at(0.0)
        if picture is None:
            raise DeviceLost(f"{self._path} has no picture that can be decoded")
        return picture

    def _fitted(self, picture: Image) -> Image:
        if not self._settings.sized:
            return picture.copy()
        canvas = np.zeros((self._settings.height_px, self._settings.width_px, 3), np.uint8)
        return paste(picture, canvas)
