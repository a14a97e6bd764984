"""Everything that is wrong in a menu's file, each fault with its line: not only the first one found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeGuard, get_args, get_origin

import msgspec

from edge.contract.money import Money

_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?$", re.DOTALL)
_STEP = re.compile(r"(?P<key>[A-Za-z_]\w*)(?:\[(?P<index>\d+)\])?")
_DISH = re.compile(r"^\s*\[\[\s*dish\s*\]\]")


class MenuInvalid(ValueError):
    """A menu can't be used. `faults` are all that was found, each beginning with file and, where known, line."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True)
class Fault:
    """What is wrong, in words, and the key that it is about, as in "customizations[1].price"; "" for the whole."""

    path: str
    words: str


def amounts(wanted: type, raw: object) -> object:
    """msgspec's hook for money.

    Raises:
        ValueError: no amount.
    """
    if wanted is Money and isinstance(raw, int | float):
        return Money.of(raw)
    raise ValueError(f"Expected a number, got `{type(raw).__name__}`")


def faults_in(value: object, wanted: Any, path: str = "") -> Iterator[Fault]:
    """All that keeps `value`, of TOML's types, from being a `wanted`: a type, a struct, lists and tables of them."""
    kind = get_args(wanted)[0] if get_origin(wanted) is Annotated else wanted
    if isinstance(value, dict) and _is_struct(kind):
        yield from _in_struct(value, kind, path)
    elif isinstance(value, list) and get_origin(kind) is list:
        (each_kind,) = get_args(kind)
        for number, each in enumerate(value):
            yield from faults_in(each, each_kind, f"{path}[{number}]")
    elif isinstance(value, dict) and get_origin(kind) is dict:
        key_kind, each_kind = get_args(kind)
        for key, each in value.items():
            yield from _at(key, key_kind, path, f"`{path}` has the key `{key}`: ")
            yield from faults_in(each, each_kind, f"{path}.{key}")
    else:
        yield from _at(value, wanted, path, f"`{path}`: " if path else "")


def _in_struct(value: dict[str, Any], kind: type[msgspec.Struct], path: str) -> Iterator[Fault]:
    inside = f" in `{path}`" if path else ""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    before = f"{path}." if path else ""
    for key in value:
        if key not in fields:
            yield Fault(before + key, f"unknown key `{key}`{inside}")
    for key, field in fields.items():
        if key in value:
            yield from faults_in(value[key], field.type, before + key)
        elif field.required:
            yield Fault(path, f"key `{key}` is missing{inside}")


def _at(value: object, wanted: Any, path: str, prefix: str) -> Iterator[Fault]:
    try:
        msgspec.convert(value, type=wanted, dec_hook=amounts)
    except msgspec.ValidationError as error:
        found = _AT.match(str(error))
        what = found["what"] if found else str(error)
        yield Fault(path, f"{prefix}{what[:1].lower()}{what[1:]}")


def _is_struct(kind: Any) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


class Source:
    """The file's text, to say where in it something is wrong. Dishes are counted from 0."""

    def __init__(self, where: str, text: str) -> None:
        self._where = where
        self._lines = text.splitlines()
        self._headers = [number for number, line in enumerate(self._lines) if _DISH.match(line)]

    def told(self, fault: Fault, dish: int | None, called: str = "") -> str:
        """The fault with file, line and what its dish is `called`."""
        line = self.line(dish, fault.path)
        place = self._where if line is None else f"{self._where}:{line}"
        return f"{place}: {called}{fault.words}"

    def line(self, dish: int | None, path: str) -> int | None:
        """The line, from 1, of the key at `path`; failing that, where its dish begins; None outside of dishes."""
        if dish is None:
            first, last = 0, self._headers[0] if self._headers else len(self._lines)
        elif dish < len(self._headers):
            first, last = self._headers[dish], [*self._headers, len(self._lines)][dish + 1]
        else:  # the dishes aren't written as [[dish]]
            return None
        at = None
        for step in _STEP.finditer(path):
            number = 0 if step["index"] is None else int(step["index"])
            found = self._find(step["key"], number, first if at is None else at, last)
            if found is None:
                break
            at = found
        return at + 1 if at is not None else None if dish is None else first + 1

    def _find(self, key: str, number: int, first: int, last: int) -> int | None:
        """Where `key` is, or the table `number` in its list, whether written inline or under headers."""
        name = rf"\"?{re.escape(key)}\"?"
        header = re.compile(rf"^\s*\[\[?\s*(?:[\w\"-]+\s*\.\s*)*{name}\s*\]")
        headers = [at for at in range(first, last) if header.match(self._lines[at])]
        if headers:
            return headers[min(number, len(headers) - 1)]
        written = re.compile(rf"(?:^\s*|[{{,]\s*){name}\s*[=.]")
        at = next((at for at in range(first, last) if written.search(self._lines[at])), None)
        if at is None:
            return None
        opened = 0
        for below in range(at, last):
            opened += self._lines[below].count("{")
            if opened > number:
                return below
            if number == 0 or (below > at and re.match(r"^\s*\]", self._lines[below])):
                break
        return at
