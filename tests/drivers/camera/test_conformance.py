"""What every camera promises: simulated, from a file, and a video device where the machine has one."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from drivers.camera import Camera, Frame, open_camera
from drivers.states import READY, Condition
from tests.drivers.camera.scenes import BLUE_BGR, RED_BGR, picture_file, plain, video_file


@pytest.fixture(params=["simulated", "picture", "video", "v4l2", "picamera2"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "picture":
        return f"file:{picture_file(tmp_path / 'red.png', plain(RED_BGR))}?fps=50"
    if request.param == "video":
        colours = [plain(RED_BGR), plain(BLUE_BGR)] * 5
        return f"file:{video_file(tmp_path / 'colours.avi', colours, fps=50)}?fps=50"
    if request.param == "v4l2":
        if not Path("/dev/video0").exists():
            pytest.skip("this machine has no video device")
        return "v4l2:/dev/video0?fps=50"
    if request.param == "picamera2":
        if not os.environ.get("KIOSK_VIRTUAL_CAMERA"):
            pytest.skip("no libcamera's virtual camera here; as root: tests/drivers/camera/wire/camera-wire.sh")
        from tests.drivers.camera.wire import lobby_pi

        lobby_pi.install()
        return "picamera2:0?fps=50"
    return "simulated:?width=160&height=120&fps=50"


@pytest.fixture
async def camera(url: str) -> AsyncIterator[Camera]:
    opened = await asyncio.to_thread(open_camera, url)
    yield opened
    await opened.close()


async def take(camera: Camera, count: int) -> list[Frame]:
    frames = camera.frames()
    return [await anext(frames) for _ in range(count)]


async def test_frames_are_fresh_numbered_bgr_pictures(camera: Camera) -> None:
    frames = await take(camera, 5)
    for frame in frames:
        assert frame.image.ndim == 3
        assert frame.image.shape[2] == 3
        assert frame.image.dtype == np.uint8
    times = [frame.captured_at_s for frame in frames]
    assert times == sorted(times)
    assert 0 <= time.monotonic() - times[-1] < 2
    numbers = [frame.sequence for frame in frames]
    assert numbers == sorted(set(numbers))


async def test_frames_are_not_each_others_memory(camera: Camera) -> None:
    frames = await take(camera, 2)
    assert not np.shares_memory(frames[0].image, frames[1].image)


async def test_frames_come_at_the_pace_asked_for(camera: Camera) -> None:
    frames = await take(camera, 11)
    # Never faster: a turn is due every 20 ms, and the first may have waited for its reader.
    assert frames[-1].captured_at_s - frames[0].captured_at_s > 9 * 0.02 - 0.005


async def test_a_slow_reader_gets_the_newest_and_misses_the_ones_between(camera: Camera) -> None:
    slow = camera.frames()
    first = await anext(slow)
    newest = (await take(camera, 6))[-1]
    late = await anext(slow)
    assert late.sequence >= newest.sequence > first.sequence + 1


async def test_closing_ends_the_readers_and_a_closed_camera_has_no_frames(camera: Camera) -> None:
    began = asyncio.Event()

    async def read() -> int:
        count = 0
        async for _frame in camera.frames():
            began.set()
            count += 1
        return count

    reader = asyncio.create_task(read())
    await began.wait()
    await camera.close()
    assert await asyncio.wait_for(reader, 5) >= 1
    assert [frame async for frame in camera.frames()] == []
    assert (await camera.state()).condition is Condition.ABSENT
    await camera.close()


async def test_it_is_ready_once_pictures_come(camera: Camera) -> None:
    await anext(camera.frames())
    assert await camera.state() == READY


async def test_a_closed_camera_can_be_opened_anew(camera: Camera, url: str) -> None:
    await camera.close()
    again = await asyncio.to_thread(open_camera, url)
    assert (await anext(again.frames())).image.size
    await again.close()


async def test_the_event_loop_turns_while_a_frame_is_awaited(camera: Camera) -> None:
    frames = camera.frames()
    turns = 0
    for _ in range(10):
        pending = asyncio.ensure_future(anext(frames))
        while not pending.done():
            await asyncio.wait([pending], timeout=0.002)
            turns += 1
        await pending
    assert turns >= 20  # of about 100; a camera that blocked the loop would allow one a frame
