"""CenterFace: the face detector that comes from a package registry, so a kiosk needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from edge.agents.vision.detector import (
    INPUT_HEIGHT_PX,
    INPUT_WIDTH_PX,
    Face,
    Image,
    damaged,
    distinct,
    letterbox,
    open_session,
    read_model,
)
from edge.agents.vision.fixed_shape import with_input_shape

_INPUT: Final = "input.1"
_OUTPUTS: Final = ("537", "538", "539", "540")  # heatmap, log size (h, w), offset (y, x), landmarks (y, x)
_STRIDE_PX: Final = 4


class CenterFace:
    """Faces by CenterFace (Xu et al. 2019), 12 ms a frame on one core of the machine it was measured on.

    Args:
        path: centerface.onnx.
        threshold: the least score of a face; at 0.35 nothing was found on 9 scenes without people.

    Raises:
        ModelMissing, ModelDamaged: the file is not there, or cut short or another model.
    """

    def __init__(self, path: Path, threshold: float = 0.35) -> None:
        self.threshold = threshold
        model = read_model(path)
        try:
            model = with_input_shape(model, _INPUT, (1, 3, INPUT_HEIGHT_PX, INPUT_WIDTH_PX))
        except ValueError as error:
            raise damaged(path, str(error)) from error
        self._session = open_session(path, model)
        if {output.name for output in self._session.get_outputs()} != set(_OUTPUTS):
            raise damaged(path, "its outputs are not CenterFace's")

    def faces(self, image: Image) -> list[Face]:
        """The faces in `image`, the surest first."""
        tensor, scale = letterbox(image[:, :, ::-1])  # the network was trained on RGB
        heatmap, log_size, offset, relative = (output[0] for output in self._session.run(_OUTPUTS, {_INPUT: tensor}))
        rows, columns = np.nonzero(heatmap[0] > self.threshold)
        height, width = np.exp(log_size[:, rows, columns]) * _STRIDE_PX
        top = (rows + offset[0, rows, columns] + 0.5) * _STRIDE_PX - height / 2
        left = (columns + offset[1, rows, columns] + 0.5) * _STRIDE_PX - width / 2
        points = relative[:, rows, columns].reshape(5, 2, -1).transpose(2, 0, 1)  # face, point, (y, x) within the box
        landmarks = np.stack(
            (
                left[:, None] + points[:, :, 1] * width[:, None],
                top[:, None] + points[:, :, 0] * height[:, None],
            ),
            axis=2,
        )
        return distinct(np.stack((left, top, width, height), axis=1), heatmap[0, rows, columns], landmarks, scale)
