"""The cameras that tests share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.camera import simulated_v4l2
from drivers.camera.simulated import SimulatedCamera
from drivers.camera.simulated_v4l2 import V4l2Lobby
from drivers.isolated import open_camera
from tests.drivers.camera.scenes import Lobby


@pytest.fixture(params=["simulated", "wire"])
async def lobby(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Lobby]:
    """A camera and what can happen to it; at the wire, OpenCV's V4L2 in a process of its own."""
    if request.param == "simulated":
        camera = SimulatedCamera(width_px=160, height_px=120, fps=20, stalled_s=1.5)
        yield Lobby(camera, camera)
        await camera.close()
        return
    lacking = simulated_v4l2.missing()
    if lacking is not None:
        pytest.skip(f"{lacking}; make setup-test installs it")
    stage = await asyncio.to_thread(V4l2Lobby, tmp_path)
    for name, value in stage.environment.items():
        monkeypatch.setenv(name, value)
    isolated = await asyncio.to_thread(open_camera, f"{simulated_v4l2.URL}?fps=20")
    yield Lobby(isolated, stage)
    await isolated.close()
    await asyncio.to_thread(stage.close)
