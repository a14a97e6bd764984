"""The real decoder and the real voice activity model, on recorded voices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from drivers.microphone import CHUNK_SAMPLES, RATE_HZ
from drivers.microphone.recording import as_heard, load_wav
from edge.agents.voice.activity import Samples, SileroActivity
from edge.agents.voice.intent import meaning_of
from edge.agents.voice.recogniser import Hypothesis, Recogniser
from edge.agents.voice.utterance import End, Onset, Segmenter, Speech
from edge.agents.voice.vocabulary import Vocabulary
from edge.models import ModelDamaged, ModelMissing, Store
from edge.virtual.stage import recorded_sentences


@pytest.fixture(scope="session")
def recogniser(menu_words: Vocabulary) -> Recogniser:
    return Recogniser(menu_words)


@pytest.fixture
def activity(model_store: Store) -> SileroActivity:
    return SileroActivity(model_store.path("silero_vad"))


def chunks(samples: Samples) -> Iterator[Samples]:
    """The sound with a quiet room before and after it, in chunks."""
    noise = np.random.default_rng(0)
    room = noise.normal(0, 10, RATE_HZ).astype(np.int16)
    whole = np.concatenate((room, samples, room))
    for start in range(0, whole.size - CHUNK_SAMPLES + 1, CHUNK_SAMPLES):
        yield whole[start : start + CHUNK_SAMPLES]


def heard(samples: Samples, activity: SileroActivity, recogniser: Recogniser) -> list[Hypothesis]:
    """What the voice agent's chain makes of a recording."""
    segmenter, found = Segmenter(), []
    for chunk in chunks(samples):
        match segmenter.hear(chunk, activity.probability(chunk)):
            case Onset(samples=first):
                recogniser.begin()
                recogniser.hear(first)
            case Speech(samples=more):
                recogniser.hear(more)
            case End(complete=True):
                hypothesis = recogniser.end()
                if hypothesis:
                    found.append(hypothesis)
            case End():
                recogniser.cancel()
    return found


@pytest.mark.parametrize("sentence", recorded_sentences(), ids=lambda sentence: sentence.id)
def test_recorded_sentences_are_understood(
    sentence: object, activity: SileroActivity, recogniser: Recogniser, menu_words: Vocabulary
) -> None:
    from edge.virtual.stage import Sentence

    assert isinstance(sentence, Sentence)
    (hypothesis,) = heard(as_heard(*load_wav(sentence.path)), activity, recogniser)
    assert meaning_of(hypothesis.text, menu_words) == meaning_of(sentence.text, menu_words)
    assert hypothesis.confidence >= 0.5


def test_human_chatter_is_hardly_obeyed(
    shared_data: Path, activity: SileroActivity, recogniser: Recogniser, menu_words: Vocabulary
) -> None:
    samples = as_heard(*load_wav(shared_data / "audio" / "human" / "silero_test.wav"))[: 20 * RATE_HZ]
    believed = [each for each in heard(samples, activity, recogniser) if each.confidence >= 0.5]
    assert len(believed) <= 1


def test_human_voices_are_speech_and_silence_is_not(shared_data: Path, activity: SileroActivity) -> None:
    samples = as_heard(*load_wav(shared_data / "audio" / "human" / "001.wav"))
    assert max(activity.probability(chunk) for chunk in chunks(samples)) > 0.9
    activity.reset()
    assert max(activity.probability(chunk) for chunk in chunks(np.zeros(0, np.int16))) < 0.3


def test_an_utterance_of_noise_is_nothing(recogniser: Recogniser) -> None:
    recogniser.begin()
    recogniser.hear(np.random.default_rng(1).normal(0, 500, RATE_HZ).astype(np.int16))
    found = recogniser.end()
    assert found is None or found.confidence < 0.5
    assert recogniser.end() is None


def test_a_truncated_model_is_a_clear_error(model_store: Store, tmp_path: Path) -> None:
    cut = tmp_path / "silero_vad.onnx"
    cut.write_bytes(model_store.path("silero_vad").read_bytes()[:100_000])
    with pytest.raises(ModelDamaged, match="kiosk models pull"):
        SileroActivity(cut)
    with pytest.raises(ModelDamaged, match="inputs are not Silero's"):
        SileroActivity(model_store.path("centerface"))
    with pytest.raises(ModelMissing):
        SileroActivity(tmp_path / "absent.onnx")


def test_another_number_of_samples_is_refused(activity: SileroActivity) -> None:
    with pytest.raises(ValueError, match="512 samples"):
        activity.probability(np.zeros(100, np.int16))
