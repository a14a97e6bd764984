"""The camera and what is before it: simulated, or pictures that OpenCV reads from files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from bench import BenchUnusable
from bench.deeds import Deed
from bench.stations import Doing
from drivers.camera import Camera, Frame, open_camera
from drivers.camera.simulated import SimulatedCamera
from drivers.states import DeviceState
from edge.models import Store

_AT_ARMS_LENGTH: Final = 0.8  # of the picture's height
_FILE_CABLE: Final = "a file has no cable; a camera behind a real V4L2 or libcamera node is needed"


class SimulatedLobby:
    """The simulated camera."""

    how = "simulated camera in a drawn lobby"
    lacks: Mapping[Deed, str] = {}

    def __init__(self, store: Store) -> None:
        self._person = store.path("astronaut")

    async def open(self) -> Camera:
        """See `Station`."""
        self._camera = SimulatedCamera()
        return self._camera

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        camera = self._camera
        return {
            Deed.SHOW: self._show,
            Deed.UNPLUG_CAMERA: lambda _: camera.unplug(),
            Deed.PLUG_CAMERA: lambda _: camera.plug(),
        }

    async def _show(self, scene: str) -> None:
        await asyncio.to_thread(put_before, self._camera, scene, self._person)

    async def close(self) -> None:
        """See `Station`."""
        await self._camera.close()


def put_before(camera: SimulatedCamera, scene: str, person: Path) -> None:
    """Put a scene before the simulated camera."""
    match scene:
        case "nobody":
            camera.show(None)
        case "customer":
            camera.show(person, size=_AT_ARMS_LENGTH)
        case _:
            raise BenchUnusable(f"there is no scene {scene!r}")


class PictureFiles:
    """Each scene a JPEG file, read by OpenCV through the driver for files; another scene is another file."""

    how = "JPEG files read by OpenCV, one a scene"
    lacks: Mapping[Deed, str] = {Deed.UNPLUG_CAMERA: _FILE_CABLE, Deed.PLUG_CAMERA: _FILE_CABLE}

    def __init__(self, store: Store, folder: Path) -> None:
        self._person = store.path("astronaut")
        self._folder = folder / "scenes"

    async def open(self) -> Camera:
        """See `Station`."""
        await asyncio.to_thread(self._develop)
        self._camera = _Switched(self._folder / "nobody.jpg")
        return self._camera

    def _develop(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        lobby = SimulatedCamera()
        for scene in ("nobody", "customer"):
            put_before(lobby, scene, self._person)
            (self._folder / f"{scene}.jpg").write_bytes(lobby.snapshot())

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        return {Deed.SHOW: lambda scene: self._camera.switch(self._folder / f"{scene}.jpg")}

    async def close(self) -> None:
        """See `Station`."""
        await self._camera.close()


class _Switched:
    """A camera that looks at one file after another."""

    def __init__(self, first: Path) -> None:
        self._camera = open_camera(f"file:{first}")
        self._closed = False

    async def frames(self) -> AsyncIterator[Frame]:
        """See `Camera`."""
        while not self._closed:
            camera = self._camera
            async for frame in camera.frames():
                yield frame
                if self._camera is not camera:
                    break

    async def switch(self, file: Path) -> None:
        """Look at another file from now on."""
        before, self._camera = self._camera, await asyncio.to_thread(open_camera, f"file:{file}")
        await before.close()

    async def state(self) -> DeviceState:
        """See `Camera`."""
        return await self._camera.state()

    async def close(self) -> None:
        """See `Camera`."""
        self._closed = True
        await self._camera.close()
