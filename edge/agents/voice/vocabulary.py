"""What may be ordered here, as far as the voice agent needs to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

from edge.agents.voice.words import plural, tokens

Phrase = tuple[str, ...]
"""Words as `tokens` gives them."""

Change = Literal["more", "less", "other"]

WAYS_TO_SAY: Final[dict[Change, tuple[Phrase, ...]]] = {
    "more": (("extra",), ("with", "extra"), ("with",), ("add",)),
    "less": (("no",), ("without",), ("with", "no")),
    "other": ((), ("with",)),
}
"""What people say before a change: "with" cheese, "without" ice, "with" hot sauce."""


@dataclass(frozen=True)
class Dish:
    """One thing to order; `aliases` are what else people call it ("coke").

    `modifiers` are what can be asked for with it, as the menu writes it ("Extra Cheese", "No Onions").
    """

    item_id: int
    name: str
    aliases: tuple[str, ...] = ()
    modifiers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """The menu's words. Whoever composes the kiosk fills it from the menu file.

    `categories` are what people ask for in general, in the singular ("burger", "drink"); `modifiers` are what can be
    asked for with any dish, besides what each dish has; `tags` are properties ("spicy",
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
    def modifier_phrases(self) -> dict[Phrase, tuple[str, ...]]:
        """Every way to ask for a change, with the modifiers it could mean, the closest to its words first.

        "With chicken" may be one dish's "Add Chicken" and another's "Extra Chicken".
        """
        said: dict[Phrase, list[tuple[bool, str]]] = {}
        for modifier in dict.fromkeys((*self.modifiers, *(each for dish in self.dishes for each in dish.modifiers))):
            written = tokens(modifier)
            how, what = _change(written)
            for lead in WAYS_TO_SAY[how] if what else ():
                phrase = (*lead, *what)
                said.setdefault(phrase, []).append((phrase[-len(written) :] != written, modifier))
        return {phrase: tuple(modifier for _, modifier in sorted(meant)) for phrase, meant in said.items()}

    @cached_property
    def changes(self) -> dict[Change, list[Phrase]]:
        """What can be changed, by how: each of `modifier_phrases` is one of these after one of `WAYS_TO_SAY`."""
        found: dict[Change, list[Phrase]] = {how: [] for how in WAYS_TO_SAY}
        for modifiers in self.modifier_phrases.values():
            for modifier in modifiers:
                how, what = _change(tokens(modifier))
                if what not in found[how]:
                    found[how].append(what)
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
        """The last word of every name of several words, with the dishes it could mean.

        Not of aliases: "soup of the day" would make a dish of "day".
        """
        count: dict[Phrase, list[Dish]] = {}
        for dish in self.dishes:
            phrase = tokens(dish.name)
            if len(phrase) > 1:
                count.setdefault(phrase[-1:], []).append(dish)
        return count


def _change(modifier: Phrase) -> tuple[Change, Phrase]:
    """What kind of change a modifier is, and of what: "Extra Cheese" is more cheese, "No Ice" less ice."""
    if modifier[:1] in (("no",), ("without",)):
        return "less", modifier[1:]
    if modifier[:1] in (("extra",), ("add",)):
        return "more", modifier[1:]
    return "other", modifier


def singular_and_plural(phrase: Phrase) -> tuple[Phrase, ...]:
    """A noun phrase and its plural, once if they are the same."""
    if not phrase:
        return ()
    many = (*phrase[:-1], plural(phrase[-1]))
    return (phrase,) if many == phrase else (phrase, many)
