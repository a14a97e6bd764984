"""The camera and what is before it: simulated, or a video device under OpenCV."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench import BenchUnusable
from bench.deeds import Deed
from bench.stations import Assembled, Doing
from bench.surroundings import Surroundings
from drivers.camera import Camera
from drivers.camera.picture import load_picture
from drivers.camera.simulated import SimulatedCamera
from drivers.camera.simulated_v4l2 import URL, V4l2Lobby, missing
from drivers.isolated import open_camera
from edge.models import Store

_AT_ARMS_LENGTH: Final = 0.8  # of the picture's height


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


class V4l2Camera(Assembled):
    """A Video4Linux device that a shim supplies to OpenCV."""

    how = "OpenCV's V4L2 in a process of its own; a shim's /dev/video42 that gives JPEGs of a drawn lobby"
    lacks: Mapping[Deed, str] = {}

    def __init__(self, store: Store, folder: Path, surroundings: Surroundings) -> None:
        super().__init__()
        self._person = store.path("astronaut")
        self._folder = folder
        self._surroundings = surroundings

    async def assemble(self) -> Camera:
        """See `Assembled`."""
        reason = missing()
        if reason is not None:
            raise BenchUnusable(reason)
        self._lobby = await asyncio.to_thread(V4l2Lobby, self._folder)
        self._leaving.push_async_callback(asyncio.to_thread, self._lobby.close)
        self._surroundings.set(self._lobby.environment)
        camera = await asyncio.to_thread(open_camera, URL)
        self._leaving.push_async_callback(camera.close)
        return camera

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        lobby = self._lobby
        return {
            Deed.SHOW: lambda scene: asyncio.to_thread(self._show, scene),
            Deed.UNPLUG_CAMERA: lambda _: asyncio.to_thread(lobby.unplug),
            Deed.PLUG_CAMERA: lambda _: asyncio.to_thread(lobby.plug),
        }

    def _show(self, scene: str) -> None:
        scenery = SimulatedCamera()
        put_before(scenery, scene, self._person)
        file = self._folder / f"{scene}.jpg"
        file.write_bytes(scenery.snapshot())
        self._lobby.show(load_picture(file))
