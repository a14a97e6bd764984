"""What the vision agent says (section 6.1)."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge.contract.wire import Fraction, Payload, Seconds

AgeGroup = Literal["child", "adult", "senior"]


class BoundingBox(msgspec.Struct, frozen=True, kw_only=True):
    """A box in the camera's picture, in pixels from its top left corner."""

    x: int
    y: int
    w: int
    h: int


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A point on the screen, in pixels from its top left corner."""

    x: int
    y: int


class PersonDetected(Payload, frozen=True, kw_only=True):
    """Someone stands before the kiosk. The defaults serve section 10.2's example, which gives none."""

    event: Literal["person_detected"] = "person_detected"
    confidence: Fraction = 1.0
    bounding_box: BoundingBox | None = None
    face_detected: bool = False
    estimated_age_group: AgeGroup | None = None
    estimated_party_size: int = 1


class PersonLeft(Payload, frozen=True, kw_only=True):
    """Nobody stands before the kiosk any more."""

    event: Literal["person_left"] = "person_left"
    duration_seconds: Seconds


class GazeDetected(Payload, frozen=True, kw_only=True):
    """Whether the person looks at the screen; `gaze_point` is null where it can't be told."""

    event: Literal["gaze_detected"] = "gaze_detected"
    looking_at_screen: bool
    gaze_point: Point | None = None
