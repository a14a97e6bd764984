"""How like its words a sound was: what a grammar decoder can't say of itself, for it hears a command in anything.

A second decoder hears the same sound as a chain of phones, bound to no words. Where the words are right it does little
better than they do, and its chain reads much like their pronunciation; where they are not, it does far better and
reads otherwise. Three numbers say how much; a logistic regression over 471 hypotheses weighs them (kiosk sentences in
four synthetic voices at 20 and 10 dB of pink noise, against 100 unrelated sentences and real people's chatter; five
folds). Real people who say what the grammar has fit far better than synthetic voices do: see `benchmarks/`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from edge.agents.voice.pronunciation import ARPABET, Phones


@dataclass(frozen=True)
class Segment:
    """A word or phone and the frames of 10 ms it was heard in, `start` to `end` inclusive.

    `score` is the natural logarithm of its acoustic score as pocketsphinx gives it, 0 or less but for rounding.
    """

    name: str
    start: int
    end: int
    score: float

    @property
    def frames(self) -> int:
        """How long it is, in frames."""
        return self.end - self.start + 1


@dataclass(frozen=True)
class Likeness:
    """How much worse the words fit the sound than free phones do.

    `mean_gap` and `worst_gap` are in the score's unit a frame, over all words and for the worst of them; `misread` is
    the edit distance from the words' phones to those that were heard, for each phone and two more.
    """

    mean_gap: float
    worst_gap: float
    misread: float

    @property
    def confidence(self) -> float:
        """From 0 to 1; at 0.5, one in fifty unrelated sentences passed and nine in ten commands did, said clearly."""
        doubt = 1450 * self.mean_gap + 700 * self.worst_gap + 6.5 * self.misread - 13.8
        return 1 / (1 + math.exp(min(doubt, 50.0)))


def likeness(
    words: Sequence[Segment], chain: Sequence[Segment], pronunciations: Mapping[str, Sequence[Phones]]
) -> Likeness | None:
    """Compare what was heard as words with what was heard as phones, in one utterance.

    Names of words may carry the number of their pronunciation, as in ``a(2)``; what is no word is left out, and so is
    what is no phone. None if there is no word at all.
    """
    free = [0.0]
    for frame in _by_frame(chain):
        free.append(free[-1] + frame)  # so that a word's share is one difference
    expected: list[str] = []
    gaps: list[float] = []
    lengths: list[int] = []
    for segment in words:
        name, _, number = segment.name.partition("(")
        if name not in pronunciations:
            continue
        expected += pronunciations[name][int(number.removesuffix(")")) - 1 if number else 0]
        start, end = min(segment.start, len(free) - 1), min(segment.end + 1, len(free) - 1)
        gaps.append((free[end] - free[start] - segment.score) / segment.frames)
        lengths.append(segment.frames)
    if not gaps:
        return None
    heard = [segment.name for segment in chain if segment.name in ARPABET]
    return Likeness(
        mean_gap=sum(gap * length for gap, length in zip(gaps, lengths, strict=True)) / sum(lengths),
        worst_gap=max(gaps),
        misread=edit_distance(expected, heard) / (len(expected) + 2),
    )


def edit_distance(expected: Sequence[str], heard: Sequence[str]) -> int:
    """How many phones must be added, dropped or changed to make one sequence the other."""
    row = list(range(len(heard) + 1))
    for number, phone in enumerate(expected, start=1):
        above, row = row, [number]
        for (diagonal, up), other in zip(pairwise(above), heard, strict=True):
            row.append(min(up + 1, row[-1] + 1, diagonal + (phone != other)))
    return row[-1]


def _by_frame(segments: Sequence[Segment]) -> list[float]:
    """The score of each frame, each segment's shared out evenly."""
    scores: list[float] = []
    for segment in segments:
        scores += [segment.score / segment.frames] * segment.frames
    return scores
