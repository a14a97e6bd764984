"""The menu's file as types. What is wrong in it is named with the file, the line and the dish."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from edge.contract.money import Money

T = TypeVar("T")

Text = Annotated[str, msgspec.Meta(min_length=1)]
Word = Annotated[str, msgspec.Meta(pattern=r"^[^\sA-Z]+$", description="one word, in lower case")]
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


class MenuInvalid(ValueError):
    """The menu's file is not what its types say. The text begins with the file and, where known, the line."""


class DishUnknown(LookupError):
    """The menu has no dish of that id."""


class Customization(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A way to have a dish, and what it adds to the price."""

    name: Text
    price: Money


class Dish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One dish, as `[[dish]]` of the file.

    `stock` is how many can still be sold; `also_called` are other names people use for it, for the voice agent;
    `pairs_with` are ids of dishes that go well with it, for suggestions.
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
        source = _Source(where, text)
        head = source.read(document, _Head, None)
        dishes = [source.read(each, Dish, number) for number, each in enumerate(head.dish)]
        for number, fault in _faults(dishes):
            raise source.invalid(fault, number, dishes[number])
        return cls(dishes, head.currency, head.search, head.pronounced)

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


def _faults(dishes: list[Dish]) -> Iterator[tuple[int, str]]:
    """What types can't say: each fault with the number of its dish in the file."""
    ids = {dish.id for dish in dishes}
    seen_ids: set[int] = set()
    seen_names: set[str] = set()
    for number, dish in enumerate(dishes):
        if dish.id in seen_ids:
            yield number, f"a second dish has the `id` {dish.id}"
        if dish.name.casefold() in seen_names:
            yield number, f"a second dish has the `name` {dish.name!r}"
        seen_ids.add(dish.id)
        seen_names.add(dish.name.casefold())
        for other in dish.pairs_with:
            if other not in ids or other == dish.id:
                yield number, f"`pairs_with` names {other}, which is no other dish"
        names = [each.name.casefold() for each in dish.customizations]
        if len(set(names)) < len(names):
            yield number, "`customizations` have a name twice"
        for diet in dish.diets:
            for allergen in sorted(_NEVER_IN.get(diet, frozenset()) & set(dish.allergens)):
                yield number, f"`diets` say {diet} and `allergens` say {allergen}"
        if "vegan" in dish.diets and "vegetarian" not in dish.diets:
            yield number, "`diets` say vegan without vegetarian"


_UNKNOWN_KEY = re.compile(r"unknown field `(?P<key>[^`]*)`")
_MISSING_KEY = re.compile(r"missing required field `(?P<key>[^`]*)`")
_PATH = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_DISH_HEADER = re.compile(r"^\s*\[\[\s*dish\s*\]\]")
_FIRST_KEY = re.compile(r"[A-Za-z_]+")


class _Source:
    """The file's text, to say where in it something is wrong."""

    def __init__(self, where: str, text: str) -> None:
        self._where = where
        self._lines = text.splitlines()
        self._headers = [number for number, line in enumerate(self._lines) if _DISH_HEADER.match(line)]

    def read(self, value: object, wanted: type[T], number: int | None) -> T:
        """`value`, from the dish `number` or from beside the dishes, as `wanted`."""
        try:
            return msgspec.convert(value, type=wanted, dec_hook=_amounts)
        except msgspec.ValidationError as error:
            raise self.invalid(str(error), number, value) from None

    def invalid(self, fault: str, number: int | None, dish: object) -> MenuInvalid:
        """The error about `fault`, with all that is known of the place."""
        found = _PATH.match(fault)
        what, path = (found["what"], found["path"] or "") if found else (fault, "")
        path = path.removeprefix("$").removeprefix(".")
        unknown, missing = _UNKNOWN_KEY.search(what), _MISSING_KEY.search(what)
        inside = f" in `{path}`" if path else ""
        if unknown:
            what = f"unknown key `{unknown['key']}`{inside}"
        elif missing:
            what = f"key `{missing['key']}` is missing{inside}"
        elif path:
            what = f"`{path}`: {what[:1].lower()}{what[1:]}"
        key = _FIRST_KEY.search(path or what.partition("`")[2])
        line = self._line(number, key[0] if key else "")
        place = f"{self._where}:{line}" if line else self._where
        return MenuInvalid(f"{place}: {_called(dish, number)}{what}")

    def _line(self, number: int | None, key: str) -> int | None:
        """The line, from 1, of `key` in the dish `number`; failing that, where the dish begins."""
        if number is None:
            first, last = 0, self._headers[0] if self._headers else len(self._lines)
        elif number < len(self._headers):
            first, last = self._headers[number], [*self._headers, len(self._lines)][number + 1]
        else:  # the dishes aren't written as [[dish]]
            return None
        has_key: Callable[[str], object] = re.compile(rf"^\s*\[?\"?{re.escape(key)}\b").match if key else bool
        for at in range(first, last):
            if key and has_key(self._lines[at]):
                return at + 1
        return None if number is None else first + 1


def _called(dish: object, number: int | None) -> str:
    if number is None:
        return ""
    fields = msgspec.structs.asdict(dish) if isinstance(dish, Dish) else dish if isinstance(dish, dict) else {}
    words = [str(fields[key]) for key in ("id", "name") if key in fields]
    return f"dish {' '.join(words) or f'number {number + 1}'}: "


def _amounts(wanted: type, raw: object) -> object:
    if wanted is Money and isinstance(raw, int | float):
        return Money.of(raw)
    raise ValueError(f"Expected a number, got `{type(raw).__name__}`")
