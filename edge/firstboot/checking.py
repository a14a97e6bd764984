"""Checking kiosk.toml: every mistake in it at once, each with its line and what to write instead."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from drivers.address import DeviceAddress
from drivers.errors import DeviceSetup
from edge.config import Config, KeyMistake, from_document, known_keys
from edge.firstboot.mistakes import Mistake
from edge.firstboot.toml_text import Key, line_of, pruned, value_at, value_text

EXAMPLE = Path(__file__).parent / "kiosk.toml"

# What each storefront of drivers/ opens.
SCHEMES: dict[str, tuple[str, ...]] = {
    "leds": ("simulated", "spi", "ws281x"),
    "nfc": ("simulated", "pcsc"),
    "printer": ("simulated", "escpos+tcp", "escpos+usb", "escpos+serial", "escpos+file"),
    "camera": ("simulated", "picamera2", "v4l2", "file"),
    "microphone": ("simulated", "portaudio"),
    "gpio": ("simulated", "rpi"),
}

_CURLY = "“”„‟‘’‚"
_UNQUOTED = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=\s*(?!true\b|false\b)[A-Za-z_/]")


@dataclass(frozen=True)
class Checked:
    """kiosk.toml's tables without what is wrong in them, what they say, and what is wrong."""

    document: dict[str, Any]
    config: Config
    mistakes: list[Mistake] = field(default_factory=list)


def check(text: str, *, file: str = "kiosk.toml", zones: Path | None = None) -> Checked:
    """Check the text of a kiosk.toml. `zones` is the folder of time zones, such as /usr/share/zoneinfo, where it is."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Checked({}, Config(), [_not_toml(text, file, str(error))])
    mistakes: list[Mistake] = []
    config = None
    while config is None:
        try:
            config = from_document(document)
        except KeyMistake as error:
            mistakes.append(_explained(text, file, error))
            document = pruned(document, [error.key]) if error.key else {}
    unfit = [*_devices(text, file, config), *_time_zone(text, file, config, zones)]
    if unfit:
        mistakes += [mistake for _, mistake in unfit]
        document = pruned(document, [key for key, _ in unfit])
        config = from_document(document)
    return Checked(document, config, sorted(mistakes, key=lambda mistake: mistake.line or 0))


@cache
def example(key: Key) -> str | None:
    """What the example that ships has for `key`, as a line of TOML; None if it shows nothing."""
    # A setting that is switched off begins with # and no space.
    shown = re.sub(r"(?m)^#(?=\S)", "", EXAMPLE.read_text(encoding="utf-8"))
    value = value_at(tomllib.loads(shown), key)
    if value is None:
        return None
    if isinstance(value, dict):
        settings = ", ".join(f"{name} = {value_text(each)}" for name, each in value.items())
        return f"[{'.'.join(key)}] and under it {settings}"
    return f"{key[-1]} = {value_text(value)}"


def _explained(text: str, file: str, error: KeyMistake) -> Mistake:
    key, name = error.key, ".".join(error.key)
    line = line_of(text, key)
    if not error.unknown:
        shown = example(key)
        kind = "the value of " if not key or shown is None or not shown.startswith("[") else ""
        instead = f"Write it like this: {shown}" if shown else "The file that ships with the kiosk shows how."
        return Mistake(file, f"{kind}{name} can't be: {_plain(error.reason)}", instead, line)
    known = known_keys(key[:-1])
    table = f"in [{'.'.join(key[:-1])}]" if key[:-1] else "at the top of the file"
    near = difflib.get_close_matches(key[-1].lower(), known, n=1)
    elsewhere = [table for table in known_keys(()) if key[-1] in known_keys((table,))]
    if near:
        instead = f"Did you mean {near[0]}?"
    elif elsewhere:
        instead = f"It belongs under [{elsewhere[0]}]."
    else:
        instead = "Take the line away."
    return Mistake(file, f"{name} is no setting", f"{instead} Known {table}: {', '.join(known)}.", line)


def _plain(reason: str) -> str:
    """msgspec's words for those who don't write programs."""
    for theirs, ours in (
        (r"expected `str(?: \| null)?`, got `\w+`", "it has to be text in double quotes"),
        (r"expected `bool`, got `\w+`", "it has to be true or false, without quotes"),
        (r"expected `(?:int|float)`, got `\w+`", "it has to be a number, without quotes"),
        (r"expected `array`, got `\w+`", "it has to be a list in square brackets"),
        (r"expected `object(?: \| null)?`, got `\w+`", "it has to be a table"),
        (r"expected `str` matching regex .*", "it has a character, a length or a form that can't be"),
    ):
        if re.fullmatch(theirs, reason):
            return ours
    return reason.replace("`", "")


def _not_toml(text: str, file: str, said: str) -> Mistake:
    lines = text.split("\n")
    found = re.search(r"\(at line (\d+), column \d+\)", said)
    reason = re.sub(r" *\(at .*\)", "", said).lower()
    twice = "overwrite" in reason or "twice" in reason
    if found is None and not twice:  # tomllib says: at end of document
        words = f"the file ends in the middle of something ({reason})"
        return Mistake(file, words, "Was it cut off while it was copied? Write the end of it again.", _last(lines))
    number = int(found[1]) if found else _last(lines)
    line = lines[number - 1] if number <= len(lines) else ""
    if any(curly in line for curly in _CURLY):
        return Mistake(file, "the quotes are curly ones", 'Write straight quotes, " and ", as Notepad does.', number)
    if twice:
        return Mistake(file, "this is said twice in the file", "Take one of the two away.", number)
    unquoted = _UNQUOTED.match(line)
    if unquoted is not None:
        words = f"the value of {unquoted[1]} has no quotes around it"
        return Mistake(file, words, f'Write text in double quotes, as in {unquoted[1]} = "text".', number)
    if "\\" in line:
        return Mistake(file, "a backslash in double quotes can't stand alone", "Write \\\\, or / in a path.", number)
    return Mistake(file, f"this line can't be read ({reason})", 'A line is: name = "text", or [table].', number)


def _last(lines: list[str]) -> int:
    return max((number for number, line in enumerate(lines, 1) if line.strip()), default=1)


def _devices(text: str, file: str, config: Config) -> list[tuple[Key, Mistake]]:
    found: list[tuple[Key, Mistake]] = []
    for name, schemes in SCHEMES.items():
        url: str | None = getattr(config.devices, name)
        if url is None:
            continue
        key: Key = ("devices", name)
        try:
            scheme = DeviceAddress.parse(url.replace("escpos+usb://", "escpos+usb:", 1)).scheme
        except DeviceSetup:
            scheme = ""
        if scheme not in schemes:
            words = f"devices.{name} names no {name} that this kiosk knows"
            known = ", ".join(f"{each}:" for each in schemes)
            instead = f"It begins with one of {known} For example: {example(key)}"
            found.append((key, Mistake(file, words, instead, line_of(text, key))))
    return found


def _time_zone(text: str, file: str, config: Config, zones: Path | None) -> list[tuple[Key, Mistake]]:
    zone = config.kiosk.timezone
    key: Key = ("kiosk", "timezone")
    if zones is None or not zones.is_dir() or (zones / zone).is_file():
        return []
    known = [str(path.relative_to(zones)) for path in zones.glob("[A-Z]*/*")]
    near = difflib.get_close_matches(zone, known, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Write it like this: {example(key)}"
    return [(key, Mistake(file, "there is no such time zone", hint, line_of(text, key)))]
