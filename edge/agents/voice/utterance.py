"""Cutting sound into utterances: a pure state machine over each chunk's probability of speech."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np

from drivers.microphone import CHUNK_SAMPLES, RATE_HZ
from edge.agents.voice.activity import Samples

CHUNK_S: Final = CHUNK_SAMPLES / RATE_HZ


@dataclass(frozen=True)
class Onset:
    """Somebody began to speak; `samples` start a little before that, so that no first consonant is lost."""

    samples: Samples


@dataclass(frozen=True)
class Speech:
    """More of the utterance."""

    samples: Samples


@dataclass(frozen=True)
class End:
    """The utterance is over. `speech_s` is how much of it the model took for speech.

    `complete` is false where it was too short to be a word, or was cut because it never stopped: not to be obeyed.
    """

    speech_s: float
    complete: bool


class Segmenter:
    """Finds utterances in a stream of chunks.

    Args:
        enter: the probability from which a chunk counts as speech while nobody speaks.
        leave: the probability below which it counts as silence while somebody does.
        onset_s: this much speech in a row begins an utterance.
        hangover_s: this much silence in a row ends it; people pause for breath and thought.
        pre_roll_s: this much sound from before the onset belongs to it.
        least_s: an utterance with less speech than this is a cough or a knock.
        longest_s: an utterance that lasts longer than this is no order.
    """

    def __init__(
        self,
        *,
        enter: float = 0.5,
        leave: float = 0.35,
        onset_s: float = 0.096,
        hangover_s: float = 0.6,
        pre_roll_s: float = 0.3,
        least_s: float = 0.16,
        longest_s: float = 12.0,
    ) -> None:
        self.enter = enter
        self.leave = leave
        self._onset_chunks = max(1, round(onset_s / CHUNK_S))
        self._hangover_chunks = max(1, round(hangover_s / CHUNK_S))
        self._least_s = least_s
        self._longest_chunks = round(longest_s / CHUNK_S)
        self._recent: deque[Samples] = deque(maxlen=round(pre_roll_s / CHUNK_S) + self._onset_chunks)
        self._speaking = False
        self._voiced = self._length = self._silent = 0  # chunks, of the running utterance or onset

    @property
    def speaking(self) -> bool:
        """Whether an utterance is going on."""
        return self._speaking

    def reset(self) -> None:
        """Forget the sound so far; an utterance that was going on never ends."""
        self._speaking = False
        self._recent.clear()
        self._begin(0)

    def hear(self, samples: Samples, probability: float) -> Onset | Speech | End | None:
        """Take in the next chunk and its probability of speech.

        The last chunk of an utterance is silence, so nothing of it comes with `End`.
        """
        if not self._speaking:
            self._recent.append(samples)
            self._voiced = self._voiced + 1 if probability >= self.enter else 0
            if self._voiced < self._onset_chunks:
                return None
            self._speaking = True
            self._begin(self._voiced)
            onset = Onset(np.concatenate(self._recent))
            self._recent.clear()
            return onset
        self._length += 1
        if probability >= self.leave:
            self._silent = 0
            self._voiced += 1
        else:
            self._silent += 1
        if self._silent >= self._hangover_chunks:
            speech_s = self._voiced * CHUNK_S
            return self._ended(End(speech_s, complete=speech_s >= self._least_s))
        if self._length >= self._longest_chunks:
            return self._ended(End(self._voiced * CHUNK_S, complete=False))
        return Speech(samples)

    def _begin(self, voiced: int) -> None:
        self._voiced = voiced
        self._length = voiced
        self._silent = 0

    def _ended(self, end: End) -> End:
        self._speaking = False
        self._begin(0)
        return end
