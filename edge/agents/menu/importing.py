"""A spreadsheet's CSV as a menu, and a menu as the TOML that `Menu.parse` reads.

The first line names the columns: those of a dish in the menu's file (`id`, `name`, `price`, ...), and `name_de`,
`name_pt-BR`, ... for `names`. A cell with several entries separates them with ; or |; a customization is written
"Extra Cheese=1.50". An empty cell is a key left out.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from edge.agents.menu.catalogue import Customization, Dish, Menu, SearchWords, contradictions
from edge.agents.menu.faults import Fault, MenuInvalid, amounts, faults_in
from edge.contract.money import Money

_LISTS = frozenset(("allergens", "diets", "tags", "also_called"))
_NEEDED_LISTS = frozenset(("allergens", "diets", "tags"))  # an empty cell is an empty list
_COLUMNS = tuple(field.encode_name for field in msgspec.structs.fields(Dish) if field.encode_name != "names")
_NAME_IN = re.compile(r"^name_(?P<language>.+)$")
_SEPARATOR = re.compile(r"[;|]")
_WHOLE = re.compile(r"^[+-]?\d+$")
_NUMBER = re.compile(r"^[+-]?\d+(?:[.,]\d+)?$")


def read_csv(text: str, where: str, currency: str, base: Menu | None = None) -> Menu:
    """The menu of a CSV with commas, semicolons or tabs; `base` is where `[search]` and `[pronounced]` come from.

    Raises:
        MenuInvalid: all faults, each with `where` and its line.
    """
    header, _, _ = text.removeprefix("\ufeff").partition("\n")
    delimiter = max(",;\t", key=header.count)
    table = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter, strict=True)
    faults: list[str] = []
    dishes: list[tuple[int, Dish]] = []
    lines: list[int] = []
    ids: set[int] = set()
    try:
        columns = [each.strip() for each in next(table, [])]
        faults += [f"{where}:1: {fault}" for fault in _columns_wrong(columns)]
        if faults:
            raise MenuInvalid(*faults)
        before = table.line_num
        for row in table:
            line, before = before + 1, table.line_num
            if not any(cell.strip() for cell in row):
                continue
            lines.append(line)
            if len(row) > len(columns):
                faults.append(
                    f"{where}:{line}: {len(row)} cells under {len(columns)} columns; quote a cell that holds one"
                )
                continue
            raw = _dish(dict(zip(columns, row, strict=False)))
            wrong = [f"{where}:{line}: {_called(raw)}{fault.words}" for fault in faults_in(raw, Dish)]
            faults += wrong
            if isinstance(raw.get("id"), int):
                ids.add(raw["id"])
            if not wrong:
                dishes.append((len(lines) - 1, msgspec.convert(raw, Dish, dec_hook=amounts)))
    except csv.Error as error:
        raise MenuInvalid(*faults, f"{where}:{table.line_num}: {error}") from error
    named = dict(dishes)
    for number, fault in contradictions(dishes, ids):
        faults.append(f"{where}:{lines[number]}: dish {named[number].id} {named[number].name}: {fault.words}")
    faults += [f"{where}: {fault.words}" for fault in _currency_wrong(currency)]
    if not dishes and not faults:
        faults.append(f"{where}: no dish under the columns' names")
    if faults:
        raise MenuInvalid(*faults)
    return Menu(
        [dish for _, dish in dishes],
        currency,
        base.search if base else SearchWords(),
        base.pronounced if base else None,
    )


def _columns_wrong(columns: list[str]) -> Iterator[str]:
    known = ", ".join(_COLUMNS)
    for number, column in enumerate(columns):
        if column in columns[:number]:
            yield f"a second column is called `{column}`"
        elif column not in _COLUMNS and not _NAME_IN.match(column):
            yield f"no column is called `{column}`; there are {known}, and name_de and so on for other languages"
    for field in msgspec.structs.fields(Dish):
        if field.required and field.encode_name not in columns:
            yield f"column `{field.encode_name}` is missing"


def _currency_wrong(currency: str) -> Iterator[Fault]:
    if not re.fullmatch("[A-Z]{3}", currency):
        yield Fault("currency", f"the currency is three capital letters, such as EUR, not {currency!r}")


def _dish(cells: dict[str, str]) -> dict[str, Any]:
    """A row's cells as TOML's types; what isn't what it should be is left as text, for the types to refuse."""
    dish: dict[str, Any] = {}
    for column, cell in cells.items():
        text = cell.strip()
        if language := _NAME_IN.match(column):
            if text:
                dish.setdefault("names", {})[language["language"]] = text
        elif column in _LISTS:
            if text or column in _NEEDED_LISTS:
                dish[column] = _parts(text)
        elif not text:
            continue
        elif column == "customizations":
            dish[column] = [_customization(each) for each in _parts(text)]
        elif column == "pairs_with":
            dish[column] = [_number(each) for each in _parts(text)]
        elif column in ("id", "calories", "price", "stock"):
            dish[column] = _number(text)
        else:
            dish[column] = text
    return dish


def _parts(text: str) -> list[str]:
    return [part for each in _SEPARATOR.split(text) if (part := each.strip())]


def _customization(text: str) -> dict[str, Any]:
    name, equals, price = text.rpartition("=")
    return {"name": name.strip(), "price": _number(price.strip())} if equals else {"name": text, "price": 0}


def _number(text: str) -> int | float | str:
    if _WHOLE.match(text):
        return int(text)
    return float(text.replace(",", ".")) if _NUMBER.match(text) else text


def _called(raw: dict[str, Any]) -> str:
    words = [str(raw[key]) for key in ("id", "name") if key in raw]
    return f"dish {' '.join(words)}: " if words else ""


# -- TOML ---------------------------------------------------------------------------------------------------------


def as_toml(menu: Menu) -> str:
    """The menu's file."""
    lines = [f"currency = {_value(menu.currency)}"]
    if menu.pronounced:
        lines += ["", "[pronounced]", *(f"{_key(word)} = {_value(said)}" for word, said in menu.pronounced.items())]
    if menu.search.ignore or menu.search.synonyms:
        lines += ["", "[search]", f"ignore = {_value(menu.search.ignore)}", "", "[search.synonyms]"]
        lines += [f"{_key(word)} = {_value(meant)}" for word, meant in menu.search.synonyms.items()]
    for dish in menu.dishes:
        lines += ["", "[[dish]]", *_dish_lines(dish)]
    return "\n".join(lines) + "\n"


def _dish_lines(dish: Dish) -> Iterator[str]:
    for field in msgspec.structs.fields(Dish):
        value = getattr(dish, field.name)
        if not field.required and not (value if field.name != "stock" else value != "unlimited"):
            continue
        if field.name == "customizations":
            yield "customizations = ["
            yield from (f"  {_inline(each)}," for each in value)
            yield "]"
        elif field.name == "names":
            pairs = ", ".join(f"{_key(language)} = {_value(name)}" for language, name in value.items())
            yield f"names = {{ {pairs} }}"
        else:
            yield f"{field.name} = {_value(value)}"


def _inline(each: Customization) -> str:
    return f"{{ name = {_value(each.name)}, price = {_value(each.price)} }}"


def _value(value: object) -> str:
    if isinstance(value, Money):
        return value.text
    if isinstance(value, str):  # JSON's text is TOML's, but for DEL
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Iterable):
        return f"[{', '.join(_value(each) for each in value)}]"
    return str(value)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _value(key)
