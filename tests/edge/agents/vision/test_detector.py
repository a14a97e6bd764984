from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivers.camera import Frame
from edge.agents.vision.centerface import CenterFace
from edge.agents.vision.detector import FaceDetector, Image, distinct, letterbox
from edge.agents.vision.yunet import YuNet
from edge.models import ModelDamaged, ModelMissing
from tests.edge.agents.vision.conftest import Picture


@pytest.fixture(scope="session", params=["centerface", "yunet_n_dynamic", "yunet_s_dynamic"])
def detector(request: pytest.FixtureRequest) -> FaceDetector:
    """Each detector in turn."""
    if request.param == "centerface":
        found: FaceDetector = request.getfixturevalue("centerface")
        return found
    shared_data: Path = request.getfixturevalue("shared_data")
    path = shared_data / "models" / f"{request.param}.onnx"
    if not path.exists():
        pytest.skip(f"{path.name} is not in the test data")
    return YuNet(path, threshold=0.6)


def frame(image: Image) -> Frame:
    return Frame(image, captured_at_s=0.0, sequence=0)


def test_finds_the_one_face_of_a_portrait(detector: FaceDetector, picture: Picture) -> None:
    faces = detector.faces(frame(picture("astronaut")).image)

    assert len(faces) == 1
    found = faces[0]
    assert found.score > 0.8
    # Counted by hand in the picture: the head from hairline to chin, the pupils.
    assert 170 < found.box.x < 195
    assert 45 < found.box.y < 80
    assert 75 < found.box.w < 105
    assert 95 < found.box.h < 135
    eye_left, eye_right, nose, mouth_left, mouth_right = found.landmarks.tolist()
    assert eye_left == pytest.approx([204, 103], abs=5)
    assert eye_right == pytest.approx([248, 105], abs=5)
    assert eye_left[0] < nose[0] < eye_right[0]
    assert eye_left[1] < nose[1] < mouth_left[1]
    assert mouth_left[0] < mouth_right[0]


@pytest.mark.parametrize("name", ["no_person_cat", "no_person_coffee"])
def test_finds_no_face_where_nobody_is(detector: FaceDetector, picture: Picture, name: str) -> None:
    assert detector.faces(picture(name)) == []


def test_boxes_are_in_pixels_of_the_original_picture(detector: FaceDetector, picture: Picture) -> None:
    """A 640x480 camera frame, with the face put where we know it."""
    small = picture("astronaut")[:300, 100:400]
    scene = np.full((480, 640, 3), 90, dtype=np.uint8)
    scene[150:450, 300:600] = small

    faces = detector.faces(scene)

    assert len(faces) == 1
    assert faces[0].landmarks[0].tolist() == pytest.approx([204 + 200, 103 + 150], abs=6)


def test_finds_several_faces(detector: FaceDetector, picture: Picture) -> None:
    head = picture("astronaut")[20:260, 100:340]
    scene = np.full((480, 640, 3), 90, dtype=np.uint8)
    scene[100:340, 30:270] = head
    scene[100:340, 350:590] = head

    lefts = sorted(found.box.x for found in detector.faces(scene))

    assert len(lefts) == 2
    assert lefts[1] - lefts[0] == pytest.approx(320, abs=8)


def test_a_truncated_file_is_named_with_what_to_do(centerface_file: Path, tmp_path: Path) -> None:
    cut = tmp_path / "centerface.onnx"
    cut.write_bytes(centerface_file.read_bytes()[:100_000])

    with pytest.raises(ModelDamaged, match=r"centerface\.onnx can't be used: .*`kiosk models pull`"):
        CenterFace(cut)


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "centerface.onnx"
    page.write_bytes(b"<!DOCTYPE html><title>404</title>" * 100)

    with pytest.raises(ModelDamaged, match="kiosk models pull"):
        CenterFace(page)
    with pytest.raises(ModelDamaged, match="kiosk models pull"):
        YuNet(page)


def test_another_model_is_refused(centerface_file: Path, shared_data: Path) -> None:
    with pytest.raises(ModelDamaged, match="not YuNet's"):
        YuNet(centerface_file)
    with pytest.raises(ModelDamaged, match=r"no input 'input\.1'"):
        CenterFace(shared_data / "models" / "yunet_s_dynamic.onnx")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"centerface\.onnx can't be read: No such file"):
        CenterFace(tmp_path / "centerface.onnx")


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (320, 256), (64, 40), (1920, 1080)])
def test_letterbox_keeps_the_picture_in_proportion(width: int, height: int) -> None:
    tensor, scale = letterbox(np.full((height, width, 3), 200, dtype=np.uint8))

    assert tensor.shape == (1, 3, 256, 320)
    lit = np.argwhere(tensor[0, 0] > 100)
    assert lit[-1].tolist() == pytest.approx([height * scale - 1, width * scale - 1], abs=1)
    assert scale == pytest.approx(min(320 / width, 256 / height))


def test_overlapping_candidates_become_one_face() -> None:
    boxes = np.array([[10, 10, 40, 40], [12, 11, 40, 40], [80, 10, 40, 40]], dtype=np.float32)
    scores = np.array([0.6, 0.9, 0.7], dtype=np.float32)
    landmarks = np.zeros((3, 5, 2), dtype=np.float32)

    faces = distinct(boxes, scores, landmarks, scale=0.5)

    assert [round(found.score, 2) for found in faces] == [0.9, 0.7]
    assert faces[0].box.x == pytest.approx(24)
