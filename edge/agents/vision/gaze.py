"""Whether the customer attends to the screen, and where on it: by the head's direction, not the pupils'.

Five landmarks and a face of average size give the head's place and direction (Perspective-n-Point). With
one pixel of landmark noise in a 640x480 picture the direction is off by 3 degrees at 0.8 m, 6 at 1.5 m and
11 at 2.5 m (median of 150 simulated heads), so far or small faces get no judgement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.agents.vision.detector import Face
from edge.agents.vision.optics import Lens, Screen
from edge.agents.vision.window import Window

LEAST_EYE_DISTANCE_PX: Final = 20.0
FARTHEST_POINT_MM: Final = 1500.0

# Millimetres right of, below and behind the middle between the eyes, as the camera sees a face that looks
# at it.
_FACE_MM: Final = np.array(
    ((-31.5, 0.0, 0.0), (31.5, 0.0, 0.0), (0.0, 40.0, -30.0), (-25.0, 70.0, -3.0), (25.0, 70.0, -3.0)),
    dtype=np.float64,
)


@dataclass(frozen=True)
class Head:
    """Where a head is (mm) and where it points (a unit vector), in the camera's axes: right, down, ahead."""

    place_mm: NDArray[np.float64]
    direction: NDArray[np.float64]


@dataclass(frozen=True)
class Glance:
    """Where one head points: degrees from the nearest point of the screen, and the point it hits.

    `point_px` is None when the head is too far away to tell, or turned from the screen altogether.
    """

    off_screen_deg: float
    point_px: tuple[int, int] | None


def head_of(face: Face, width_px: int, height_px: int, lens: Lens) -> Head | None:
    """The head behind a face in a picture of that size; None if its eyes are too close together to tell."""
    if face.eye_distance_px < LEAST_EYE_DISTANCE_PX:
        return None
    focal_px = lens.focal_px(width_px)
    camera = np.array(((focal_px, 0, width_px / 2), (0, focal_px, height_px / 2), (0, 0, 1)), dtype=np.float64)
    solved, rotation, place = cv2.solvePnP(
        _FACE_MM, face.landmarks.astype(np.float64), camera, None, flags=cv2.SOLVEPNP_SQPNP
    )
    if not solved or not np.all(np.isfinite(place)) or float(place[2, 0]) <= 0:
        return None
    turned, _ = cv2.Rodrigues(rotation)
    return Head(place.ravel().astype(np.float64), (turned @ np.array((0.0, 0.0, -1.0))).astype(np.float64))


def glance_at(screen: Screen, head: Head) -> Glance:
    """Where on the screen, or how far beside it, a head points."""
    x, y, z = (float(part) for part in head.place_mm)
    ahead = float(head.direction[2])
    if ahead >= -0.05:  # sideways or away: the line of sight meets the screen's plane far out or never
        return Glance(_angle_deg(head, (0.0, 0.0)), None)
    reach = -z / ahead
    right_mm, down_mm = screen.from_camera_mm(
        x + reach * float(head.direction[0]), y + reach * float(head.direction[1])
    )
    nearest_right_mm = min(max(right_mm, 0.0), screen.width_mm)
    nearest_down_mm = min(max(down_mm, 0.0), screen.height_mm)
    off_deg = _angle_deg(head, screen.to_camera_mm(nearest_right_mm, nearest_down_mm))
    near = float(np.linalg.norm(head.place_mm)) <= FARTHEST_POINT_MM
    return Glance(off_deg, screen.pixel(right_mm, down_mm) if near else None)


class Attention:
    """Whether the customer looks at the screen: on from 60 % of the last second, off below 30 %.

    Args:
        tolerance_deg: how far beside the screen a head may point and still attend to it; eyes do the rest.
    """

    def __init__(
        self, tolerance_deg: float = 15.0, enter: float = 0.6, leave: float = 0.3, window_s: float = 1.0
    ) -> None:
        self.tolerance_deg = tolerance_deg
        self.enter = enter
        self.leave = leave
        self.looking = False
        self._looks: Window[bool] = Window(window_s)
        self._points: Window[tuple[int, int] | None] = Window(window_s)

    def see(self, at_s: float, glance: Glance | None) -> bool:
        """Take in a frame's glance (None: no face, or too small a one); whether `looking` changed by it."""
        looks = glance is not None and glance.off_screen_deg <= self.tolerance_deg
        self._looks.add(at_s, looks)
        self._points.add(at_s, glance.point_px if looks and glance is not None else None)
        share = fmean(self._looks.values)
        before = self.looking
        if not self._looks.full:
            return False
        self.looking = share > self.leave if self.looking else share >= self.enter
        return self.looking != before

    def reset(self) -> bool:
        """The customer is gone; whether `looking` changed by it."""
        changed, self.looking = self.looking, False
        self._looks.clear()
        self._points.clear()
        return changed

    @property
    def point_px(self) -> tuple[int, int] | None:
        """The median point of the last second while looking; None if most of its glances had none."""
        points = [point for point in self._points.values if point is not None]
        if not self.looking or 2 * len(points) < len(self._points.values):
            return None
        return round(median(x for x, _ in points)), round(median(y for _, y in points))


def _angle_deg(head: Head, target_mm: tuple[float, float]) -> float:
    """The angle between where the head points and where a point of the camera's plane is."""
    ray = np.array((*target_mm, 0.0)) - head.place_mm
    cosine = float(ray @ head.direction) / float(np.linalg.norm(ray) * np.linalg.norm(head.direction))
    return math.degrees(math.acos(min(max(cosine, -1.0), 1.0)))
