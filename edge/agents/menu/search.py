"""Finding dishes by words, tags and diets. Pure.

How a query is read:

- Words are compared without case, accents and plural endings; words of the menu's ignore list are left out.
- A word that names a diet of the menu ("vegan", "gluten free"), by itself or by a synonym, becomes a
  condition like those of `diets`: a dish that isn't marked with it is never shown.
- All tags and all diets must hold.
- Each other word is looked for in a dish's name, tags, category and description: as it is, as a synonym's
  word, or (from 3 letters on, unless it has synonyms) as the beginning of a word.
- A query that is one of a dish's spoken names, whole, has all its words in that dish: "brown knee" is the
  Brownie, but "knee" is nothing.
- Typing errors are forgiven only in a word that is found nowhere on the menu: one wrong, missing, additional
  or swapped letter in words of 4 letters and more, two from 8 letters on; the first letter must be right.
- The first 50 words count.

What is found: of the dishes that meet the conditions, those that have the most of the query's words, and at
least one. So "large volcano burger" is the Volcano Burger, and "sushi" is nothing. A query without words (or
with none but diets) finds all that meet the conditions.

The order: by the sum over the words of where the word was found (name 4, spoken name 3, tag or category 2,
description 1) times how (as it is 1, synonym 0.9, beginning 0.7, typing error 0.5); then dishes that are
available, then those tagged popular, then the file's order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from edge.agents.menu.catalogue import Dish, Menu

_IN_NAME, _IN_SPOKEN, _IN_TAGS, _IN_DESCRIPTION = 4.0, 3.0, 2.0, 1.0
_AS_IS, _BY_SYNONYM, _BY_BEGINNING, _BY_TYPO = 1.0, 0.9, 0.7, 0.5
_LEAST_BEGINNING, _LEAST_TYPO, _LEAST_TWO_TYPOS = 3, 4, 8  # letters
_MOST_WORDS = 50
_WORD = re.compile(r"\w+")


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


@dataclass(frozen=True)
class _Indexed:
    """A dish with what each of its words is worth."""

    dish: Dish
    worth: dict[str, float]
    spoken: frozenset[str]
    tags: frozenset[str]
    diets: frozenset[str]

    def scores(self, asked: _Query) -> list[float]:
        """What finding each word of the query in the dish is worth."""
        as_spoken = _IN_SPOKEN if asked.text in self.spoken else 0.0
        return [max(as_spoken, self.score(meaning)) for meaning in asked.to_find]

    def score(self, meaning: _Meaning) -> float:
        """What finding a word of this meaning in the dish is worth; 0 when it isn't in it."""
        best = max((self.worth.get(word, 0.0) * how for word, how in meaning.stands_for.items()), default=0.0)
        if meaning.beginning:
            begun = (worth for word, worth in self.worth.items() if word.startswith(meaning.beginning))
            best = max(best, max(begun, default=0.0) * _BY_BEGINNING)
        return best


@dataclass(frozen=True)
class _Meaning:
    """What a word of the query may stand for, and how well each; `beginning` may begin other words."""

    stands_for: dict[str, float]
    beginning: str = ""


@dataclass
class _Query:
    """A query, read: diets that must hold, words to find, words of diets that are good to find as well."""

    text: str
    diets: set[str] = field(default_factory=set)
    to_find: list[_Meaning] = field(default_factory=list)
    good_to_find: list[_Meaning] = field(default_factory=list)


class Finder:
    """Searches one menu; made once, for the menu's words are indexed then."""

    def __init__(self, menu: Menu) -> None:
        self._ignored = {word for each in menu.search.ignore for word in words(each)}
        self._dishes = [self._index(dish) for dish in menu.dishes]
        self._known = sorted({word for each in self._dishes for word in each.worth})
        self._diets = {_label(diet) for diet in menu.diets}
        self._synonyms = {
            stem(word): meanings for each, meanings in menu.search.synonyms.items() for word in words(each)
        }

    def find(self, query: str = "", tags: Iterable[str] = (), diets: Iterable[str] = ()) -> list[Dish]:
        """The dishes that match, best first; the module's text says what matches and what is best."""
        asked = self._read(query)
        must_tags = {_label(tag) for tag in tags}
        must_diets = {_label(diet) for diet in diets} | asked.diets
        scored = []
        for place, each in enumerate(self._dishes):
            if must_tags <= each.tags and must_diets <= each.diets:
                scores = each.scores(asked)
                bonus = sum(each.score(meaning) for meaning in asked.good_to_find)
                rank = (-sum(scores) - bonus, not each.dish.available, "popular" not in each.tags, place)
                scored.append((sum(score > 0 for score in scores), rank, each.dish))
        most = max((found for found, _, _ in scored), default=0)
        if asked.to_find and most == 0:
            return []
        return [dish for _, _, dish in sorted(one for one in scored if one[0] == most)]

    def _index(self, dish: Dish) -> _Indexed:
        worth: dict[str, float] = {}
        for value, texts in (  # the worthiest place last
            (_IN_DESCRIPTION, [dish.description]),
            (_IN_TAGS, [*dish.tags, dish.category]),
            (_IN_NAME, [dish.name]),
        ):
            for text in texts:
                worth.update({form: value for word in words(text) for form in _forms(word)})
        return _Indexed(
            dish=dish,
            worth=worth,
            spoken=frozenset(" ".join(self._telling(each)) for each in dish.also_called),
            tags=frozenset(_label(tag) for tag in dish.tags),
            diets=frozenset(_label(diet) for diet in dish.diets),
        )

    def _telling(self, text: str) -> list[str]:
        """The words of `text` that say something about a dish."""
        return [word for word in words(text) if word not in self._ignored]

    def _read(self, query: str) -> _Query:
        left = self._telling(query)[:_MOST_WORDS]
        read = _Query(" ".join(left))
        while left:
            for length in (2, 1):  # "gluten free" before "gluten"
                if len(left) >= length and (diet := "-".join(left[:length])) in self._diets:
                    read.diets.add(diet)
                    read.good_to_find += [_Meaning({word: _AS_IS}) for word in left[:length]]
                    left = left[length:]
                    break
            else:
                self._read_word(left.pop(0), read)
        return read

    def _read_word(self, word: str, read: _Query) -> None:
        as_is = {word: _AS_IS, stem(word): _AS_IS}
        synonyms = self._synonyms.get(stem(word))
        if synonyms is not None:
            diets = {_label(each) for each in synonyms} & self._diets
            others = {form: _BY_SYNONYM for each in synonyms for part in words(each) for form in _forms(part)}
            meaning = _Meaning({**others, **as_is})
            read.diets |= diets
            (read.good_to_find if diets else read.to_find).append(meaning)
            return
        beginning = word if len(word) >= _LEAST_BEGINNING else ""
        if any(known in as_is or (beginning and known.startswith(beginning)) for known in self._known):
            read.to_find.append(_Meaning(as_is, beginning))
        else:
            read.to_find.append(_Meaning(dict.fromkeys(self._meant(word), _BY_TYPO)))

    def _meant(self, word: str) -> list[str]:
        """The menu's words that `word` may be a misspelling of: the closest ones."""
        if len(word) < _LEAST_TYPO:
            return []
        limit = 2 if len(word) >= _LEAST_TWO_TYPOS else 1
        near = [(edits(word, known, limit), known) for known in self._known if known[0] == word[0]]
        least = min((distance for distance, _ in near), default=limit + 1)
        return [known for distance, known in near if distance == least <= limit]


def _forms(word: str) -> set[str]:
    return {word, stem(word)}


def _label(text: str) -> str:
    """A tag's or diet's name, however it was written: "Gluten Free" is "gluten-free"."""
    return "-".join(words(text))
