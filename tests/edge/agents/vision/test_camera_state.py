"""The vision agent tells how its camera is."""

from __future__ import annotations

import asyncio

from drivers.camera.simulated import SimulatedCamera
from drivers.watching import DeviceWatch
from edge.agents.vision import VisionAgent
from edge.agents.vision.detector import Face, Image
from edge.bus import Client, EmbeddedServer
from edge.contract.hardware import CameraState, Condition
from edge.contract.subjects import CAMERA_STATE

PATIENT_S = 30


class Blind:
    """Sees no face: this is about the camera."""

    def faces(self, image: Image) -> list[Face]:
        return []


async def test_a_camera_that_is_unplugged_is_told_and_so_is_its_return(
    nats_server: EmbeddedServer, bus: Client
) -> None:
    camera = SimulatedCamera(fps=10)
    camera.open()
    told: asyncio.Queue[CameraState] = asyncio.Queue()
    await bus.hear(CAMERA_STATE, told.put)
    agent = VisionAgent(nats_server.url, camera=camera, detector=Blind())
    agent._camera_watch = DeviceWatch("camera", camera, every_s=0.05)
    await agent.connect()
    try:
        async with asyncio.timeout(PATIENT_S):
            while (await told.get()).condition is not Condition.READY:
                pass
            camera.unplug()
            while (absent := await told.get()).condition is not Condition.ABSENT:
                pass
            assert "unplugged" in absent.reason
            assert absent.code in ("lost", "absent")
            camera.plug()
            while (await told.get()).condition is not Condition.READY:
                pass
    finally:
        await agent.close()
        await camera.close()
