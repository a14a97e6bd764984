"""BENCH.toml as types: a real bench, and how each thing is done and seen there. An unknown key is an error."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from bench import BenchUnusable
from bench.deeds import Deed, Sight

MANUAL: Final = "manual"
N = TypeVar("N", bound=StrEnum)
_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of BENCH.toml."""


class Kiosk(_Section, frozen=True, kw_only=True):
    """The kiosk under test: one that runs already, at `bus`, or one to run here by its `config` (kiosk.toml).

    `keys` is the folder of keys where the bus wants them; `pins` the URL of the cabinet's wires, which this machine
    itself must have.
    """

    bus: _Text | None = None
    keys: Path | None = None
    config: Path | None = None
    pins: _Text | None = None


class Manual(_Section, frozen=True, kw_only=True):
    """The person at the bench."""

    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 120.0


class Labgrid(_Section, frozen=True, kw_only=True):
    """labgrid's command line, which lives in an environment of its own, and the place it acts on."""

    place: _Text
    client: _Text = "labgrid-client"
    coordinator: _Text | None = None
    config: Path | None = None


class ByCommand(_Section, frozen=True, kw_only=True, tag_field=None):
    """Done by a program; in its words {what} is the card, scene or sentence, {file} the sentence's recording."""

    command: Annotated[list[_Text], msgspec.Meta(min_length=1)]
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 30.0


class ByLabgrid(_Section, frozen=True, kw_only=True, tag_field=None):
    """Done by labgrid at the bench's place, such as ["power", "off"]."""

    labgrid: Annotated[list[_Text], msgspec.Meta(min_length=1)]
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 60.0


Way = Literal["manual"] | ByCommand | ByLabgrid


class _File(_Section, frozen=True, kw_only=True):
    name: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{1,64}$")]
    image: str = "unknown"
    kiosk: Kiosk
    manual: Manual = Manual()
    labgrid: Labgrid | None = None
    do: dict[str, Any] = {}
    see: dict[str, Literal["manual"]] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All of BENCH.toml."""

    name: str
    image: str
    kiosk: Kiosk
    manual: Manual
    labgrid: Labgrid | None
    do: dict[Deed, Way]
    see: frozenset[Sight]


def load(path: Path) -> Settings:
    """Read the bench in the file at `path`.

    Raises:
        BenchUnusable: it can't be read, a key is unknown, or a value is wrong; the text names file and key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BenchUnusable(f"there is no bench {str(path)!r}: not one of the built-in ones, and {error}") from error
    return parse(text, source=str(path), folder=path.parent)


def parse(text: str, *, source: str = "BENCH.toml", folder: Path = Path()) -> Settings:
    """Read a bench; its relative paths start at `folder`.

    Raises:
        BenchUnusable: as for `load`.
    """
    try:
        read = msgspec.convert(tomllib.loads(text), _File, dec_hook=_decode_path)
        if (read.kiosk.bus is None) == (read.kiosk.config is None):
            raise _wrong("kiosk", "has either `bus` (a kiosk that runs) or `config` (one to run here)")
        do = {_named(Deed, "do", name): _way(name, value) for name, value in read.do.items()}
        if read.labgrid is None and any(isinstance(way, ByLabgrid) for way in do.values()):
            raise _wrong("labgrid", "is missing: a deed is done by it, at its `place`")
        see = frozenset(_named(Sight, "see", name) for name in read.see)
        if Sight.BUTTON in see:
            raise _wrong("see.button", "can't be manual: it is seen where the kiosk has `pins`")
    except tomllib.TOMLDecodeError as error:
        raise BenchUnusable(f"{source}: {error}") from error
    except msgspec.ValidationError as error:
        raise BenchUnusable(f"{source}: {_in_words(str(error))}") from error
    kiosk = msgspec.structs.replace(
        read.kiosk, keys=_from(folder, read.kiosk.keys), config=_from(folder, read.kiosk.config)
    )
    labgrid = read.labgrid and msgspec.structs.replace(read.labgrid, config=_from(folder, read.labgrid.config))
    return Settings(name=read.name, image=read.image, kiosk=kiosk, manual=read.manual, labgrid=labgrid, do=do, see=see)


def _way(name: str, value: object) -> Way:
    if value == MANUAL:
        return MANUAL
    if isinstance(value, dict):
        kind = ByLabgrid if "labgrid" in value else ByCommand
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise msgspec.ValidationError(_under(f"do.{name}", str(error))) from error
    raise _wrong(f"do.{name}", 'is "manual", { command = [...] } or { labgrid = [...] }')


def _named(kind: type[N], table: str, name: str) -> N:
    try:
        return kind(name)
    except ValueError:
        known = ", ".join(each.value for each in kind)
        raise msgspec.ValidationError(f"unknown key '{table}.{name}'; there are: {known}") from None


def _wrong(key: str, what: str) -> msgspec.ValidationError:
    return msgspec.ValidationError(f"key {key!r} {what}")


def _from(folder: Path, path: Path | None) -> Path | None:
    return None if path is None else folder / path.expanduser()


def _decode_path(wanted: type, raw: object) -> object:
    if wanted is Path and isinstance(raw, str):
        return Path(raw)
    raise NotImplementedError(f"{wanted.__name__} has no place in BENCH.toml")


def _under(table: str, text: str) -> str:
    """msgspec's words about a value in `table`, as if it had read the whole file."""
    what, at, path = text.partition(" - at `$")
    return f"{what} - at `$.{table}{path}" if at else f"{what} - at `$.{table}`"


def _in_words(text: str) -> str:
    """msgspec's words with the key as TOML writes it."""
    what, _, path = text.partition(" - at `$")
    key = path.rstrip("`").removeprefix(".")
    unknown = "Object contains unknown field `"
    if what.startswith(unknown):
        name = what.removeprefix(unknown).rstrip("`")
        return f"unknown key {'.'.join(part for part in (key, name) if part)!r}"
    return f"key {key!r}: {what[:1].lower()}{what[1:]}" if key else what
