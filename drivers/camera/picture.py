"""Pictures from files, and putting one onto another. Everything is uint8, BGR or BGRA."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drivers.errors import DeviceSetup

try:
    import cv2
except ImportError as error:
    raise DeviceSetup("cameras need OpenCV; run: pip install 'kiosk-edge[vision]'") from error

__all__ = ["Image", "as_colour", "cv2", "jpeg", "load_picture", "paste"]

Image = NDArray[np.uint8]


def load_picture(path: Path) -> Image:
    """Read a picture file: height x width x 3 (BGR), or x 4 (BGRA) if it has transparency.

    Raises:
        FileNotFoundError: it isn't there.
        ValueError: it is not a picture.
    """
    content = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    if image is None:
        raise ValueError(f"{path} is not a picture")
    return as_colour(np.asarray(image))


def as_colour(image: NDArray[np.generic]) -> Image:
    """A picture with 3 or 4 channels of uint8, from that or from a grey or 16-bit one.

    Raises:
        ValueError: it has another shape or type.
    """
    if image.dtype == np.uint16:
        image = (image.astype(np.uint16) >> 8).astype(np.uint8)
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or not image.size:
        raise ValueError(f"a picture is height x width x 3 of uint8, not {image.shape} of {image.dtype}")
    grey_or_colour = image.astype(np.uint8, copy=False)
    if grey_or_colour.ndim == 2 or grey_or_colour.shape[2] == 1:
        return np.repeat(grey_or_colour.reshape(*grey_or_colour.shape[:2], 1), 3, axis=2)
    if grey_or_colour.shape[2] not in (3, 4):
        raise ValueError(f"a picture has 3 channels (BGR) or 4 (BGRA), not {grey_or_colour.shape[2]}")
    return grey_or_colour


def paste(picture: Image, background: Image, size: float = 1.0) -> Image:
    """A copy of `background` with `picture` in its middle, standing on its lower edge, its proportions kept.

    `size` is the fraction of the largest size that fits: a smaller person is one farther away. Where a BGRA
    picture is transparent, the background shows.
    """
    height, width = background.shape[:2]
    scale = min(height / picture.shape[0], width / picture.shape[1]) * size
    drawn_height = max(1, round(picture.shape[0] * scale))
    drawn_width = max(1, round(picture.shape[1] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    drawn = np.asarray(cv2.resize(picture, (drawn_width, drawn_height), interpolation=how), np.uint8)

    result = background.copy()
    left = (width - drawn_width) // 2
    place = result[height - drawn_height :, left : left + drawn_width]
    if drawn.shape[2] == 4:
        opaque = drawn[:, :, 3:].astype(np.float32) / 255
        blended = drawn[:, :, :3] * opaque + place * (1 - opaque)
        place[:] = blended.round().astype(np.uint8)
    else:
        place[:] = drawn
    return result


def jpeg(image: Image) -> bytes:
    """The picture as JPEG."""
    written, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not written:
        raise ValueError(f"a picture of shape {image.shape} can't be written as JPEG")
    return bytes(data)
