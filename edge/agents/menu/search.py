"""Finding dishes by words, tags, diets, allergens and price, in the menu's FTS5 index.

How a query is read:

- Words are compared without case, accents and plural endings; words of the menu's ignore list are left out.
- A word that names a diet of the menu ("vegan", "gluten free"), by itself or by a synonym, becomes a
  condition like those of `diets`: a dish that isn't marked with it is never shown. So does one that is
  misspelled. "Without nuts" and "no gluten" are conditions too, and so is "under 10".
- All conditions must hold.
- Each other word is looked for in a dish's name, its other names (spoken, and in other languages), tags,
  category and description: as it is, as a synonym's word, or (from 3 letters on, unless it has synonyms) as the
  beginning of a word. Two words that are one on the menu ("cheese cake") are looked for as one.
- Typing errors are forgiven only in a word that is found nowhere on the menu: one wrong, missing, additional
  or swapped letter in words of 4 letters and more, two from 6, three from 10 on, and one more where the words
  sound alike.
- The first 50 words count.

What is found: of the dishes that meet the conditions, those that have the most of the query's words, and at
least one. So "large volcano burger" is the Volcano Burger, and "sushi" is nothing. A query without words (or
with none but diets) finds all that meet the conditions.

The order: by the sum over the words of where the word was found (name 4, other name 3, tag or category 2,
description 1) times how (as it is 1, synonym 0.9, beginning 0.7, typing error 0.5 and less), a little more for
a name that has little else in it, much more for a dish that is called exactly so; then dishes that are
available, then those tagged popular, then the file's order.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from edge.agents.menu.catalogue import Dish
from edge.agents.menu.shelf import Shelf
from edge.agents.menu.spelling import edits, forms, label, most_edits, sound, stem, trigrams, words
from edge.contract.menu import allergens_meant
from edge.contract.money import Money

_WORTH = {"name": 4.0, "spoken": 3.0, "labels": 2.0, "description": 1.0}
_AS_IS, _BY_SYNONYM, _BY_BEGINNING, _BY_TYPO, _APART = 1.0, 0.9, 0.7, 0.5, 0.4
_CALLED, _LITTLE_ELSE = 10.0, 0.5
_LEAST_BEGINNING = 3  # letters
_MOST_WORDS = 50
_MOST_SPELLINGS = 40  # words of the index that are looked at for a misspelled one
_PRICE = re.compile(
    r"\b(?:under|below|less than|cheaper than|up to|at most|no more than|max(?:imum)?)\s*"
    r"[^\w\s]?\s*(\d{1,5}(?:[.,]\d{1,2})?)\s*(?:dollars?|euros?|pounds?|bucks)?",
    re.IGNORECASE,
)
_WITHOUT = frozenset(("without", "no", "not"))


@dataclass(frozen=True)
class Conditions:
    """What a dish must be: `tags`, `diets` it has, `allergens` it hasn't, its price."""

    tags: frozenset[str] = frozenset()
    diets: frozenset[str] = frozenset()
    allergens: frozenset[str] = frozenset()
    at_least: Money | None = None
    at_most: Money | None = None


@dataclass(frozen=True)
class _Meaning:
    """What a word of the query may stand for, and how well each; `beginning` may begin other words."""

    stands_for: dict[str, float]
    beginning: str = ""


@dataclass
class _Query:
    """A query, read: conditions that must hold, words to find, words of diets that are good to find as well."""

    text: str
    diets: set[str] = field(default_factory=set)
    allergens: set[str] = field(default_factory=set)
    at_most: Money | None = None
    to_find: list[_Meaning] = field(default_factory=list)
    good_to_find: list[_Meaning] = field(default_factory=list)


class Finder:
    """Searches the menu on a shelf; follows the shelf when its menu changes."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._revision = -1
        self._follow()

    def find(
        self,
        query: str = "",
        tags: Iterable[str] = (),
        diets: Iterable[str] = (),
        *,
        allergens: Iterable[str] = (),
        at_least: Money | None = None,
        at_most: Money | None = None,
    ) -> list[Dish]:
        """The dishes that match, best first; the module's text says what matches and what is best.

        `allergens` are those that a dish must not have; `at_least` and `at_most` its price.
        """
        self._follow()
        must = Conditions(
            frozenset(label(tag) for tag in tags),
            frozenset(label(diet) for diet in diets),
            allergens_meant(allergens),
            at_least,
            at_most,
        )
        with self._shelf.reading():
            return self._find(self._read(query), must)

    def _find(self, asked: _Query, must: Conditions) -> list[Dish]:
        cheapest = [each for each in (must.at_most, asked.at_most) if each is not None]
        # A new menu may come onto the shelf meanwhile: what isn't in the one that was taken over is left out.
        allowed = self._allowed(
            replace(
                must,
                diets=must.diets | asked.diets,
                allergens=must.allergens | asked.allergens,
                at_most=min(cheapest, default=None),
            )
        )
        scores: dict[int, list[float]] = {}
        for meaning in asked.to_find:
            for dish, score in self._found(meaning).items():
                if dish in allowed:
                    scores.setdefault(dish, []).append(score)
        if not asked.to_find:
            scores = {dish: [] for dish in allowed}
        most = max(map(len, scores.values()), default=0)
        best = {dish: sum(found) for dish, found in scores.items() if len(found) == most}
        for meaning in asked.good_to_find:
            for dish, score in self._found(meaning).items():
                if dish in best:
                    best[dish] += score
        if most:
            for dish in best:
                best[dish] += _LITTLE_ELSE * min(1.0, most / self._name_lengths[dish])
        for (dish,) in self._shelf.rows("SELECT dish FROM called WHERE text = ?", (asked.text,)):
            if dish in best:
                best[dish] += _CALLED
        return [self._dishes[dish] for dish in sorted(best, key=lambda dish: (-best[dish], *self._standing[dish]))]

    def _follow(self) -> None:
        """Take over what depends on the menu, if it has changed."""
        if self._revision == self._shelf.revision:
            return
        self._revision = self._shelf.revision
        menu = self._shelf.menu
        self._dishes = {dish.id: dish for dish in menu.dishes}
        self._standing = {
            dish.id: (not dish.available, "popular" not in dish.tags, place) for place, dish in enumerate(menu.dishes)
        }
        self._name_lengths = {dish.id: max(1, len(words(dish.name))) for dish in menu.dishes}
        self._ignored = {word for each in menu.search.ignore for word in words(each)}
        self._diets = {label(diet) for diet in menu.diets}
        self._allergens = {label(allergen) for dish in menu.dishes for allergen in dish.allergens}
        self._synonyms = {
            stem(word): meanings for each, meanings in menu.search.synonyms.items() for word in words(each)
        }
        self._vocabulary = [term for (term,) in self._shelf.rows("SELECT term FROM vocabulary ORDER BY term")]
        self._known_words = frozenset(self._vocabulary)
        self._spellings: dict[str, dict[str, float]] = {}

    # -- conditions ---------------------------------------------------------------------------------------

    def _allowed(self, must: Conditions) -> set[int]:
        """The ids of the dishes that meet all conditions."""
        tests, values = ["1"], list[object]()
        for kind, labels in (("tag", must.tags), ("diet", must.diets)):
            for each in sorted(labels):
                tests.append("id IN (SELECT dish FROM label WHERE kind = ? AND label = ?)")
                values += [kind, each]
        for each in sorted(must.allergens):
            tests.append("id NOT IN (SELECT dish FROM label WHERE kind = 'allergen' AND label = ?)")
            values.append(each)
        for test, amount in (("price >= ?", must.at_least), ("price <= ?", must.at_most)):
            if amount is not None:
                tests.append(test)
                values.append(amount.minor)
        if len(tests) == 1:
            return set(self._dishes)
        found = self._shelf.rows(f"SELECT id FROM dish WHERE {' AND '.join(tests)}", values)  # noqa: S608 - our own text
        return {dish for (dish,) in found if dish in self._dishes}

    # -- words --------------------------------------------------------------------------------------------

    def _found(self, meaning: _Meaning) -> dict[int, float]:
        """The ids of the dishes that have the word, and what finding it there is worth."""
        found: dict[int, float] = {}
        if meaning.stands_for:
            marks = ",".join("?" * len(meaning.stands_for))
            statement = f"SELECT doc, col, term FROM word_at WHERE term IN ({marks})"  # noqa: S608 - question marks
            for dish, column, term in self._shelf.rows(statement, meaning.stands_for):
                found[dish] = max(found.get(dish, 0.0), _WORTH[column] * meaning.stands_for[term])
        if meaning.beginning:
            statement = "SELECT doc, col FROM word_at WHERE term >= ? AND term < ?"
            for dish, column in self._shelf.rows(statement, (meaning.beginning, f"{meaning.beginning}\U0010ffff")):
                found[dish] = max(found.get(dish, 0.0), _WORTH[column] * _BY_BEGINNING)
        return found

    def _known(self, *any_of: str, beginning: str = "") -> bool:
        """Whether the menu has one of these words, or one that begins so."""
        if not self._known_words.isdisjoint(any_of):
            return True
        at = bisect_left(self._vocabulary, beginning)
        return bool(beginning and at < len(self._vocabulary) and self._vocabulary[at].startswith(beginning))

    # -- reading ------------------------------------------------------------------------------------------

    def _read(self, query: str) -> _Query:
        read = _Query(" ".join(words(query)))
        if price := _PRICE.search(query):
            read.at_most = Money.of(price[1].replace(",", "."))
            query = query[: price.start()] + " " + query[price.end() :]
        left = [word for word in words(query) if word not in self._ignored or word in _WITHOUT][:_MOST_WORDS]
        while left:
            taken = (
                self._read_without(left, read)
                or self._read_diet(left, read)
                or self._read_joined(left, read)
                or self._read_word(left[0], read)
            )
            left = left[taken:]
        return read

    def _read_without(self, left: list[str], read: _Query) -> int:
        if len(left) < 2 or left[0] not in _WITHOUT:
            return 0
        meant = allergens_meant([left[1]])
        if not meant & self._allergens:
            return 0
        read.allergens |= meant
        return 2

    def _read_diet(self, left: list[str], read: _Query) -> int:
        for length in (2, 1):  # "gluten free" before "gluten"
            if len(left) >= length and (diet := "-".join(left[:length])) in self._diets:
                read.diets.add(diet)
                read.good_to_find += [_Meaning({word: _AS_IS}) for word in left[:length]]
                return length
        return 0

    def _read_joined(self, left: list[str], read: _Query) -> int:
        """Two words that are one on the menu; found apart they count as well, but less."""
        if len(left) < 2 or not self._known(joined := left[0] + left[1]):
            return 0
        apart = {form: _APART for word in left[:2] for form in forms(word)}
        read.to_find.append(_Meaning({**apart, joined: _AS_IS, stem(joined): _AS_IS}))
        return 2

    def _read_word(self, word: str, read: _Query) -> int:
        if word in self._ignored:  # "no" that is no condition
            return 1
        as_is = {word: _AS_IS, stem(word): _AS_IS}
        if stem(word) in self._synonyms:
            self._read_synonym(as_is, self._synonyms[stem(word)], read)
            return 1
        beginning = word if len(word) >= _LEAST_BEGINNING else ""
        if self._known(*as_is, beginning=beginning):
            read.to_find.append(_Meaning(as_is, beginning))
            return 1
        meant = self._meant(word)
        if (likely := next(iter(meant), "")) in self._diets:
            read.diets.add(likely)
        elif stem(likely) in self._synonyms:
            self._read_synonym(meant, self._synonyms[stem(likely)], read, sure=_BY_TYPO)
        elif meant or len(word) > 1:
            read.to_find.append(_Meaning(meant))
        return 1

    def _read_synonym(
        self, as_is: dict[str, float], synonyms: Iterable[str], read: _Query, *, sure: float = 1.0
    ) -> None:
        diets = {label(each) for each in synonyms} & self._diets
        others = {form: _BY_SYNONYM * sure for each in synonyms for part in words(each) for form in forms(part)}
        read.diets |= diets
        (read.good_to_find if diets else read.to_find).append(_Meaning({**others, **as_is}))

    def _meant(self, word: str) -> dict[str, float]:
        """The menu's words that `word` may be a misspelling of, the likeliest first, and how well each fits."""
        if word not in self._spellings:
            self._spellings[word] = self._look_up(word)
            if len(self._spellings) > 1000:
                self._spellings.pop(next(iter(self._spellings)))
        return self._spellings[word]

    def _look_up(self, word: str) -> dict[str, float]:
        limit = most_edits(word)
        if len(word) < 3:
            return {}
        pieces = " OR ".join('"' + piece.replace('"', '""') + '"' for piece in sorted(trigrams(word)))
        near = self._shelf.rows(
            "SELECT word FROM spelling WHERE spelling MATCH ? ORDER BY rank LIMIT ?", (pieces, _MOST_SPELLINGS)
        )
        heard = sound(word)
        likely = []
        for (padded,) in near:
            known = padded.strip()
            alike = sound(known) == heard
            distance = edits(word, known, limit + alike)
            if distance <= limit + alike:
                likely.append((distance - alike - 0.5 * (known[0] == word[0]), known))
        least = min(likely, default=(0.0, ""))[0]
        return {
            known: _BY_TYPO / (1.0 + 0.5 * (distance - least))
            for distance, known in sorted(likely)
            if distance < least + 1
        }
