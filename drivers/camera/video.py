"""Video files by the clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drivers.camera.picture import Image, cv2


class Video:
    """A video file from which the picture of a moment is taken; going forward only, until `rewind`.

    Raises:
        FileNotFoundError: it isn't there.
        ValueError: it is not a video.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"{path} is not there")
        self._path = path
        self._picture: Image | None = None
        self.fps = 25.0
        self.rewind()
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        if 0 < fps <= 1000:  # some containers say nothing, or nonsense
            self.fps = fps

    def at(self, elapsed_s: float) -> Image | None:
        """The picture shown `elapsed_s` after the beginning; None after the end."""
        wanted = int(elapsed_s * self.fps) + 1
        if self._grabbed < wanted:
            while self._grabbed < wanted:
                if not self._capture.grab():
                    return None
                self._grabbed += 1
            decoded, picture = self._capture.retrieve()
            if not decoded:
                return None
            self._picture = np.asarray(picture, np.uint8)
        return self._picture

    def rewind(self) -> None:
        """Go to the beginning.

        Raises:
            ValueError: OpenCV can't read the file, or no longer.
        """
        self._capture = cv2.VideoCapture(str(self._path))
        self._grabbed = 0
        self._picture = None
        # FFmpeg opens by a file's name, whatever is in it: only a decoded picture tells.
        if self.at(0.0) is None:
            self.close()
            raise ValueError(f"{self._path} is not a video that OpenCV can read")

    def close(self) -> None:
        """Close the file."""
        self._capture.release()
