"""Cutting sound into utterances."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drivers.microphone import CHUNK_SAMPLES
from edge.agents.voice.utterance import End, Onset, Segmenter, Speech

SILENCE = np.zeros(CHUNK_SAMPLES, np.int16)


def told(probabilities: list[float]) -> list[Onset | Speech | End]:
    segmenter = Segmenter()
    changes = [segmenter.hear(SILENCE, probability) for probability in probabilities]
    return [change for change in changes if change is not None]


def test_speech_begins_goes_on_and_ends() -> None:
    changes = told([0.0] * 20 + [0.9] * 30 + [0.0] * 30)
    assert isinstance(changes[0], Onset)
    assert changes[0].samples.size > 3 * CHUNK_SAMPLES  # with what came before the onset
    assert isinstance(changes[-1], End)
    assert changes[-1].complete
    assert all(isinstance(change, Speech) for change in changes[1:-1])


def test_a_knock_is_no_utterance() -> None:
    assert told([0.0] * 5 + [0.9] * 2 + [0.0] * 40) == []


def test_a_short_cough_is_not_to_be_obeyed() -> None:
    (*_, end) = told([0.9] * 4 + [0.0] * 40)
    assert isinstance(end, End)
    assert not end.complete


def test_one_who_never_stops_is_cut() -> None:
    changes = told([0.9] * 600)
    assert isinstance(next(change for change in changes if isinstance(change, End)), End)
    assert not next(change for change in changes if isinstance(change, End)).complete


@given(st.lists(st.floats(min_value=0, max_value=1), max_size=300))
def test_onset_and_end_alternate(probabilities: list[float]) -> None:
    speaking = False
    for change in told(probabilities):
        if isinstance(change, Onset):
            assert not speaking
            speaking = True
        else:
            assert speaking
            speaking = not isinstance(change, End)
