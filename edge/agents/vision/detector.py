"""Finding faces: what a detector gives, and what both of ours share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edge.models import ModelDamaged, ModelMissing

_REMEDY: Final = "`kiosk models pull` fetches it again."

Image = NDArray[np.uint8]
"""height x width x 3, BGR, as `drivers.camera.Frame` carries it."""

INPUT_WIDTH_PX: Final = 320
INPUT_HEIGHT_PX: Final = 256
"""What the network sees: enough for CenterFace to find 68 of 72 faces; 640x480 takes four times as long."""


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the original picture; x and y are its left and top edge."""

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True)
class Face:
    """One face.

    `score` is the network's, from 0 to 1. `landmarks` is 5 x 2 (x, y), float32, in pixels of the original
    picture: the eye on the picture's left, the other eye, the tip of the nose, the corner of the mouth on
    the picture's left, the other.
    """

    box: Box
    score: float
    landmarks: NDArray[np.float32]

    @property
    def eye_distance_px(self) -> float:
        """Pixels between the eyes."""
        return float(np.linalg.norm(self.landmarks[1] - self.landmarks[0]))


class FaceDetector(Protocol):
    """Finds the faces in a picture. Not thread-safe: one thread at a time."""

    def faces(self, image: Image) -> list[Face]:
        """The faces in `image`, the surest first."""


def open_session(path: Path, model: bytes | None = None) -> onnxruntime.InferenceSession:
    """An onnxruntime session on one thread that sleeps between frames; `model` replaces the file's own bytes.

    Spinning off took a loop at 5 frames a second from 54 to 6.7 ms of processor time a frame.

    Raises:
        ModelMissing: the file can't be read.
        ModelDamaged: onnxruntime can't load it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3  # errors; the exporters of these files left hundreds of harmless warnings
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_free_dimension_override_by_name("batch", 1)
    options.add_free_dimension_override_by_name("height", INPUT_HEIGHT_PX)
    options.add_free_dimension_override_by_name("width", INPUT_WIDTH_PX)
    source = read_model(path) if model is None else model
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no base class but this one
        raise damaged(path, f"onnxruntime refuses it ({str(error).splitlines()[0]})") from error


def read_model(path: Path) -> bytes:
    """The bytes of a model file.

    Raises:
        ModelMissing: it can't be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelMissing(f"the model file {path} can't be read: {reason}. {_REMEDY}") from error


def damaged(path: Path, reason: str) -> ModelDamaged:
    """The error for a file that is cut short or another model."""
    return ModelDamaged(f"the model file {path} can't be used: {reason}. {_REMEDY}")


def letterbox(image: Image) -> tuple[NDArray[np.float32], float]:
    """`image` scaled to fit the network's input, black to the right and below, and the scale that was used.

    The tensor is 1 x 3 x 256 x 320, float32 from 0 to 255, BGR; picture pixels are tensor pixels divided by
    the scale.
    """
    height, width = image.shape[:2]
    scale = min(INPUT_WIDTH_PX / width, INPUT_HEIGHT_PX / height)
    fitted_width = max(1, round(width * scale))
    fitted_height = max(1, round(height * scale))
    fitted = cv2.resize(
        image, (fitted_width, fitted_height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    tensor = np.zeros((1, 3, INPUT_HEIGHT_PX, INPUT_WIDTH_PX), dtype=np.float32)
    tensor[0, :, :fitted_height, :fitted_width] = fitted.transpose(2, 0, 1)
    return tensor, scale


def distinct(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], landmarks: NDArray[np.float32], scale: float
) -> list[Face]:
    """Faces out of overlapping candidates, the surest first.

    `boxes` is N x 4 (x, y, w, h), `scores` N, `landmarks` N x 5 x 2 (x, y), all in pixels of the tensor.
    Of two boxes whose intersection over union passes 0.3 the surer one stays.
    """
    kept: list[int] = []
    for index in np.argsort(-scores):
        if all(_overlap(boxes[index], boxes[other]) <= 0.3 for other in kept):
            kept.append(int(index))
    return [
        Face(
            box=Box(*(float(edge) / scale for edge in boxes[index])),
            score=float(min(scores[index], 1.0)),
            landmarks=(landmarks[index] / scale).astype(np.float32),
        )
        for index in kept
    ]


def _overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Intersection over union of two boxes x, y, w, h."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = float(width * height)
    return shared / (float(a[2] * a[3] + b[2] * b[3]) - shared)
