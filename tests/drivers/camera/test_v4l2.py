from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from drivers.camera import open_camera
from drivers.camera.settings import CameraSettings
from drivers.camera.v4l2 import V4l2Source
from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup
from tests.drivers.camera.scenes import BLUE_BGR, RED_BGR, is_red, plain, video_file


def test_no_such_device_is_absent() -> None:
    with pytest.raises(DeviceAbsent, match="is not there"):
        open_camera("v4l2:/dev/video77")


def test_what_is_no_video_device_is_a_setup_error(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    for path in ("/dev/null", tmp_path / "video0", tmp_path):
        with pytest.raises(DeviceSetup, match="not a video device"):
            open_camera(f"v4l2:{path}")


def test_a_stable_name_leads_to_the_device(tmp_path: Path) -> None:
    name = tmp_path / "usb-camera-index0"
    name.symlink_to("/dev/video77")
    with pytest.raises(DeviceAbsent, match="usb-camera-index0"):
        open_camera(f"v4l2:{name}")


def test_every_picture_is_taken_off_the_device_and_only_the_due_ones_are_decoded(tmp_path: Path) -> None:
    """OpenCV reads a file here, by the code that reads a device: a file gives pictures as fast as asked."""
    path = video_file(tmp_path / "v.avi", [plain(RED_BGR), *[plain(BLUE_BGR)] * 20], fps=25)
    source = V4l2Source(path, CameraSettings(fps=0.01))
    source.begin(cv2.VideoCapture(str(path)))
    first = source.read()
    assert first is not None
    assert is_red(first)
    with pytest.raises(DeviceLost, match="no more pictures"):  # the other 20 weren't due, and were taken
        source.read()
    source.release()


def test_a_stopped_source_reads_no_more(tmp_path: Path) -> None:
    path = video_file(tmp_path / "v.avi", [plain(RED_BGR)] * 5, fps=25)
    source = V4l2Source(path, CameraSettings(fps=100))
    source.begin(cv2.VideoCapture(str(path)))
    source.stop()
    assert source.read() is None
    source.release()
    assert source.read() is None
