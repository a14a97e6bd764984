"""Recognition in the menu's own vocabulary: pocketsphinx with a grammar, and a judge of how well it fits."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from pocketsphinx import Decoder, get_model_path

from edge.agents.voice.activity import Samples
from edge.agents.voice.grammar import kiosk_grammar
from edge.agents.voice.jsgf import Grammar
from edge.agents.voice.likeness import Segment, likeness
from edge.agents.voice.pronunciation import Lexicon, dictionary_text
from edge.agents.voice.vocabulary import Vocabulary

_DITHER: Final = 2.0  # standard deviation in steps: digital silence trebles the word error rate
_SEARCH: Final = "kiosk"
# Penalties for each word and phone, where the defaults are 0.65 and 1: at 20 dB, with the sentences of the benchmark,
# they take items that were heard wrongly from 7.5 to 5 %.
_WORD_PENALTY: Final = 0.1
_PHONE_PENALTY: Final = 0.5
# How loud (and coloured) speech is expected to be before any was heard; then it is learnt from each utterance. One
# that was this much louder or quieter than what was learnt is heard again: it may be the first on a new microphone.
_EXPECTED_MEANS: Final = "45,-3,-1.5,5,-3"
_SURPRISE: Final = 6.0


@dataclass(frozen=True)
class Hypothesis:
    """What was probably said: `text` in the grammar's words, lower case.

    `confidence`, 0 to 1, is how much the sound was like these words rather than like any speech at all:
    below 0.5 it should not be obeyed.
    """

    text: str
    confidence: float


class Recogniser:
    """Hears one utterance at a time, as it comes. Not thread-safe: one thread at a time.

    Loading takes a third of a second; recognising about an eighth of the sound's own time on one core.

    Args:
        vocabulary: what may be said here.
        grammar: JSGF to recognise instead of a kiosk's.

    Raises:
        ValueError, Unpronounceable: the vocabulary has no dish, or a word that can't be pronounced.
    """

    def __init__(self, vocabulary: Vocabulary, grammar: str | None = None) -> None:
        self._grammar = Grammar(grammar or kiosk_grammar(vocabulary))
        self._pronunciations = Lexicon(vocabulary.sounds_like).pronunciations(self._grammar.words)
        with tempfile.TemporaryDirectory() as folder:
            dictionary = Path(folder) / "kiosk.dict"
            dictionary.write_text(dictionary_text(self._pronunciations), encoding="utf-8")
            self._words = _decoder(dictionary)
            self._phones = _decoder(dictionary)
        self._words.add_jsgf_string(_SEARCH, self._grammar.text)
        self._phones.add_allphone_file(_SEARCH, None)
        for decoder in (self._words, self._phones):
            decoder.activate_search(_SEARCH)
        self._random = np.random.default_rng(0)
        self._sound: list[bytes] | None = None
        self._loudness = _loudness(self._words)

    def begin(self) -> None:
        """A new utterance; one that was not ended is forgotten."""
        self.cancel()
        self._sound = []
        self._start()

    def hear(self, samples: Samples) -> None:
        """The next sound of the utterance, 16 kHz mono."""
        if self._sound is None:
            return
        dithered = samples + self._random.normal(0, _DITHER, samples.size)
        sound = np.clip(dithered, -(2**15), 2**15 - 1).astype(np.int16).tobytes()
        self._sound.append(sound)
        self._process(sound)

    def end(self) -> Hypothesis | None:
        """What the utterance was; None where no sentence of the grammar fits it to the end."""
        if self._sound is None:
            return None
        sound, self._sound = self._sound, None
        self._stop()
        loudness = _loudness(self._words)
        if abs(loudness - self._loudness) > _SURPRISE:
            self._start()
            for chunk in sound:
                self._process(chunk)
            self._stop()
            loudness = _loudness(self._words)
        self._loudness = loudness
        return self._hypothesis()

    def cancel(self) -> None:
        """Forget the running utterance."""
        if self._sound is not None:
            self._sound = None
            self._stop()

    def _hypothesis(self) -> Hypothesis | None:
        heard, chain = self._words.hyp(), self._phones.hyp()
        if heard is None or chain is None or not self._grammar.accepts(tuple(heard.hypstr.split())):
            return None  # nothing, or the beginning of a sentence: pocketsphinx gives its best guess all the same
        like = likeness(_segments(self._words), _segments(self._phones), self._pronunciations)
        return Hypothesis(heard.hypstr, like.confidence) if like else None

    def _start(self) -> None:
        self._words.start_utt()
        self._phones.start_utt()

    def _process(self, sound: bytes) -> None:
        self._words.process_raw(sound)
        self._phones.process_raw(sound)

    def _stop(self) -> None:
        self._words.end_utt()
        self._phones.end_utt()


def _decoder(dictionary: Path) -> Any:
    """US English; without the search for the best path through the lattice, which takes 131 ms at the end."""
    return Decoder(
        hmm=get_model_path("en-us/en-us"),
        dict=str(dictionary),
        bestpath=False,
        wip=_WORD_PENALTY,
        pip=_PHONE_PENALTY,
        cmninit=_EXPECTED_MEANS,
        loglevel="FATAL",
    )


def _loudness(decoder: Any) -> float:
    """The mean that the decoder expects of the first cepstral coefficient: the level of speech, on a log scale."""
    return float(decoder.get_cmn(False).split(",")[0])


def _segments(decoder: Any) -> list[Segment]:
    return [
        Segment(each.word, each.start_frame, each.end_frame, math.log(each.ascore))
        for each in decoder.seg()
        if each.start_frame >= 0 and each.word != "(NULL)" and each.ascore > 0
    ]
