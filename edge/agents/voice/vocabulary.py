"""What may be ordered here, as far as the voice agent needs to know it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from edge.agents.voice.words import plural, tokens

Phrase = tuple[str, ...]
"""Words as `tokens` gives them."""


@dataclass(frozen=True)
class Dish:
    """One thing to order; `aliases` are what else people call it ("coke")."""

    item_id: int
    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """The menu's words. Whoever composes the kiosk fills it from the menu file.

    `categories` are what people ask for in general, in the singular ("burger", "drink"); `modifiers` are what can be
    asked for with a dish, as the menu writes it ("Extra Cheese", "No Onions"); `tags` are properties ("spicy",
    "vegetarian", "gluten free"). `sounds_like` gives the pronunciation of words that a reader of English would get
    wrong, in other words ("quesadilla": "kay sah dee ya") or in ARPAbet ("K EY S AH D IY AH").
    """

    dishes: tuple[Dish, ...]
    modifiers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    sounds_like: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def dish_phrases(self) -> dict[Phrase, Dish]:
        """Every way to name one dish: names, aliases, their plurals, and last words that only one dish has.

        "Colas" alone is the Iced Cola where no other dish ends in cola; "burger" is none where two are burgers,
        or where it is a category.
        """
        found: dict[Phrase, Dish] = {}
        for dish in self.dishes:
            for name in (dish.name, *dish.aliases):
                for phrase in singular_and_plural(tokens(name)):
                    found.setdefault(phrase, dish)
        for phrase, dishes in self._last_words().items():
            if len(dishes) == 1 and phrase not in self._category_phrases:
                for form in singular_and_plural(phrase):
                    found.setdefault(form, dishes[0])
        found.pop((), None)
        return found

    @cached_property
    def kind_phrases(self) -> dict[Phrase, str]:
        """Every way to name several dishes at once: categories, and last words that several dishes share."""
        found = dict(self._category_phrases)
        for phrase, dishes in self._last_words().items():
            if len(dishes) > 1:
                for form in singular_and_plural(phrase):
                    found.setdefault(form, " ".join(phrase))
        for phrase in self.dish_phrases:
            found.pop(phrase, None)
        return found

    @cached_property
    def modifier_phrases(self) -> dict[Phrase, str]:
        """Every way to say a modifier; "without onions" is "No Onions"."""
        found: dict[Phrase, str] = {}
        for modifier in self.modifiers:
            phrase = tokens(modifier)
            if not phrase:
                continue
            found[phrase] = modifier
            if phrase[0] == "no" and len(phrase) > 1:
                found[("without", *phrase[1:])] = modifier
        return found

    @cached_property
    def tag_phrases(self) -> dict[Phrase, str]:
        """Every way to say a tag."""
        return {phrase: tag for tag in self.tags if (phrase := tokens(tag))}

    @cached_property
    def _category_phrases(self) -> dict[Phrase, str]:
        return {
            form: category
            for category in self.categories
            if (phrase := tokens(category))
            for form in singular_and_plural(phrase)
        }

    def _last_words(self) -> dict[Phrase, list[Dish]]:
        """The last word of every name of several words, with the dishes it could mean."""
        count: dict[Phrase, list[Dish]] = {}
        for dish in self.dishes:
            ends = Counter(phrase[-1:] for name in (dish.name, *dish.aliases) if len(phrase := tokens(name)) > 1)
            for end in ends:
                count.setdefault(end, []).append(dish)
        return count


def singular_and_plural(phrase: Phrase) -> tuple[Phrase, ...]:
    """A noun phrase and its plural, once if they are the same."""
    if not phrase:
        return ()
    many = (*phrase[:-1], plural(phrase[-1]))
    return (phrase,) if many == phrase else (phrase, many)
