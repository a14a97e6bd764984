"""JSON Schemas (draft 7) of what travels, drawn from the payloads' types, and of the envelope around it.

A payload's schema says what a reader refuses a message without, and nothing it would let through, with one
exception: that an amount has at most two decimals stands in words only, for `multipleOf: 0.01` finds 24.99
at fault wherever numbers are binary floats.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from edge.contract import ui
from edge.contract.dead import DeadCommand
from edge.contract.envelope import VERSION
from edge.contract.money import Money
from edge.contract.subjects import COMMANDS, EVENTS
from edge.contract.wire import Payload

Schema = dict[str, Any]

_OURS = "edge.contract."
_SAYS_WHAT = ("event", "command")  # a reader wants these, although whoever makes a payload needn't give them
_UUID4 = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$"
_MOST = 1_000_000  # edge.contract.money's, in major units

MONEY: Schema = {
    "type": "number",
    "minimum": 0,
    "exclusiveMaximum": _MOST,
    "description": "an amount in major units (12.99), with at most two decimals",
}

ENVELOPE: Schema = {
    "title": "Envelope",
    "description": (
        "Section 5.1. A sender gives every field in this form. A reader needs only `payload`: a missing or foreign "
        "id is served all the same, and fields it doesn't know are ignored."
    ),
    "type": "object",
    "properties": {
        "msg_id": {
            "type": "string",
            "format": "uuid",
            "pattern": _UUID4,
            "description": "a UUID v4; a message that is sent again keeps it",
        },
        "timestamp": {
            "type": "string",
            "format": "date-time",
            "pattern": "Z$",
            "description": "ISO 8601, UTC, such as 2026-01-02T03:04:05.678Z",
        },
        "session_id": {"type": "string", "format": "uuid", "pattern": _UUID4, "description": "the customer's session"},
        "trace_id": {
            "type": "string",
            "format": "uuid",
            "pattern": _UUID4,
            "description": "what one event led to carries its trace_id",
        },
        "version": {"type": "string", "description": f"of the contract: {VERSION}"},
        "payload": {"type": "object", "description": "what is said; its form depends on the subject"},
    },
    "required": ["msg_id", "timestamp", "session_id", "trace_id", "version", "payload"],
}

REFUSAL: Schema = {
    "title": "Refusal",
    "description": "Section 8.1: the answer of an agent that can't do as asked.",
    "type": "object",
    "properties": {
        "status": {"enum": ["error"]},
        "error_code": {"type": "string", "description": "one of the known codes, or one that a later version adds"},
        "error_message": {"type": "string", "description": "for people"},
        "retryable": {"type": "boolean", "description": "whether asking again may help"},
    },
    "required": ["status", "error_code", "error_message", "retryable"],
}

# What `data` of a component on the page is, by the component's `type`.
COMPONENTS: dict[str, type[Payload]] = {
    kind.__name__: kind
    for kind in vars(ui).values()
    if isinstance(kind, type) and issubclass(kind, Payload) and kind not in (Payload, ui.UiUpdate)
}


def payload_types() -> list[type[Payload]]:
    """Every payload of the table, of the dead letters and of the page, in the table's order."""
    types: list[type[Payload]] = [event.payload for event in EVENTS]
    for command in COMMANDS:
        types += [command.request, command.reply]
    return list(dict.fromkeys([*types, DeadCommand, *COMPONENTS.values()]))


def schemas_of(types: Iterable[type[Payload]], prefix: str) -> tuple[dict[type[Payload], str], dict[str, Schema]]:
    """The name of each payload's schema, and all schemas by name; `prefix` stands before a name where one refers to it.

    Two structs of one name are told apart by their module, as in ``menu.ItemDetails``.
    """
    wanted = list(types)
    references, drawn = msgspec.json.schema_components(wanted, schema_hook=_schema_of_ours, ref_template="{name}")
    names = {kind: _short(reference["$ref"]) for kind, reference in zip(wanted, references, strict=True)}
    schemas = {_short(name): _tidy(schema, prefix) for name, schema in drawn.items()}
    for kind, name in names.items():
        said = [field for field in _SAYS_WHAT if field in kind.__struct_fields__]
        schemas[name]["required"] = said + [field for field in schemas[name]["required"] if field not in said]
    return names, schemas


def whole(kind: type[Payload]) -> Schema:
    """`kind`'s schema in one piece, with what it refers to in place."""
    names, schemas = schemas_of([kind], "")
    schema: Schema = _in_place(schemas[names[kind]], schemas)
    return schema


def fields_of(schema: Schema, prefix: str = "") -> Iterator[tuple[str, Schema, bool]]:
    """Each field of a schema in one piece: its path (such as ``cart[].item_id``), its schema, whether it is needed."""
    for name, field in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield path, field, name in schema.get("required", ())
        inner, deep = _inside(field)
        if inner is not None:
            yield from fields_of(inner, path + deep + ".")


def _inside(field: Schema) -> tuple[Schema | None, str]:
    """The object that a field holds or lists, if any, and what a path to its fields has in between."""
    for each in field.get("anyOf", [field]):
        if each.get("type") == "array":
            inner, deep = _inside(each["items"])
            return inner, f"[]{deep}"
        if each.get("properties"):
            return each, ""
    return None, ""


def _schema_of_ours(kind: type) -> Schema:
    if kind is Money:
        return dict(MONEY)
    raise NotImplementedError(f"{kind.__name__} has no place in a message")


def _short(name: str) -> str:
    return name.removeprefix(_OURS)


def _tidy(schema: Any, prefix: str) -> Any:
    """`schema` with references as they stand in the document, and text without a docstring's indentation."""
    if isinstance(schema, list):
        return [_tidy(each, prefix) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: value if key == "default" else _tidy(value, prefix) for key, value in schema.items()}
    if isinstance(tidy.get("description"), str):
        tidy["description"] = inspect.cleandoc(tidy["description"])
    if isinstance(tidy.get("$ref"), str):
        reference = {"$ref": prefix + _short(tidy.pop("$ref"))}
        return {"allOf": [reference], **tidy} if tidy else reference  # draft 7 ignores what stands beside a $ref
    return tidy


def _in_place(schema: Any, schemas: dict[str, Schema]) -> Any:
    if isinstance(schema, list):
        return [_in_place(each, schemas) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _in_place(schemas[schema["$ref"]], schemas)
    if "allOf" in schema:
        beside = {key: value for key, value in schema.items() if key != "allOf"}
        return _in_place(schema["allOf"][0], schemas) | beside
    return {key: value if key == "default" else _in_place(value, schemas) for key, value in schema.items()}
