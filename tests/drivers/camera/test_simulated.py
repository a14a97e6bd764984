from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from drivers.camera import open_camera
from drivers.camera.lobby import SensorNoise, draw_lobby
from drivers.camera.simulated import SimulatedCamera
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup
from tests.drivers.camera.scenes import (
    BLUE_BGR,
    RED_BGR,
    is_blue,
    is_red,
    picture_file,
    plain,
    until,
    video_file,
)


@pytest.fixture
async def camera() -> AsyncIterator[SimulatedCamera]:
    opened = SimulatedCamera(width_px=160, height_px=120, fps=100, stalled_s=0.3)
    yield opened
    await opened.close()


async def test_by_default_it_looks_at_an_empty_lobby_five_times_a_second() -> None:
    camera = open_camera("simulated:")
    frame = await anext(camera.frames())
    await camera.close()
    assert frame.image.shape == (480, 640, 3)
    difference = frame.image.astype(int) - draw_lobby(640, 480)
    assert 1.5 < difference.std() < 2.5
    assert abs(difference.mean()) < 0.1


def test_the_sensors_noise_follows_from_the_seed() -> None:
    lobby = draw_lobby(64, 48)

    def pictures(seed: int) -> list[bytes]:
        noise = SensorNoise(64, 48, seed)
        return [noise.over(lobby).tobytes() for _ in range(20)]

    assert pictures(1) == pictures(1)
    assert pictures(1) != pictures(2)
    assert len(set(pictures(1))) == 20


async def test_a_picture_is_shown_and_taken_away(camera: SimulatedCamera, tmp_path: Path) -> None:
    frames = camera.frames()
    camera.show(plain(RED_BGR))
    await until(frames, is_red)
    camera.show(picture_file(tmp_path / "blue.png", plain(BLUE_BGR)))
    await until(frames, is_blue)
    camera.show(None)
    await until(frames, lambda image: not is_blue(image) and not is_red(image))


@pytest.mark.parametrize(
    ("picture_px", "size", "seen_px"),
    [
        ((50, 100), 1.0, (60, 120)),
        ((200, 50), 1.0, (160, 40)),
        ((100, 100), 0.5, (60, 60)),
        ((1600, 1200), 1.0, (160, 120)),
    ],
)
def test_a_picture_keeps_its_proportions_and_stands_at_the_bottom(
    camera: SimulatedCamera, picture_px: tuple[int, int], size: float, seen_px: tuple[int, int]
) -> None:
    camera.show(plain(RED_BGR, *picture_px), size=size)
    seen = cv2.imdecode(np.frombuffer(camera.snapshot(), np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    red = (seen[:, :, 2].astype(int) - seen[:, :, 0]) > 100
    rows, columns = np.flatnonzero(red.any(axis=1)), np.flatnonzero(red.any(axis=0))
    left, right, top, bottom = int(columns[0]), int(columns[-1]), int(rows[0]), int(rows[-1])
    assert abs(right - left + 1 - seen_px[0]) <= 2  # JPEG softens the edges
    assert abs(bottom - top + 1 - seen_px[1]) <= 2
    assert bottom == 119
    assert abs((left + right) / 2 - 79.5) <= 1


def test_where_a_picture_is_transparent_the_lobby_shows(camera: SimulatedCamera) -> None:
    cut_out = plain((*RED_BGR, 255), 160, 120)
    cut_out[:, :80, 3] = 0
    camera.show(cut_out)
    seen = cv2.imdecode(np.frombuffer(camera.snapshot(), np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    lobby = draw_lobby(160, 120)
    assert np.abs(seen[:, :70].astype(int) - lobby[:, :70]).mean() < 5
    assert is_red(np.asarray(seen[:, 90:], np.uint8))


async def test_a_video_plays_once_and_what_was_there_is_back(camera: SimulatedCamera, tmp_path: Path) -> None:
    frames = camera.frames()
    camera.show(plain(BLUE_BGR))
    await until(frames, is_blue)
    camera.play(video_file(tmp_path / "red.avi", [plain(RED_BGR)] * 10, fps=50))
    began = await until(frames, is_red)
    ended = await until(frames, is_blue)
    assert ended.captured_at_s - began.captured_at_s > 0.15  # 10 pictures at 50 a second, less a frame or two


async def test_showing_something_ends_a_video(camera: SimulatedCamera, tmp_path: Path) -> None:
    frames = camera.frames()
    camera.play(video_file(tmp_path / "red.avi", [plain(RED_BGR)] * 500, fps=1))
    await until(frames, is_red)
    camera.show(plain(BLUE_BGR))
    await until(frames, is_blue)


async def test_unplugging_is_a_loss_then_an_absence_until_it_is_plugged_in(camera: SimulatedCamera) -> None:
    frames = camera.frames()
    before = await anext(frames)
    camera.unplug()
    with pytest.raises(DeviceLost, match="unplugged"):
        await until(frames, lambda _image: False)
    with pytest.raises(DeviceAbsent):
        await anext(camera.frames())
    with pytest.raises(DeviceAbsent):
        camera.snapshot()
    camera.plug()
    after = await anext(camera.frames())
    assert after.sequence > before.sequence


async def test_every_reader_hears_of_the_loss(camera: SimulatedCamera) -> None:
    readers = [camera.frames() for _ in range(3)]
    for reader in readers:
        await anext(reader)
    camera.unplug()
    for reader in readers:
        with pytest.raises(DeviceLost):
            await until(reader, lambda _image: False)


async def test_a_hang_is_noticed_and_replugging_ends_it(camera: SimulatedCamera) -> None:
    frames = camera.frames()
    await anext(frames)
    camera.hang()
    with pytest.raises(DeviceLost, match=r"no picture for 0\.3 s"):
        await until(frames, lambda _image: False)
    with pytest.raises(DeviceLost):  # opens, and hangs again
        await anext(camera.frames())
    camera.plug()
    await anext(camera.frames())


async def test_a_short_hang_is_survived(camera: SimulatedCamera) -> None:
    frames = camera.frames()
    await anext(frames)
    camera.hang()
    camera.plug()
    await anext(frames)


async def test_a_hung_camera_closes(camera: SimulatedCamera) -> None:
    await anext(camera.frames())
    camera.hang()
    await asyncio.wait_for(camera.close(), 1)


def test_wrong_stage_directions_say_what_is_wrong(camera: SimulatedCamera, tmp_path: Path) -> None:
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    empty = tmp_path / "empty.png"
    empty.touch()
    for wrong in (text, empty):
        with pytest.raises(ValueError, match="is not a picture"):
            camera.show(wrong)
        with pytest.raises(ValueError, match="is not a video"):
            camera.play(wrong)
    with pytest.raises(FileNotFoundError):
        camera.show(tmp_path / "absent.png")
    with pytest.raises(FileNotFoundError):
        camera.play(tmp_path / "absent.avi")
    with pytest.raises(ValueError, match="3 channels"):
        camera.show(np.zeros((10, 10, 2), np.uint8))
    for size in (0.0, -1.0, 1.1):
        with pytest.raises(ValueError, match="fraction"):
            camera.show(plain(RED_BGR), size=size)


@pytest.mark.parametrize(
    "url",
    [
        "simulated:?colour=red",
        "simulated:?fps=fast",
        "simulated:?fps=0",
        "simulated:?fps=500",
        "simulated:?width=0",
        "simulated:?height=100000",
        "polaroid:",
    ],
)
def test_a_wrong_address_is_refused(url: str) -> None:
    with pytest.raises(DeviceSetup):
        open_camera(url)


async def test_a_person_from_the_test_data_is_seen_in_colour(camera: SimulatedCamera, shared_data: Path) -> None:
    camera.show(shared_data / "images" / "astronaut.png")
    seen = cv2.imdecode(np.frombuffer(camera.snapshot(), np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    blue, _green, red = seen[90:, 40:90].reshape(-1, 3).mean(axis=0)
    assert red > blue + 60  # her suit is orange
