"""Recognition in the menu's own vocabulary: pocketsphinx with a grammar, and a judge of how well it fits.

A grammar decoder hears a sentence of its grammar in anything. So a second decoder, bound to no words at all,
hears the same sound as a chain of phones; how much better its chain fits, per frame of speech, tells a sentence
from a noise. Of 112 kiosk sentences in four synthetic voices, at two noise levels, the right ones were 0.0027 worse
(median; 95 % under 0.0041), 43 unrelated ones and human chatter 0.0045 (75 % over 0.0040). People's voices fit both
decoders better than synthetic ones, so length and rate are judged as well.
"""

from __future__ import annotations

import math
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pocketsphinx import Decoder, get_model_path

from edge.agents.voice.activity import Samples
from edge.agents.voice.grammar import kiosk_grammar
from edge.agents.voice.jsgf import Grammar
from edge.agents.voice.pronunciation import Lexicon, dictionary_text
from edge.agents.voice.vocabulary import Vocabulary

_DOUBTFUL_GAP: Final = 0.0042  # natural logarithm of pocketsphinx's score, per frame of 10 ms; see above
_GAP_SCALE: Final = 0.0005
_FRAME_S: Final = 0.01
# Chatter comes out as long or hurried orders, and as "an wrap", which the grammar allows and nobody says: of the
# seven hypotheses in a minute of it, one breaks none of these.
_WRONG_ARTICLE: Final = re.compile(r"\ban (?![aeiou])")
_MOST_WORDS: Final = 14
_MOST_WORDS_A_SECOND: Final = 7.5
_UNLIKELY: Final = 0.3
_DITHER: Final = 2.0  # standard deviation in steps: digital silence trebles the word error rate
_SEARCH: Final = "kiosk"


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

    Loading takes a third of a second; recognising about a fifth of the sound's own time on one core.

    Raises:
        ValueError, Unpronounceable: the vocabulary has no dish, or a word that can't be pronounced.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        grammar = kiosk_grammar(vocabulary)
        self._grammar = Grammar(grammar)
        words = Lexicon(vocabulary.sounds_like).pronunciations(self._grammar.words)
        with tempfile.TemporaryDirectory() as folder:
            dictionary = Path(folder) / "kiosk.dict"
            dictionary.write_text(dictionary_text(words), encoding="utf-8")
            self._words = _decoder(dictionary)
            self._phones = _decoder(dictionary)
        self._words.add_jsgf_string(_SEARCH, grammar)
        self._words.activate_search(_SEARCH)
        self._phones.add_allphone_file(_SEARCH, None)
        self._phones.activate_search(_SEARCH)
        self._random = np.random.default_rng(0)
        self._hearing = False

    def begin(self) -> None:
        """A new utterance; one that was not ended is forgotten."""
        self.cancel()
        self._words.start_utt()
        self._phones.start_utt()
        self._hearing = True

    def hear(self, samples: Samples) -> None:
        """The next sound of the utterance, 16 kHz mono."""
        dithered = samples + self._random.normal(0, _DITHER, samples.size)
        sound = np.clip(dithered, -(2**15), 2**15 - 1).astype(np.int16).tobytes()
        self._words.process_raw(sound)
        self._phones.process_raw(sound)

    def end(self) -> Hypothesis | None:
        """What the utterance was; None where no sentence of the grammar fits it to the end."""
        if not self._hearing:
            return None
        self._hearing = False
        self._words.end_utt()
        self._phones.end_utt()
        heard, chain = self._words.hyp(), self._phones.hyp()
        if heard is None or chain is None or not self._grammar.accepts(tuple(heard.hypstr.split())):
            return None  # nothing, or the beginning of a sentence: pocketsphinx gives its best guess all the same
        frames = sum(
            segment.end_frame - segment.start_frame + 1
            for segment in self._words.seg()
            if not segment.word.startswith("<")
        )
        if frames == 0 or heard.best_score <= 0 or chain.best_score <= 0:
            return None
        gap = math.log(chain.best_score / heard.best_score) / frames
        confidence = 1 / (1 + math.exp((gap - _DOUBTFUL_GAP) / _GAP_SCALE))
        count = len(heard.hypstr.split())
        hurried = count > _MOST_WORDS or count / (frames * _FRAME_S) > _MOST_WORDS_A_SECOND
        if hurried or _WRONG_ARTICLE.search(heard.hypstr):
            confidence = min(confidence, _UNLIKELY)
        return Hypothesis(heard.hypstr, confidence)

    def cancel(self) -> None:
        """Forget the running utterance."""
        if self._hearing:
            self._hearing = False
            self._words.end_utt()
            self._phones.end_utt()


def _decoder(dictionary: Path) -> Decoder:
    """US English; without the search for the best path through the lattice, which takes 131 ms at the end."""
    return Decoder(hmm=get_model_path("en-us/en-us"), dict=str(dictionary), bestpath=False, loglevel="FATAL")
