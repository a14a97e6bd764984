"""Pictures and videos made on the spot, with colours that tell one from another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from drivers.camera import Camera, Frame
from drivers.camera.picture import Image
from drivers.errors import DriverError
from drivers.states import Condition, DeviceState

RED_BGR = (20, 30, 220)
BLUE_BGR = (220, 30, 20)


def plain(colour: tuple[int, ...], width_px: int = 64, height_px: int = 48) -> Image:
    image: Image = np.empty((height_px, width_px, len(colour)), np.uint8)
    image[:] = colour
    return image


def picture_file(path: Path, image: Image) -> Path:
    assert cv2.imwrite(str(path), image)
    return path


def video_file(path: Path, images: list[Image], fps: float) -> Path:
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (width, height))
    assert writer.isOpened()
    for image in images:
        writer.write(image)
    writer.release()
    return path


def middle(image: Image) -> tuple[int, int, int]:
    """The mean colour of the middle of a picture."""
    height, width = image.shape[:2]
    patch = image[height * 2 // 5 : height * 3 // 5, width * 2 // 5 : width * 3 // 5]
    blue, green, red = patch.reshape(-1, 3).mean(axis=0)
    return round(float(blue)), round(float(green)), round(float(red))


def is_red(image: Image) -> bool:
    blue, _green, red = middle(image)
    return red > blue + 100


def is_blue(image: Image) -> bool:
    blue, _green, red = middle(image)
    return blue > red + 100


async def until(frames: AsyncIterator[Frame], wanted: object) -> Frame:
    """The first frame whose image satisfies `wanted`; the test's timeout ends a vain search."""
    async for frame in frames:
        if callable(wanted) and wanted(frame.image):
            return frame
    raise AssertionError("the camera was closed")


async def moment() -> None:
    """Between two looks at what tells nobody when it changes."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.02):
            await asyncio.Event().wait()


class Stage(Protocol):
    """What can happen to a camera; see `V4l2Lobby`."""

    def show(self, picture: Image | None) -> None: ...
    def unplug(self) -> None: ...
    def plug(self) -> None: ...
    def hang(self, on: bool = True) -> None: ...
    def break_pictures(self, on: bool = True) -> None: ...
    def run_at(self, fps: float) -> None: ...
    def refuse(self, times: int) -> None: ...


@dataclass(frozen=True)
class Lobby:
    """A camera, and the stage it looks at."""

    camera: Camera
    stage: Stage

    async def state(self, wanted: Callable[[DeviceState], bool]) -> DeviceState:
        """The first state that is `wanted`; the test's timeout ends a vain search."""
        while not wanted(state := await self.camera.state()):
            await moment()
        return state

    async def ready(self) -> DeviceState:
        """Wait until it is ready."""
        return await self.state(lambda state: state.condition is Condition.READY)

    async def read(self, wanted: Callable[[Frame], bool]) -> Frame:
        """The first frame that is `wanted`, of a reader that tries again and again as an agent does."""
        while True:
            try:
                async for frame in self.camera.frames():
                    if wanted(frame):
                        return frame
            except DriverError:
                await moment()
