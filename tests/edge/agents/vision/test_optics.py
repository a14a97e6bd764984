from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.vision.optics import Lens, Screen, body_box
from tests.edge.agents.vision.conftest import face


def test_a_face_as_high_as_eighteen_centimetres_at_one_metre() -> None:
    lens = Lens(horizontal_fov_deg=90.0)  # so the focal length is half the width

    assert lens.distance_m(face(h=0.18 * 320), width_px=640) == pytest.approx(1.0)


@given(st.floats(-500, 900), st.floats(-400, 700), st.floats(1, 700), st.floats(1, 500))
def test_the_body_box_lies_within_the_picture(x: float, y: float, w: float, h: float) -> None:
    box = body_box(face(x=x, y=y, w=w, h=h), 640, 480)

    assert 0 <= box.x < 640
    assert 0 <= box.y < 480
    assert 1 <= box.w <= 640
    assert 1 <= box.h <= 480
    assert box.x + box.w <= 640.001
    assert box.y + box.h <= 480.001


def test_the_body_box_surrounds_the_face() -> None:
    box = body_box(face(x=300, y=50, w=40, h=50), 640, 480)

    assert (box.x, box.y, box.w, box.h) == pytest.approx((260, 33.3, 120, 400), abs=0.1)


def test_pixels_are_clipped_to_the_screen() -> None:
    screen = Screen(width_px=1080, height_px=1920, width_mm=300, height_mm=500)

    assert screen.pixel(150, 250) == (540, 960)
    assert screen.pixel(-10, 600) == (0, 1919)


@given(st.floats(-1000, 1000), st.floats(-1000, 1000))
def test_screen_and_camera_coordinates_convert_both_ways(right_mm: float, down_mm: float) -> None:
    screen = Screen(camera_x_mm=100, camera_y_mm=-30)

    assert screen.from_camera_mm(*screen.to_camera_mm(right_mm, down_mm)) == pytest.approx((right_mm, down_mm))
