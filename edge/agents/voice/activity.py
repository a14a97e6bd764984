"""Whether somebody is speaking, 32 ms at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from drivers.microphone import CHUNK_SAMPLES, RATE_HZ
from edge.models import ModelDamaged, ModelMissing

Samples = NDArray[np.int16]
"""Mono sound at 16 kHz."""

_CONTEXT_SAMPLES: Final = 64  # the model sees the end of the chunk before, too
_REMEDY: Final = "`kiosk models pull` fetches it again."


class SileroActivity:
    """Silero's voice activity model (version 5), 0.15 ms a chunk on one core. It remembers: one stream an object.

    Args:
        path: silero_vad.onnx.

    Raises:
        ModelMissing, ModelDamaged: the file is not there, or cut short or another model.
    """

    def __init__(self, path: Path) -> None:
        try:
            model = path.read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            raise ModelMissing(f"the model file {path} can't be read: {reason}. {_REMEDY}") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions share no base class but this one
            reason = str(error).splitlines()[0]
            raise ModelDamaged(
                f"the model file {path} can't be used: onnxruntime refuses it ({reason}). {_REMEDY}"
            ) from error
        if {entry.name for entry in self._session.get_inputs()} != {"input", "state", "sr"}:
            raise ModelDamaged(f"the model file {path} can't be used: its inputs are not Silero's. {_REMEDY}")
        self._rate = np.array(RATE_HZ, dtype=np.int64)
        self.reset()

    def reset(self) -> None:
        """Forget the sound so far."""
        self._state: NDArray[np.float32] = np.zeros((2, 1, 128), dtype=np.float32)
        self._context: NDArray[np.float32] = np.zeros(_CONTEXT_SAMPLES, dtype=np.float32)

    def probability(self, chunk: Samples) -> float:
        """The probability, 0 to 1, that there is speech in the next 512 samples.

        Raises:
            ValueError: it is another number of samples.
        """
        if chunk.shape != (CHUNK_SAMPLES,):
            raise ValueError(f"the model takes {CHUNK_SAMPLES} samples at a time, not {chunk.shape}")
        sound = np.concatenate((self._context, chunk.astype(np.float32) / 32768))
        self._context = sound[-_CONTEXT_SAMPLES:].astype(np.float32)
        speech, state = self._session.run(
            ("output", "stateN"), {"input": sound[None], "state": self._state, "sr": self._rate}
        )
        self._state = np.asarray(state, np.float32)
        return float(np.asarray(speech)[0, 0])
