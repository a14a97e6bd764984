"""What the vision tests share: the model, real pictures, and faces made of numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.agents.vision.centerface import CenterFace
from edge.agents.vision.detector import Box, Face, Image
from edge.models import ModelMissing, Store

Picture = Callable[[str], Image]


@pytest.fixture(scope="session")
def centerface_file() -> Path:
    """CenterFace's file, from this machine's store."""
    try:
        return Store().path("centerface")
    except ModelMissing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def centerface(centerface_file: Path) -> CenterFace:
    return CenterFace(centerface_file)


@pytest.fixture(scope="session")
def picture(shared_data: Path) -> Picture:
    """A function that loads a real picture by its name."""

    def load(name: str) -> Image:
        image = cv2.imread(str(shared_data / "images" / f"{name}.png"))
        assert image is not None, f"no picture {name}"
        return np.asarray(image, dtype=np.uint8)

    return load


def face(score: float = 0.9, x: float = 300, y: float = 200, w: float = 60, h: float = 80) -> Face:
    """An upright face with its landmarks where a face has them."""
    spots = ((0.28, 0.37), (0.72, 0.37), (0.5, 0.58), (0.3, 0.77), (0.7, 0.77))
    landmarks = np.array([(x + right * w, y + down * h) for right, down in spots], dtype=np.float32)
    return Face(Box(x, y, w, h), score, landmarks)
