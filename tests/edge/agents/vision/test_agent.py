"""The vision agent on a real bus, a simulated camera with real pictures, and the real detector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from drivers.camera.simulated import SimulatedCamera
from edge.agents.vision import VisionAgent
from edge.agents.vision.centerface import CenterFace
from edge.agents.vision.presence import Presence
from edge.bus import Client, EmbeddedServer
from edge.contract import vision
from edge.contract.subjects import GAZE_DETECTED, PERSON_DETECTED, PERSON_LEFT
from edge.contract.wire import Payload
from edge.models import Store


@pytest.fixture
async def camera() -> AsyncIterator[SimulatedCamera]:
    camera = SimulatedCamera(fps=10)
    camera.open()
    yield camera
    await camera.close()


@pytest.fixture
async def heard(
    nats_server: EmbeddedServer, bus: Client, camera: SimulatedCamera, model_store: Store
) -> AsyncIterator[asyncio.Queue[Payload]]:
    """What the agent says, in order, while it watches."""
    said: asyncio.Queue[Payload] = asyncio.Queue()
    await bus.hear(PERSON_DETECTED, said.put)
    await bus.hear(PERSON_LEFT, said.put)
    await bus.hear(GAZE_DETECTED, said.put)
    agent = VisionAgent(
        nats_server.url,
        camera=camera,
        detector=CenterFace(model_store.path("centerface")),
        presence=Presence(leave_after_s=1.0),
    )
    await agent.connect()
    yield said
    await agent.close()


async def until(said: asyncio.Queue[Payload], kind: type[Payload]) -> tuple[Payload, list[Payload]]:
    """The next event of a kind, and what was said before it."""
    before: list[Payload] = []
    async with asyncio.timeout(30):
        while True:
            event = await said.get()
            if isinstance(event, kind):
                return event, before
            before.append(event)


async def test_a_person_comes_looks_and_leaves(
    heard: asyncio.Queue[Payload], camera: SimulatedCamera, model_store: Store
) -> None:
    camera.show(model_store.path("astronaut"), size=0.8)
    came, before = await until(heard, vision.PersonDetected)
    assert isinstance(came, vision.PersonDetected)
    assert before == []
    assert came.confidence > 0.5
    assert came.face_detected
    assert came.estimated_party_size == 1
    box = came.bounding_box
    assert box is not None
    assert 0 <= box.x < box.x + box.w <= 640
    assert 0 <= box.y < box.y + box.h <= 480
    gaze, _ = await until(heard, vision.GazeDetected)
    assert isinstance(gaze, vision.GazeDetected)
    assert gaze.looking_at_screen
    camera.show(None)
    left, said = await until(heard, vision.PersonLeft)
    assert isinstance(left, vision.PersonLeft)
    assert left.duration_seconds > 0
    assert not [event for event in said if isinstance(event, vision.PersonDetected)]
    assert [event.looking_at_screen for event in said if isinstance(event, vision.GazeDetected)][-1] is False


async def test_nobody_is_seen_in_a_cup_of_coffee(
    heard: asyncio.Queue[Payload], camera: SimulatedCamera, model_store: Store
) -> None:
    camera.show(model_store.path("coffee"))
    frames = 0
    async for _ in camera.frames():
        frames += 1
        if frames == 15:
            break
    assert heard.empty()
    camera.show(model_store.path("astronaut"), size=0.8)  # so that it was watching all along
    await until(heard, vision.PersonDetected)


async def test_an_unplugged_camera_ends_the_visit_and_comes_back(
    heard: asyncio.Queue[Payload],
    camera: SimulatedCamera,
    model_store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    camera.show(model_store.path("astronaut"), size=0.8)
    await until(heard, vision.PersonDetected)
    camera.unplug()
    await until(heard, vision.PersonLeft)
    camera.plug()
    await until(heard, vision.PersonDetected)
    assert "unplugged" in caplog.text
    assert "Traceback" not in caplog.text
