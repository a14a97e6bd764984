from __future__ import annotations

from pathlib import Path

import pytest

from drivers.camera import open_camera
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


async def test_a_picture_keeps_its_size_unless_another_is_asked_for(tmp_path: Path) -> None:
    path = picture_file(tmp_path / "a picture.png", plain(RED_BGR, 64, 48))
    own = open_camera(f"file:{path}?fps=100")
    frame = await anext(own.frames())
    await own.close()
    assert frame.image.shape == (48, 64, 3)
    assert is_red(frame.image)

    fitted = open_camera(f"file:{str(path).replace(' ', '%20')}?width=100&height=50&fps=100")
    frame = await anext(fitted.frames())
    await fitted.close()
    assert frame.image.shape == (50, 100, 3)
    assert is_red(frame.image)
    assert not frame.image[:, :10].any()  # black beside it


async def test_a_video_goes_round_by_the_clock(tmp_path: Path) -> None:
    path = video_file(tmp_path / "v.avi", [plain(RED_BGR)] * 5 + [plain(BLUE_BGR)] * 5, fps=50)
    camera = open_camera(f"file:{path}?fps=100")
    frames = camera.frames()
    await until(frames, is_red)
    await until(frames, is_blue)
    await until(frames, is_red)
    await until(frames, is_blue)
    await camera.close()


async def test_a_video_that_is_removed_is_a_loss_and_then_an_absence(tmp_path: Path) -> None:
    path = video_file(tmp_path / "v.avi", [plain(RED_BGR)] * 5, fps=50)
    camera = open_camera(f"file:{path}?fps=100")
    frames = camera.frames()
    await anext(frames)
    path.unlink()
    with pytest.raises(DeviceLost):
        await until(frames, is_blue)
    with pytest.raises(DeviceAbsent):
        await anext(camera.frames())
    await camera.close()


def test_what_is_not_there_or_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceAbsent, match="is not there"):
        open_camera(f"file:{tmp_path / 'absent.png'}")
    with pytest.raises(DeviceAbsent):
        open_camera(f"file:{tmp_path}")
    with pytest.raises(DeviceSetup, match="needs a path"):
        open_camera("file:")
    text = tmp_path / "text.txt"
    text.write_text("hello")
    with pytest.raises(DeviceSetup, match="not a video"):
        open_camera(f"file:{text}")
    with pytest.raises(DeviceSetup, match="unknown option"):
        open_camera(f"file:{text}?loop=1")
