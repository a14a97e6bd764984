"""A camera in an empty lobby, into which pictures and videos can be brought."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.address import DeviceAddress
from drivers.camera.lobby import SensorNoise, draw_lobby
from drivers.camera.pace import Pace
from drivers.camera.picture import Image, as_colour, jpeg, load_picture, paste
from drivers.camera.reading import STALLED_S, BrokenPicture, ReadingCamera
from drivers.camera.settings import FPS, HEIGHT_PX, WIDTH_PX, CameraSettings
from drivers.camera.video import Video
from drivers.errors import DeviceAbsent, DeviceLost


def open_simulated(address: DeviceAddress) -> SimulatedCamera:
    """Open ``simulated:`` with the options width, height, fps and seed."""
    settings = CameraSettings.of(address, "seed")
    camera = SimulatedCamera(
        width_px=settings.width_px,
        height_px=settings.height_px,
        fps=settings.fps,
        seed=address.number("seed", 0),
    )
    camera.open()
    return camera


class SimulatedCamera(ReadingCamera):
    """A `Camera` at a real camera's pace. Its stage directions can be called from any thread, at any time."""

    def __init__(
        self,
        *,
        width_px: int = WIDTH_PX,
        height_px: int = HEIGHT_PX,
        fps: float = FPS,
        seed: int = 0,
        stalled_s: float = STALLED_S,
    ) -> None:
        self._sensor = _Sensor(width_px, height_px, fps, seed)
        super().__init__(self._sensor, stalled_s=stalled_s)

    # Stage directions

    def show(self, picture: NDArray[np.uint8] | Path | None, *, size: float = 1.0) -> None:
        """Bring a picture into the lobby, or with None empty it; a video that plays is ended.

        `picture` is a file, or height x width x 3 in BGR, or x 4 in BGRA, the lobby showing where it is
        transparent. Its proportions are kept. `size` is the fraction of the largest that fits: 0.5 is a
        person twice as far away.

        Raises:
            FileNotFoundError, ValueError: there is no such file, or it is not a picture.
        """
        if not 0 < size <= 1:
            raise ValueError(f"size is a fraction of what fits, above 0 and at most 1, not {size:g}")
        if isinstance(picture, Path):
            picture = load_picture(picture)
        self._sensor.show(None if picture is None else as_colour(picture), size)

    def play(self, video: Path, *, size: float = 1.0) -> None:
        """Play a video in the lobby once, at its own speed; then what was there is back.

        Raises:
            FileNotFoundError, ValueError: there is no such file, or it is not a video.
        """
        if not 0 < size <= 1:
            raise ValueError(f"size is a fraction of what fits, above 0 and at most 1, not {size:g}")
        self._sensor.play(Video(video), size)

    def unplug(self) -> None:
        """Pull the cable out: `frames()` raise DeviceLost, new ones DeviceAbsent."""
        self._sensor.set_state("unplugged")

    def plug(self) -> None:
        """Put the cable back in; that also ends a hang."""
        self._sensor.set_state("plugged")

    def hang(self, on: bool = True) -> None:
        """Stay connected and give no more pictures, as real ones do now and then."""
        self._sensor.set_state("hung" if on else "plugged")

    def break_pictures(self, on: bool = True) -> None:
        """Give pictures that can't be used."""
        self._sensor.broken = on

    def run_at(self, fps: float) -> None:
        """Give so many pictures a second, whatever was asked for."""
        self._sensor.run_at(fps)

    def refuse(self, times: int) -> None:
        """Let the next openings fail, as while another program has it."""
        self._sensor.refusals = times

    def snapshot(self) -> bytes:
        """What the camera sees at this moment, as JPEG.

        Raises:
            DeviceAbsent: it is unplugged.
        """
        return jpeg(self._sensor.look())


class _Sensor:
    """The blocking side: a `FrameSource` with a scene in front of it."""

    def __init__(self, width_px: int, height_px: int, fps: float, seed: int) -> None:
        self.broken = False
        self.refusals = 0
        self._changed = threading.Condition()
        self._state = "plugged"
        self._stopped = False
        self._pace = Pace(fps)
        self.fps = fps
        self._own_fps = fps
        self._lobby = draw_lobby(width_px, height_px)
        self._noise = SensorNoise(width_px, height_px, seed)
        self._scene = self._lobby
        self._video: Video | None = None
        self._video_size = 1.0
        self._video_began_s = 0.0

    label = "the simulated camera"

    def open(self) -> None:
        with self._changed:
            if self._state == "unplugged":
                raise DeviceAbsent("the simulated camera is unplugged")
            if self.refusals > 0:
                self.refusals -= 1
                raise DeviceAbsent("the simulated camera is in use")
            self._stopped = False
            self._pace = Pace(self._own_fps)

    def read(self) -> Image | None:
        with self._changed:
            while not self._stopped:
                if self._state == "unplugged":
                    raise DeviceLost("the simulated camera was unplugged")
                wait_s = self._pace.wait_s()
                if self._state == "hung":
                    self._changed.wait()
                elif wait_s > 0:
                    self._changed.wait(wait_s)
                else:
                    self._pace.taken()
                    if self.broken:
                        raise BrokenPicture
                    return self._look()
            return None

    def run_at(self, fps: float) -> None:
        with self._changed:
            self._own_fps = fps
            self._pace = Pace(fps)
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def release(self) -> None:
        pass  # nothing is held

    def show(self, picture: Image | None, size: float) -> None:
        scene = self._lobby if picture is None else paste(picture, self._lobby, size)
        with self._changed:
            self._scene = scene
            self._end_video()

    def play(self, video: Video, size: float) -> None:
        with self._changed:
            self._end_video()
            self._video, self._video_size, self._video_began_s = video, size, time.monotonic()

    def set_state(self, state: str) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def look(self) -> Image:
        with self._changed:
            if self._state == "unplugged":
                raise DeviceAbsent("the simulated camera is unplugged")
            return self._look()

    def _look(self) -> Image:
        scene = self._scene
        if self._video is not None:
            picture = self._video.at(time.monotonic() - self._video_began_s)
            if picture is None:
                self._end_video()
            else:
                scene = paste(picture, self._lobby, self._video_size)
        return self._noise.over(scene)

    def _end_video(self) -> None:
        if self._video is not None:
            self._video.close()
            self._video = None
