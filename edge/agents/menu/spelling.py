"""Words: how they are compared, and which word of the menu a misspelled one may be. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"\w+")
# What is heard alike is often written alike: of each pair the first is read as the second.
_SOUNDS = (
    ("sch", "sh"), ("tsch", "sh"), ("ph", "f"), ("ck", "k"), ("qu", "k"), ("gn", "n"), ("kn", "n"), ("wh", "w"),
    ("th", "t"), ("gh", "g"), ("rh", "r"), ("ai", "a"), ("ea", "e"), ("ee", "i"), ("ey", "i"), ("ou", "o"),
    ("oo", "u"), ("ie", "i"), ("eau", "o"), ("c", "k"), ("q", "k"), ("z", "s"), ("x", "ks"), ("y", "i"), ("v", "f"),
)  # fmt: skip
_DOUBLE = re.compile(r"(.)\1+")


def words(text: str) -> list[str]:
    """The words of `text`: lower case, no accents, apostrophes closed up; "Jalapeño's" is "jalapenos"."""
    parts = unicodedata.normalize("NFKD", text.casefold().replace("'", "").replace("’", ""))
    return _WORD.findall("".join(each for each in parts if not unicodedata.combining(each)))


def stem(word: str) -> str:
    """`word` without an English plural ending: fries is fry, sandwiches sandwich, wings wing."""
    if len(word) <= 3 or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes", "oes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") else word


def forms(word: str) -> set[str]:
    """The word and its stem."""
    return {word, stem(word)}


def label(text: str) -> str:
    """A tag's or diet's name, however it was written: "Gluten Free" is "gluten-free"."""
    return "-".join(words(text))


@lru_cache(maxsize=20_000)
def sound(word: str) -> str:
    """Roughly how `word` sounds: "scampy" and "scampi" are the same, "stake" and "steak".

    Vowels after the first letter count alike, and an e at the end not at all: they are what people get wrong most.
    """
    for written, heard in _SOUNDS:
        word = word.replace(written, heard)
    word = _DOUBLE.sub(r"\1", word)
    word = word[:-1] if len(word) > 3 and word.endswith("e") else word
    return word[:1] + _DOUBLE.sub(r"\1", re.sub("[aeiou]", "a", word[1:]))


def edits(one: str, other: str, limit: int) -> int:
    """How many letters to change, add, drop or swap with the next; `limit + 1` for more than `limit`."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    two_back: list[int] = []
    back = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        row = [i]
        for j, right in enumerate(other, 1):
            cost = min(back[j] + 1, row[-1] + 1, back[j - 1] + (left != right))
            if i > 1 and j > 1 and (left, right) == (other[j - 2], one[i - 2]):
                cost = min(cost, two_back[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        two_back, back = back, row
    return min(back[-1], limit + 1)


def most_edits(word: str) -> int:
    """How many wrong letters are forgiven: none in short words, one from 4 letters on, two from 6, three from 10."""
    return (len(word) >= 4) + (len(word) >= 6) + (len(word) >= 10)


def trigrams(word: str) -> set[str]:
    """The word's pieces of three letters, its begin and end among them: what the index of spellings is asked for."""
    padded = padding(word)
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


def padding(word: str) -> str:
    """The word as it is in the index of spellings."""
    return f"  {word} "
