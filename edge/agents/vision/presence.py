"""When a customer has come and when they are gone: a pure state machine over what each frame showed.

A detector's score flickers, so the rules smooth it (the idea is Frigate's: judge by the median of recent
scores, and take a while to believe in an absence). One missed frame changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from edge.agents.vision.detector import Face
from edge.agents.vision.window import Window


@dataclass(frozen=True)
class Appeared:
    """Somebody stands before the kiosk. `confidence` is the median score of the last second, 0 to 1."""

    confidence: float
    face: Face
    party_size: int


@dataclass(frozen=True)
class Left:
    """Nobody stands there any more. `duration_s` runs from the first face of the visit to the last."""

    duration_s: float


class Presence:
    """Turns the faces of each frame into Appeared and Left, which always alternate.

    Args:
        enter_score: the median of the best scores of the last second (a frame without a face counts 0) that
            makes a visit.
        leave_after_s: seconds without any face that end it.
        window_s: how long "the last second" is.
    """

    def __init__(self, enter_score: float = 0.5, leave_after_s: float = 2.5, window_s: float = 1.0) -> None:
        self.enter_score = enter_score
        self.leave_after_s = leave_after_s
        self._scores: Window[float] = Window(window_s)
        self._counts: Window[int] = Window(window_s)
        self._first_seen_s: float | None = None
        self._last_seen_s = 0.0
        self._present = False

    @property
    def present(self) -> bool:
        """Whether a visit is going on."""
        return self._present

    def see(self, at_s: float, faces: Sequence[Face]) -> Appeared | Left | None:
        """Take in the faces of one frame, the surest first, captured at `at_s`; say what changed."""
        silent_for_s = at_s - self._last_seen_s
        left = self.end() if self._present and silent_for_s >= self.leave_after_s else None
        if self._first_seen_s is not None and silent_for_s >= self.leave_after_s:
            self._first_seen_s = None
            self._counts.clear()
        if faces:
            if self._first_seen_s is None:
                self._first_seen_s = at_s
            self._last_seen_s = at_s
            self._counts.add(at_s, len(faces))
        self._scores.add(at_s, max((face.score for face in faces), default=0.0))
        if left is not None:
            return left
        confidence = median(self._scores.values)
        if not self._present and faces and self._scores.full and confidence >= self.enter_score:
            self._present = True
            return Appeared(confidence, nearest(faces), self._party_size())
        return None

    def end(self) -> Left | None:
        """End the visit, if there is one: the camera is gone or the agent stops."""
        if not self._present or self._first_seen_s is None:
            return None
        left = Left(self._last_seen_s - self._first_seen_s)
        self._present = False
        self._first_seen_s = None
        self._scores.clear()
        self._counts.clear()
        return left

    def _party_size(self) -> int:
        """The median number of faces in the last second's frames that had any, a half rounded up."""
        return int(median(self._counts.values) + 0.5)


def nearest(faces: Sequence[Face]) -> Face:
    """The face that looks largest: the customer's, rather than somebody's behind them."""
    return max(faces, key=lambda face: face.box.w * face.box.h)
