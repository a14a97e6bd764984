"""The picamera2 backend, with a library that behaves as picamera2 0.3.38 was seen to; no Pi has run this."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from drivers.camera import open_camera
from drivers.camera.picture import Image
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup
from tests.drivers.camera.scenes import RED_BGR, is_red, plain


class SimulatedRequest:
    def __init__(self, library: SimulatedLibrary) -> None:
        self._library = library
        self._buffer = plain(RED_BGR)
        library.unreleased += 1

    def make_array(self, stream: str) -> Image:
        assert stream == "main"
        return self._buffer

    def release(self) -> None:
        self._library.unreleased -= 1
        self._buffer[:] = 0  # libcamera fills it anew


class SimulatedLibrary:
    """One camera, and what was done to it. `hangs` is how many captures time out from now on."""

    def __init__(self) -> None:
        self.cameras = [{"Model": "imx708", "Num": 0}]
        self.in_use = False
        self.hangs = 0
        self.queued_jobs = 0
        self.unreleased = 0
        self.configurations: list[dict[str, Any]] = []
        self.running = threading.Event()
        self.starts = 0

    def global_camera_info(self) -> list[dict[str, Any]]:
        return self.cameras

    def __call__(self, number: int) -> SimulatedLibrary:
        assert number == 0
        if self.in_use:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        return self

    def create_video_configuration(self, **configuration: Any) -> dict[str, Any]:
        return configuration

    def configure(self, configuration: dict[str, Any]) -> None:
        self.configurations.append(configuration)

    def start(self) -> None:
        assert not self.running.is_set()
        self.starts += 1
        self.running.set()

    def capture_request(self, *, wait: float) -> SimulatedRequest:
        assert 0 < wait <= 3
        assert not self.queued_jobs, "an earlier job is still in the queue and would take this frame"
        if self.hangs:
            self.hangs -= 1
            self.queued_jobs += 1
            raise TimeoutError
        return SimulatedRequest(self)

    def cancel_all_and_flush(self) -> None:
        self.queued_jobs = 0

    def stop(self) -> None:
        self.running.clear()

    def close(self) -> None:
        assert not self.unreleased
        self.running.clear()


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedLibrary]:
    simulated = SimulatedLibrary()
    module = ModuleType("picamera2")
    module.Picamera2 = simulated  # type: ignore[attr-defined]  # a module made on the spot
    monkeypatch.setitem(sys.modules, "picamera2", module)
    yield simulated
    assert not simulated.running.is_set(), "the camera was left on"


async def test_frames_are_bgr_copies_and_each_request_is_given_back(library: SimulatedLibrary) -> None:
    camera = open_camera("picamera2:0?width=320&height=240&fps=10")
    frames = camera.frames()
    images = [(await anext(frames)).image for _ in range(3)]
    await camera.close()
    assert all(is_red(image) for image in images)
    assert library.unreleased == 0
    (configuration,) = library.configurations
    assert configuration["main"] == {"size": (320, 240), "format": "RGB888"}
    assert configuration["controls"] == {"FrameRate": 10}


async def test_a_hang_is_cancelled_and_survived_once_and_twice(library: SimulatedLibrary) -> None:
    camera = open_camera("picamera2:0")
    frames = camera.frames()
    for hangs in (1, 2):
        seen = await anext(frames)
        library.hangs = hangs
        while library.hangs:
            seen = await anext(frames)
        assert (await anext(frames)).sequence > seen.sequence
    await camera.close()
    assert len(library.configurations) == 1
    assert library.starts == 2  # the second hang in a row has it stopped and started, as it is configured


async def test_three_hangs_in_a_row_are_a_loss_and_the_camera_is_opened_again(
    library: SimulatedLibrary,
) -> None:
    camera = open_camera("picamera2:0")
    frames = camera.frames()
    await anext(frames)
    library.hangs = 3
    with pytest.raises(DeviceLost, match="did not answer 3 times"):
        async for _frame in frames:
            pass
    assert not library.running.is_set()
    assert np.any((await anext(camera.frames())).image)
    await camera.close()


def test_a_camera_that_is_not_connected_or_in_use_is_absent(library: SimulatedLibrary) -> None:
    with pytest.raises(DeviceAbsent, match="not connected"):
        open_camera("picamera2:1")
    library.in_use = True
    with pytest.raises(DeviceAbsent, match="in use"):
        open_camera("picamera2:0")


@pytest.mark.usefixtures("library")
def test_a_number_is_asked_for() -> None:
    with pytest.raises(DeviceSetup, match="number"):
        open_camera("picamera2:front")


def test_without_the_library_the_error_says_how_to_get_it() -> None:
    if importlib.util.find_spec("picamera2"):
        pytest.skip("picamera2 is installed here")
    with pytest.raises(DeviceSetup, match="apt install python3-picamera2"):
        open_camera("picamera2:0")
