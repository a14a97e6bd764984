from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.vision.detector import open_session, read_model
from edge.agents.vision.fixed_shape import with_input_shape


def test_the_network_runs_at_the_new_shape(centerface_file: Path) -> None:
    model = with_input_shape(read_model(centerface_file), "input.1", (1, 3, 64, 96))

    session = open_session(centerface_file, model)

    assert [(given.name, given.shape) for given in session.get_inputs()] == [("input.1", [1, 3, 64, 96])]
    outputs = session.run(None, {"input.1": np.zeros((1, 3, 64, 96), dtype=np.float32)})
    assert [output.shape for output in outputs] == [(1, n, 16, 24) for n in (1, 2, 2, 10)]


def test_the_network_computes_what_the_original_computes(centerface_file: Path) -> None:
    """At the shape it was exported for, the rewritten file gives the same numbers."""
    noise = np.random.default_rng(1).uniform(0, 255, (10, 3, 32, 32)).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    original = onnxruntime.InferenceSession(str(centerface_file), options, providers=["CPUExecutionProvider"])
    rewritten = open_session(centerface_file, with_input_shape(read_model(centerface_file), "input.1", (10, 3, 32, 32)))

    for one, other in zip(original.run(None, {"input.1": noise}), rewritten.run(None, {"input.1": noise}), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_an_input_the_model_lacks_is_named(centerface_file: Path) -> None:
    with pytest.raises(ValueError, match="no input 'pixels'"):
        with_input_shape(read_model(centerface_file), "pixels", (1, 3, 64, 64))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_not_misread(junk: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        with_input_shape(junk, "input.1", (1, 3, 64, 64))
