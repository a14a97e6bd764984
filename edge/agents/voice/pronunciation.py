"""How each word of the grammar is pronounced. A word without a pronunciation keeps the decoder from starting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pocketsphinx

from edge.agents.voice.letters import continental, english
from edge.agents.voice.words import plain, words

Phones = tuple[str, ...]

ARPABET: Final = frozenset(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()
)
_HISSING: Final = frozenset("S Z SH ZH CH JH".split())
_VOICELESS: Final = frozenset("P T K F TH".split())


# Menu words that the dictionary has wrongly; said so besides.
_AMENDMENTS: Final = {"vegan": ("V", "IY", "G", "AH", "N")}


class Unpronounceable(ValueError):
    """A word, or the hint for it, has nothing that can be said."""


class Lexicon:
    """Pronunciations from hints, from the dictionary that pocketsphinx brings, and by rule, in that order.

    Args:
        sounds_like: hints for words that rules get wrong, as `Vocabulary.sounds_like` describes.
    """

    def __init__(self, sounds_like: Mapping[str, str] | None = None) -> None:
        self._hints = {plain(key): hint for text, hint in (sounds_like or {}).items() for key in words(text)}

    def pronunciations(self, spelled: Iterable[str]) -> dict[str, list[Phones]]:
        """Every pronunciation of each word, keyed by the word without accents.

        Raises:
            Unpronounceable: a word or a hint has nothing to say.
        """
        originals = {key: word for word in spelled if (key := plain(word))}
        hint_words = {key: words(hint) for key, hint in self._hints.items()}
        asked = {*originals, *(plain(word) for hint in hint_words.values() for word in hint)}
        known = _dictionary(asked | {key.removesuffix("s") for key in asked})
        return {key: list(dict.fromkeys(self._all_of(key, word, known))) for key, word in originals.items()}

    def _all_of(self, key: str, word: str, known: Mapping[str, list[Phones]]) -> Iterator[Phones]:
        hint_of_singular = self._hints.get(key.removesuffix("s")) if key.endswith("s") else None
        if hint := self._hints.get(key):
            yield _hinted(key, hint, known)
        elif hint_of_singular is not None:
            yield _with_s(_hinted(key, hint_of_singular, known))
        elif key in known:
            yield from known[key]
            if key in _AMENDMENTS:
                yield _AMENDMENTS[key]
        elif key.endswith("s") and key.removesuffix("s") in known:
            for phones in known[key.removesuffix("s")]:
                yield _with_s(phones)
        elif key.endswith("s") and not key.endswith("ss") and len(key) > 3:
            for phones in _by_rule(word.removesuffix("s")):
                yield _with_s(phones)
        else:
            yield from _by_rule(word)


def _hinted(key: str, hint: str, known: Mapping[str, list[Phones]]) -> Phones:
    """The phones of a hint: ARPAbet where it is all capitals, other words otherwise."""
    parts = hint.split()
    if parts and all(part.rstrip("012") in ARPABET for part in parts):
        return tuple(part.rstrip("012") for part in parts)
    phones: list[str] = []
    for word in words(hint):
        phones += known[plain(word)][0] if plain(word) in known else _by_rule(word)[0]
    if not phones:
        raise Unpronounceable(f"nothing in {hint!r}, the hint for {key!r}, can be pronounced")
    return tuple(phones)


def _by_rule(word: str) -> list[Phones]:
    readings = [phones for phones in (english(word), continental(word)) if phones]
    if not readings:
        raise Unpronounceable(f"{word!r} can't be pronounced; give it a hint under sounds_like")
    return readings


def _with_s(phones: Phones) -> Phones:
    """The plural or possessive of a noun's pronunciation."""
    if phones[-1] in _HISSING:
        return (*phones, "IH", "Z")
    return (*phones, "S" if phones[-1] in _VOICELESS else "Z")


def _dictionary(wanted: set[str]) -> dict[str, list[Phones]]:
    """The wanted words' lines of the US English dictionary (134,860 lines), alternatives in its order."""
    path = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))
    found: dict[str, list[Phones]] = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            head, _, phones = line.partition(" ")
            word = head.partition("(")[0]
            if word in wanted:
                found.setdefault(word, []).append(tuple(phones.split()))
    return found


def dictionary_text(pronunciations: Mapping[str, list[Phones]]) -> str:
    """The pronunciations as a pocketsphinx dictionary."""
    lines = []
    for word, alternatives in sorted(pronunciations.items()):
        for index, phones in enumerate(alternatives, start=1):
            lines.append(f"{word if index == 1 else f'{word}({index})'} {' '.join(phones)}")
    return "\n".join(lines) + "\n"
