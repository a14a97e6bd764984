"""The menu's file as types. All that is wrong in it is named with the file, the line and the dish."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from edge.agents.menu.faults import Fault, MenuInvalid, Source, amounts, faults_in
from edge.contract.money import Money

__all__ = ["Category", "Customization", "Dish", "DishUnknown", "Menu", "MenuInvalid", "SearchWords"]

Text = Annotated[str, msgspec.Meta(min_length=1)]
Word = Annotated[str, msgspec.Meta(pattern=r"^[^\sA-Z]+$", description="one word, in lower case")]
Language = Annotated[str, msgspec.Meta(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$", description='such as "de" or "pt-BR"')]
Category = Literal["mains", "drinks", "sides", "desserts"]

# What a diet promises about allergens. A diet that isn't here is taken at its word.
_NEVER_IN: Mapping[str, frozenset[str]] = {
    "vegan": frozenset({"dairy", "egg", "fish", "shellfish"}),
    "vegetarian": frozenset({"fish", "shellfish"}),
    "gluten-free": frozenset({"gluten"}),
    "dairy-free": frozenset({"dairy"}),
    "egg-free": frozenset({"egg"}),
    "nut-free": frozenset({"nuts", "peanuts"}),
}


class DishUnknown(LookupError):
    """The menu has no dish of that id."""


class Customization(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A way to have a dish, and what it adds to the price."""

    name: Text
    price: Money


class Dish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One dish, as `[[dish]]` of the file.

    `stock` is how many can still be sold; `also_called` are other names people use for it, for the voice agent;
    `pairs_with` are ids of dishes that go well with it, for suggestions; `names` is what it is called in other
    languages.
    """

    id: Annotated[int, msgspec.Meta(ge=1)]
    name: Text
    description: Text
    category: Category
    price: Money
    image: Annotated[str, msgspec.Meta(pattern=r"^/img/[a-z0-9-]+\.[a-z]+$")]
    calories: Annotated[int, msgspec.Meta(ge=0)]
    allergens: list[Word]
    diets: list[Word]
    tags: list[Word]
    customizations: list[Customization] = []
    stock: Annotated[int, msgspec.Meta(ge=0)] | Literal["unlimited"] = "unlimited"
    also_called: list[Text] = []
    pairs_with: list[int] = []
    names: dict[Language, Text] = {}

    def name_in(self, language: str | None) -> str:
        """Its name in `language` ("de", "de-AT"), or in the nearest that the menu has: at last its `name`."""
        wanted = language or ""
        return self.names.get(wanted) or self.names.get(wanted.partition("-")[0]) or self.name

    @property
    def left(self) -> int | None:
        """How many can still be sold; None where that isn't counted."""
        return None if self.stock == "unlimited" else self.stock

    @property
    def available(self) -> bool:
        """Whether it can be ordered."""
        return self.stock == "unlimited" or self.stock > 0


class SearchWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file's `[search]`: words that say nothing, and what a customer's words may stand for."""

    ignore: list[Word] = []
    synonyms: dict[Word, list[Word]] = {}


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the file says beside its dishes."""

    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    dish: list[Any]
    search: SearchWords = SearchWords()
    pronounced: dict[Word, Text] = {}


class Menu:
    """Everything that can be ordered: `dishes` in the file's order, all priced in `currency` (ISO 4217).

    `pronounced` spells words that are said otherwise than they are written, for the voice agent.
    """

    def __init__(
        self,
        dishes: list[Dish],
        currency: str,
        search: SearchWords | None = None,
        pronounced: Mapping[str, str] | None = None,
    ) -> None:
        self.pronounced = pronounced or {}
        self.dishes = tuple(dishes)
        self.currency = currency
        self.search = search or SearchWords()
        self._by_id = {dish.id: dish for dish in dishes}

    @classmethod
    def load(cls, path: Path | None = None) -> Menu:
        """Read the menu at `path`, by default the one that ships with this package.

        Raises:
            MenuInvalid: it can't be read; a key is unknown, missing or wrong; dishes contradict each other.
        """
        where = str(path) if path else "menu.toml"
        try:
            source = path or files("edge.agents.menu").joinpath("menu.toml")
            text = source.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MenuInvalid(f"{where}: {error}") from error
        return cls.parse(text, where)

    @classmethod
    def parse(cls, text: str, where: str = "menu.toml") -> Menu:
        """Read a menu's TOML; `where` names it in errors.

        Raises:
            MenuInvalid: as for `load`.
        """
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:  # its text has the line
            raise MenuInvalid(f"{where}: {error}") from error
        source = Source(where, text)
        raw = document.get("dish")
        raw = raw if isinstance(raw, list) else []
        faults = [source.told(fault, None) for fault in faults_in(document, _Head)]
        sound = []
        for number, each in enumerate(raw):
            wrong = [source.told(fault, number, _called(each, number)) for fault in faults_in(each, Dish)]
            faults += wrong
            if not wrong:
                sound.append((number, msgspec.convert(each, Dish, dec_hook=amounts)))
        ids = {each["id"] for each in raw if isinstance(each, dict) and isinstance(each.get("id"), int)}
        for number, fault in contradictions(sound, ids):
            faults.append(source.told(fault, number, _called(raw[number], number)))
        if faults:
            raise MenuInvalid(*faults)
        head = msgspec.convert(document, _Head, dec_hook=amounts)
        return cls([dish for _, dish in sound], head.currency, head.search, head.pronounced)

    def dish(self, item_id: int) -> Dish:
        """The dish with the id `item_id`.

        Raises:
            DishUnknown: there is none; the text names the id.
        """
        try:
            return self._by_id[item_id]
        except KeyError:
            raise DishUnknown(f"the menu has no item {item_id}") from None

    @property
    def diets(self) -> frozenset[str]:
        """Every diet that some dish is marked with."""
        return frozenset(diet for dish in self.dishes for diet in dish.diets)


def contradictions(dishes: list[tuple[int, Dish]], ids: set[int]) -> Iterator[tuple[int, Fault]]:
    """What types can't say, of dishes with their numbers in the file; `ids` are those of all dishes there."""
    seen_ids: set[int] = set()
    seen_names: set[str] = set()
    for number, dish in dishes:
        if dish.id in seen_ids:
            yield number, Fault("id", f"a second dish has the `id` {dish.id}")
        if dish.name.casefold() in seen_names:
            yield number, Fault("name", f"a second dish has the `name` {dish.name!r}")
        seen_ids.add(dish.id)
        seen_names.add(dish.name.casefold())
        yield from ((number, fault) for fault in _of_one(dish, ids))


def _of_one(dish: Dish, ids: set[int]) -> Iterator[Fault]:
    for other in dish.pairs_with:
        if other not in ids or other == dish.id:
            yield Fault("pairs_with", f"`pairs_with` names {other}, which is no other dish")
    names = [each.name.casefold() for each in dish.customizations]
    if len(set(names)) < len(names):
        yield Fault("customizations", "`customizations` have a name twice")
    for diet in dish.diets:
        for allergen in sorted(_NEVER_IN.get(diet, frozenset()) & set(dish.allergens)):
            yield Fault("diets", f"`diets` say {diet} and `allergens` say {allergen}")
    if "vegan" in dish.diets and "vegetarian" not in dish.diets:
        yield Fault("diets", "`diets` say vegan without vegetarian")


def _called(dish: object, number: int) -> str:
    fields = dish if isinstance(dish, dict) else {}
    words = [str(fields[key]) for key in ("id", "name") if key in fields]
    return f"dish {' '.join(words) or f'number {number + 1}'}: "
