"""The camera over the screen. Frames stay in the process that opened it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from drivers.address import DeviceAddress
from drivers.errors import DeviceSetup
from drivers.states import DeviceState


@dataclass(frozen=True)
class Frame:
    """One picture: `image` is height x width x 3, uint8, BGR; `captured_at_s` is by time.monotonic."""

    image: NDArray[np.uint8]
    captured_at_s: float
    sequence: int


class Camera(Protocol):
    """A camera that is always ready with its newest picture."""

    def frames(self) -> AsyncIterator[Frame]:
        """Frames as they come, for ever; a slow reader gets the newest and misses the ones between.

        Raises:
            DeviceAbsent, DeviceLost: there is no picture to be had any more.
        """

    async def state(self) -> DeviceState:
        """How the camera is now: degraded with under half the pictures asked for. Never raises; within 2 s."""

    async def close(self) -> None:
        """Release the camera; running `frames()` end."""


def open_camera(url: str) -> Camera:
    """Open the camera at `url`.

    ``simulated:``, ``picamera2:0``, ``v4l2:/dev/video0``, ``file:/path/to/picture-or-video``; each takes
    ``?width=640&height=480&fps=5`` as far as it can.

    Raises:
        DeviceSetup: the address or its library can't be used.
        DeviceAbsent: nothing is there.
    """
    address = DeviceAddress.parse(url)
    match address.scheme:
        case "simulated":
            from drivers.camera.simulated import open_simulated

            return open_simulated(address)
        case "picamera2":
            from drivers.camera.picamera2 import open_picamera2

            return open_picamera2(address)
        case "v4l2":
            from drivers.camera.v4l2 import open_v4l2

            return open_v4l2(address)
        case "file":
            from drivers.camera.file import open_file

            return open_file(address)
    raise DeviceSetup(f"no camera backend for {url!r}; known: simulated:, picamera2:, v4l2:, file:")
