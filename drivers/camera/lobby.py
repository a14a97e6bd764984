"""The empty lobby that the simulated camera looks at, and its sensor's noise: drawn here, from a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drivers.camera.picture import Image

_NOISE_LEVELS = 2.0  # standard deviation in 8-bit levels: a small sensor in ordinary room light
_NOISE_FIELDS = 8


def draw_lobby(width_px: int, height_px: int) -> Image:
    """A plain wall, lit from the upper left, over a darker floor: height x width x 3, BGR."""
    y, x = np.mgrid[0:height_px, 0:width_px].astype(np.float32)
    across, down = x / width_px, y / height_px
    wall = np.array([196, 206, 212], np.float32)
    floor = np.array([112, 126, 138], np.float32)
    light = 1.05 - 0.16 * np.hypot(across - 0.3, down - 0.2)
    lobby = np.where((down < 0.8)[..., None], wall, floor) * light[..., None]
    skirting = (down >= 0.78) & (down < 0.8)
    lobby[skirting] *= 0.7
    # The floor's light falls off toward the camera.
    lobby *= np.where(down >= 0.8, 1.0 - 0.5 * (down - 0.8), 1.0)[..., None]
    levels: Image = np.clip(lobby.round(), 0, 255).astype(np.uint8)
    return levels


class SensorNoise:
    """Additive noise, different in every frame and the same for the same seed."""

    def __init__(self, width_px: int, height_px: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        fields = random.normal(0, _NOISE_LEVELS, (_NOISE_FIELDS, height_px, width_px, 3))
        self._fields: NDArray[np.int16] = fields.round().astype(np.int16)
        self._random = random

    def over(self, image: Image) -> Image:
        """A noisy copy of the image."""
        # The fields are drawn once and shifted: drawing anew for each frame costs ten times as much.
        field = self._fields[self._random.integers(_NOISE_FIELDS)]
        field = np.roll(field, int(self._random.integers(field.shape[0])), axis=0)
        noisy: Image = np.clip(image + field, 0, 255).astype(np.uint8)
        return noisy
