"""kiosk.toml as text: where a key stands, the text without its secrets, and tables back to text."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

Key = tuple[str, ...]

_TABLE = re.compile(r"\s*\[+\s*([^\[\]]+?)\s*\]+")
_SETTING = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def line_of(text: str, key: Key) -> int | None:
    """The line (from 1) where `key` stands in `text`, or the nearest table around it; None if neither does.

    It reads lines, not TOML, so that it finds its way in a file that is none.
    """
    places = list(_places(text))
    for length in range(len(key), 0, -1):
        for number, at in places:
            if at == key[:length]:
                return number
    return None


def without(text: str, gone: Mapping[Key, str]) -> str:
    """`text` without the keys in `gone`; each one's value there is the comment that stands in its place.

    The rest is left as it stands, comments too, wherever that is certain to be right; else the tables are written anew.
    """
    wanted = pruned(tomllib.loads(text), gone)
    lines = text.split("\n")
    for number, at in _places(text):
        if at in gone:
            ending = "\r" if lines[number - 1].endswith("\r") else ""
            lines[number - 1] = f"# {at[-1]}: {gone[at]}{ending}"
    edited = "\n".join(lines)
    values = [value for key in gone if isinstance(value := value_at(tomllib.loads(text), key), str) and value]
    try:
        if tomllib.loads(edited) == wanted and not any(_holds(edited, value) for value in values):
            return edited
    except tomllib.TOMLDecodeError:
        pass  # the value went on over several lines
    comments = "".join(f"# {'.'.join(key)}: {words}\n" for key, words in gone.items())
    return comments + written(wanted)


def written(document: Mapping[str, Any]) -> str:
    """`document`'s tables as TOML.

    Raises:
        TypeError: it holds what kiosk.toml has no use for, such as a date.
    """
    return "".join(_table(document, ())).lstrip("\n")


def value_text(value: Any) -> str:
    """One value as TOML writes it.

    Raises:
        TypeError: it is none that kiosk.toml has.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            # TOML's basic strings have JSON's escapes; only DEL may not stand for itself.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list():
            return f"[{', '.join(value_text(each) for each in value)}]"
        case dict():
            return "{ " + ", ".join(f"{_name(name)} = {value_text(each)}" for name, each in value.items()) + " }"
    raise TypeError(f"kiosk.toml can't hold a {type(value).__name__}")


def value_at(document: Mapping[str, Any], key: Key) -> Any:
    """What `key` has in `document`; None if it isn't there."""
    found: Any = document
    for part in key:
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def pruned(document: Mapping[str, Any], gone: Iterable[Key]) -> dict[str, Any]:
    """A copy of `document` without the keys in `gone`."""
    left: dict[str, Any] = {
        name: pruned(value, ()) if isinstance(value, Mapping) else value for name, value in document.items()
    }
    for key in gone:
        table = value_at(left, key[:-1]) if len(key) > 1 else left
        if isinstance(table, dict):
            table.pop(key[-1], None)
    return left


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, table by table."""
    whole = pruned(below, ())
    for name, value in above.items():
        under = whole.get(name)
        whole[name] = merged(under, value) if isinstance(under, dict) and isinstance(value, Mapping) else value
    return whole


def _places(text: str) -> Iterable[tuple[int, Key]]:
    """Each line's number and the table or key that begins there."""
    table: Key = ()
    for number, line in enumerate(text.split("\n"), 1):
        head = _TABLE.match(line)
        setting = _SETTING.match(line)
        if head is not None:
            table = _parts(head[1])
            yield number, table
        elif setting is not None:
            yield number, (*table, *_parts(setting[1]))


def _parts(dotted: str) -> Key:
    return tuple(part.strip("\"' \t") for part in re.findall(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""", dotted))


def _holds(text: str, value: str) -> bool:
    return value in text or value_text(value)[1:-1] in text


def _table(table: Mapping[str, Any], at: Key) -> Iterable[str]:
    values = {name: value for name, value in table.items() if not isinstance(value, Mapping)}
    if at and (values or not table):
        yield f"\n[{'.'.join(_name(part) for part in at)}]\n"
    for name, value in values.items():
        yield f"{_name(name)} = {value_text(value)}\n"
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _table(value, (*at, name))


def _name(part: str) -> str:
    return part if _BARE.fullmatch(part) else value_text(part)
