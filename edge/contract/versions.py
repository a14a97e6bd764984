"""What may change within a version of the contract, and a comparer that says what may not.

`released` draws what the version promises; its copy in docs/contract/<version>/ is what was promised so far.
`breaks` compares the two. docs/contract/versions.md explains the rules to people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edge.contract.dead import DeadCommand
from edge.contract.envelope import VERSION
from edge.contract.refusals import MEANINGS
from edge.contract.schema import COMPONENTS, ENVELOPE, REFUSAL, Schema, whole
from edge.contract.subjects import COMMANDS, DEAD, EVENTS


class Rule(StrEnum):
    """What must stay as it is; docs/contract/versions.md lists these."""

    SUBJECT_STAYS = "a subject stays"
    PARTIES_STAY = "who speaks and who answers stays"
    TIMEOUT_STAYS = "a timeout stays"
    FIELD_STAYS = "a field stays"
    NEW_IS_OPTIONAL = "a new field is optional"
    OPTIONAL_STAYS = "an optional field stays optional"
    NEEDED_STAYS = "a field that events and answers always have stays"
    DEFAULT_STAYS = "a default stays"
    NOTHING_LESS = "what was valid stays valid"
    NOTHING_MORE = "events and answers hold nothing that their readers don't expect"
    CODE_STAYS = "an error code stays, and so does whether to retry"


@dataclass(frozen=True)
class Break:
    """A change that the version doesn't allow: `where` names subject and field."""

    where: str
    words: str
    rule: Rule

    def __str__(self) -> str:
        return f"{self.where} {self.words} (rule: {self.rule})"


def released() -> dict[str, Any]:
    """All that the version promises about messages, as JSON-ready builtins without words for people."""
    drawn = {
        "version": VERSION,
        "envelope": ENVELOPE,
        "refusal": REFUSAL,
        "codes": {str(code): {"retryable": code.retryable} for code in MEANINGS},
        "events": {
            event.subject: {
                "said_by": event.said_by,
                "heard_by": list(event.heard_by),
                "payload": whole(event.payload),
            }
            for event in EVENTS
        }
        | {DEAD: {"said_by": "bus", "heard_by": [], "payload": whole(DeadCommand)}},
        "commands": {
            command.subject: {
                "aliases": list(command.aliases),
                "asked_by": list(command.asked_by),
                "done_by": command.done_by,
                "timeout_s": command.timeout_s,
                "ask": whole(command.request),
                "answer": whole(command.reply),
            }
            for command in COMMANDS
        },
        "ui_components": {name: whole(kind) for name, kind in COMPONENTS.items()},
    }
    bare: dict[str, Any] = _wordless(drawn)
    return bare


def breaks(before: dict[str, Any], now: dict[str, Any]) -> list[Break]:
    """What in `now` breaks the promises of `before`; both as `released` draws them."""
    found = [*_compare("envelope", before["envelope"], now["envelope"], asked=False)]
    found += _compare("refusal", before["refusal"], now["refusal"], asked=False)
    for code, promise in before["codes"].items():
        if now["codes"].get(code) != promise:
            words = "is gone" if code not in now["codes"] else "changed whether to retry"
            found.append(Break(f"error code {code}", words, Rule.CODE_STAYS))
    for subject, old in before["events"].items():
        new = now["events"].get(subject)
        if new is None:
            found.append(Break(subject, "is gone", Rule.SUBJECT_STAYS))
            continue
        found += _parties(subject, old, new, same="said_by", kept="heard_by")
        found += _compare(subject, old["payload"], new["payload"], asked=False)
    for subject, old in before["commands"].items():
        new = now["commands"].get(subject)
        if new is None:
            found.append(Break(subject, "is gone", Rule.SUBJECT_STAYS))
            continue
        for alias in old["aliases"]:
            if alias not in new["aliases"]:
                found.append(Break(f"{subject}'s alias {alias}", "is gone", Rule.SUBJECT_STAYS))
        found += _parties(subject, old, new, same="done_by", kept="asked_by")
        if old["timeout_s"] != new["timeout_s"]:
            words = f"has a timeout of {new['timeout_s']:g} s, not {old['timeout_s']:g}"
            found.append(Break(subject, words, Rule.TIMEOUT_STAYS))
        found += _compare(f"{subject} (ask)", old["ask"], new["ask"], asked=True)
        found += _compare(f"{subject} (answer)", old["answer"], new["answer"], asked=False)
    for name, old in before["ui_components"].items():
        new = now["ui_components"].get(name)
        if new is None:
            found.append(Break(f"component {name}", "is gone", Rule.SUBJECT_STAYS))
        else:
            found += _compare(f"component {name}", old, new, asked=False)
    return found


def _parties(subject: str, old: dict[str, Any], new: dict[str, Any], *, same: str, kept: str) -> Iterator[Break]:
    if old[same] != new[same]:
        yield Break(subject, f"has {same} {new[same]}, not {old[same]}", Rule.PARTIES_STAY)
    for party in old[kept]:
        if party not in new[kept]:
            yield Break(subject, f"has {party} no longer in {kept}", Rule.PARTIES_STAY)


# -- schemas ---------------------------------------------------------------------------------------------------

_LOWEST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_HIGHEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_READ = {"type", "enum", "anyOf", "properties", "required", "items", "default", *_LOWEST, *_HIGHEST}


def _compare(where: str, old: Schema, new: Schema, *, asked: bool) -> Iterator[Break]:
    """What breaks between two schemas of a message; `asked` is a request, which only its agent reads."""
    yield from _compare_objects(where, "", old, new, asked)


def _compare_objects(where: str, path: str, old: Schema, new: Schema, asked: bool) -> Iterator[Break]:
    fields, now = old.get("properties", {}), new.get("properties", {})
    needed, needed_now = set(old.get("required", ())), set(new.get("required", ()))
    for name in now:
        if name not in fields and name in needed_now:
            yield Break(_at(where, path + name), "is new and needed", Rule.NEW_IS_OPTIONAL)
    for name, field in fields.items():
        at = _at(where, path + name)
        if name not in now:
            yield Break(at, "is gone", Rule.FIELD_STAYS)
            continue
        if name not in needed and name in needed_now:
            yield Break(at, "was optional and is needed", Rule.OPTIONAL_STAYS)
        if name in needed and name not in needed_now and not asked:
            yield Break(at, "was always there and is optional", Rule.NEEDED_STAYS)
        if name not in needed and field.get("default") != now[name].get("default"):
            words = f"has the default {now[name].get('default')!r}, not {field.get('default')!r}"
            yield Break(at, words, Rule.DEFAULT_STAYS)
        yield from _compare_values(where, path + name, field, now[name], asked)


def _compare_values(where: str, path: str, old: Schema, new: Schema, asked: bool) -> Iterator[Break]:
    at = _at(where, path)
    before, now = _kinds(old), _kinds(new)
    if "integer" in before and "number" in now and "integer" not in now and "number" not in before:
        before = {"number" if kind == "integer" else kind: each for kind, each in before.items()}
        if not asked:
            yield Break(at, "may hold any number, not only whole ones", Rule.NOTHING_MORE)
    for kind in before:
        if kind not in now and "anything" not in now:
            yield Break(at, f"may no longer hold {kind}", Rule.NOTHING_LESS)
    for kind in now:
        if kind not in before and "anything" not in before and not asked:
            yield Break(at, f"may now hold {kind}", Rule.NOTHING_MORE)
    for kind, each in before.items():
        if kind in now:
            yield from _compare_kind(where, path, each, now[kind], asked)


def _compare_kind(where: str, path: str, old: Schema, new: Schema, asked: bool) -> Iterator[Break]:
    at = _at(where, path)
    less, more = _limits(old, new)
    yield from (Break(at, words, Rule.NOTHING_LESS) for words in less)
    if not asked:
        yield from (Break(at, words, Rule.NOTHING_MORE) for words in more)
    if "items" in old or "items" in new:
        yield from _compare_values(where, f"{path}[]", old.get("items", {}), new.get("items", {}), asked)
    if "properties" in old or "properties" in new:
        yield from _compare_objects(where, f"{path}.", old, new, asked)


def _limits(old: Schema, new: Schema) -> tuple[list[str], list[str]]:
    """In words, what is no longer valid, and what is newly valid, of one kind of value."""
    less, more = [], []
    was, now = old.get("enum"), new.get("enum")
    if was is not None and now is not None:
        less += [f"no longer knows {value!r}" for value in was if value not in now]
        more += [f"has a new value {value!r}" for value in now if value not in was]
    elif was is not None:
        more.append("is no longer one of a list")
    elif now is not None:
        less.append(f"must now be one of {', '.join(map(repr, now))}")
    for limit in (*_LOWEST, *_HIGHEST):
        a, b = old.get(limit), new.get(limit)
        if a == b:
            continue
        words = f"has no {limit} any more" if b is None else f"has {limit} {b}, not {'none' if a is None else a}"
        narrower = a is None or (b is not None and (b > a) == (limit in _LOWEST))
        (less if narrower else more).append(words)
    for other in sorted({*old, *new} - _READ):  # pattern, format, ...: which of two is narrower can't be told
        a, b = old.get(other), new.get(other)
        if a is not None and b is None:
            more.append(f"has no {other} any more")
        elif a != b:
            less.append(f"has {other} {b!r}, not {a!r}")
    return less, more


def _kinds(schema: Schema) -> dict[str, Schema]:
    """The kinds of value that `schema` lets through, each with its own part of it."""
    if "anyOf" in schema:
        found: dict[str, Schema] = {}
        for part in schema["anyOf"]:
            for kind, each in _kinds(part).items():
                found[kind if kind not in found else f"another {kind}"] = each
        return found
    if "enum" in schema and "type" not in schema:
        return {"string": schema}  # all of ours are words
    kinds = schema.get("type", "anything")
    return dict.fromkeys([kinds] if isinstance(kinds, str) else kinds, schema)


def _at(where: str, path: str) -> str:
    return f"{where}: field `{path}`" if path else where


def _wordless(drawn: Any) -> Any:
    """`drawn` without titles and descriptions: a clearer word is no change of the contract."""
    if isinstance(drawn, list):
        return [_wordless(each) for each in drawn]
    if not isinstance(drawn, dict):
        return drawn
    return {
        key: value if key == "default" else _wordless(value)
        for key, value in drawn.items()
        if not (key in ("title", "description") and isinstance(value, str))
    }
