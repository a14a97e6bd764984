"""The camera's lens and the screen below it: what turns pixels into metres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from edge.agents.vision.detector import Box, Face

_FACE_HEIGHT_M: Final = 0.18  # of a detector's box, brow to chin: 2.8 times the 63 mm between an adult's pupils


@dataclass(frozen=True)
class Lens:
    """A camera without distortion. 66 degrees is Raspberry Pi's figure for the Camera Module 3."""

    horizontal_fov_deg: float = 66.0

    def focal_px(self, width_px: int) -> float:
        """The focal length in pixels of a picture `width_px` wide."""
        return width_px / 2 / math.tan(math.radians(self.horizontal_fov_deg) / 2)

    def distance_m(self, face: Face, width_px: int) -> float:
        """About how far away a face is, by its height; a child's looks a fifth farther than it is."""
        return _FACE_HEIGHT_M * self.focal_px(width_px) / max(face.box.h, 1.0)


@dataclass(frozen=True)
class Screen:
    """The screen the camera looks out over, upright and in the camera's plane.

    `camera_x_mm` and `camera_y_mm` say where the lens is, right of and below the screen's upper left corner
    as a customer sees it; None is the middle, and a negative y is above the screen. The size is a 23.8 inch
    panel's, standing.
    """

    width_px: int = 1080
    height_px: int = 1920
    width_mm: float = 296.0
    height_mm: float = 527.0
    camera_x_mm: float | None = None
    camera_y_mm: float = -20.0

    def from_camera_mm(self, right_mm: float, down_mm: float) -> tuple[float, float]:
        """A point of the camera's plane in millimetres right of and below the screen's upper left corner.

        `right_mm` is the camera's right, as in its picture: the customer's left.
        """
        return self._camera_x_mm - right_mm, self.camera_y_mm + down_mm

    def to_camera_mm(self, right_mm: float, down_mm: float) -> tuple[float, float]:
        """The inverse of `from_camera_mm`."""
        return self._camera_x_mm - right_mm, down_mm - self.camera_y_mm

    def pixel(self, right_mm: float, down_mm: float) -> tuple[int, int]:
        """The pixel at a point of the screen, clipped to the screen."""
        x = min(max(int(right_mm / self.width_mm * self.width_px), 0), self.width_px - 1)
        y = min(max(int(down_mm / self.height_mm * self.height_px), 0), self.height_px - 1)
        return x, y

    @property
    def _camera_x_mm(self) -> float:
        return self.width_mm / 2 if self.camera_x_mm is None else self.camera_x_mm


def body_box(face: Face, width_px: int, height_px: int) -> Box:
    """The person's box that a face lets us expect, clipped to the picture.

    A body is about three face boxes wide and eight high from a third of a box above the brow; against a
    person detector's boxes this has an intersection over union of about 0.63.
    """
    left = face.box.x - face.box.w
    top = face.box.y - face.box.h / 3
    right, bottom = left + 3 * face.box.w, top + 8 * face.box.h
    x, y = min(max(left, 0.0), width_px - 1.0), min(max(top, 0.0), height_px - 1.0)
    return Box(x, y, max(min(right, width_px) - x, 1.0), max(min(bottom, height_px) - y, 1.0))
