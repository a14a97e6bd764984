"""The picamera2 driver on the unmodified picamera2 and libcamera's virtual camera: wire/camera-wire.sh runs this."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest

from drivers.camera import Camera, Frame, open_camera
from drivers.errors import DeviceAbsent, DeviceLost
from drivers.states import READY, Condition
from tests.drivers.camera.scenes import is_blue, is_red, middle, until

if not os.environ.get("KIOSK_VIRTUAL_CAMERA"):
    pytest.skip(
        "libcamera's virtual camera is not here; as root: tests/drivers/camera/wire/camera-wire.sh",
        allow_module_level=True,
    )

from tests.drivers.camera.wire import lobby_pi

URL = "picamera2:0?width=640&height=480&fps=20"


@pytest.fixture(autouse=True)
def library() -> Iterator[None]:
    lobby_pi.install()
    lobby_pi.opened.clear()
    lobby_pi.configured.clear()
    yield
    lobby_pi.stuck.clear()
    for camera in lobby_pi.opened:
        assert not camera.is_open, "a camera was not released"


async def test_pictures_arrive_in_their_colours() -> None:
    camera = open_camera(URL)
    frames = camera.frames()
    for wanted in (is_red, is_blue, lambda image: middle(image)[1] > 150):
        assert (await until(frames, wanted)).image.shape == (480, 640, 3)
    await camera.close()


async def test_a_hang_is_cancelled_and_no_job_is_left_in_the_queue() -> None:
    camera = open_camera(URL)
    frames = camera.frames()
    before = await anext(frames)
    (pi,) = lobby_pi.opened
    cancelled = asyncio.Event()
    loop = asyncio.get_running_loop()
    cancel = pi.cancel_all_and_flush

    def note(*arguments: Any) -> None:
        cancel(*arguments)
        loop.call_soon_threadsafe(cancelled.set)

    pi.cancel_all_and_flush = note
    lobby_pi.stuck.set()
    await asyncio.wait_for(cancelled.wait(), 10)
    lobby_pi.stuck.clear()
    after = await asyncio.wait_for(anext(frames), 10)
    while after.captured_at_s - before.captured_at_s < 0.8:  # one that came before the hang was noticed
        after = await anext(frames)
    assert lobby_pi.opened == [pi]
    assert len(lobby_pi.configured) == 1, "a hang must not reconfigure: that ends in ENOMEM"
    assert await camera.state() == READY or (await camera.state()).condition is Condition.DEGRADED
    await camera.close()
    assert not pi._job_list


async def test_a_camera_that_stays_stuck_is_lost_released_and_opened_again() -> None:
    camera = open_camera(URL)
    frames = camera.frames()
    await anext(frames)
    lobby_pi.stuck.set()
    with pytest.raises(DeviceLost):
        async for _frame in frames:
            pass
    assert (await camera.state()).condition is not Condition.READY
    lobby_pi.stuck.clear()
    async with asyncio.timeout(30):
        assert (await again(camera)).image.any()
    assert len(lobby_pi.opened) == 2
    assert not lobby_pi.opened[0].is_open
    await camera.close()


async def again(camera: Camera) -> Frame:
    """The next picture, as an agent gets it: who is told that the camera is lost asks again."""
    while True:
        try:
            return await anext(camera.frames())
        except DeviceLost:
            assert (await camera.state()).condition is not Condition.READY


async def test_twenty_openings_leave_no_file_open() -> None:
    def files() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # the count, not paths

    counts = []
    for _ in range(20):
        camera = open_camera(URL)
        lobby_pi.opened.clear()  # the library's object is the driver's alone
        await anext(camera.frames())
        await camera.close()
        counts.append(files())
    assert counts[-1] <= counts[4], counts


def test_another_number_is_absent() -> None:
    with pytest.raises(DeviceAbsent, match="Pi camera 3 is not connected"):
        open_camera("picamera2:3")
