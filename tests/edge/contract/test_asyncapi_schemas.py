"""The drawn JSON Schemas let through and refuse exactly what the bus does."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
import pytest

from edge.contract import examples, ui
from edge.contract.envelope import NATSMessage, envelope_faults
from edge.contract.errors import AskError, ErrorCode, InvalidPayload
from edge.contract.schema import COMPONENTS, ENVELOPE, REFUSAL, fields_of, payload_types, whole
from edge.contract.subjects import COMMANDS, EVENTS
from edge.contract.wire import Payload, from_fields

SAMPLES: list[tuple[str, type[Payload], dict[str, Any]]] = [
    *((event.subject, event.payload, examples.EVENTS[event.subject]) for event in EVENTS),
    *((command.subject, command.request, examples.ASKS[command.subject]) for command in COMMANDS),
    *((f"{command.subject} answer", command.reply, examples.ANSWERS[command.subject]) for command in COMMANDS),
]
INSTEAD = [None, True, 7, 0, -1, 100, 10**9, 0.5, -0.5, 1.5, "word", "", "#00FF00", [], ["word"], [7], {}, {"x": 1}]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every field and item in `value`."""
    inside: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    for name, each in inside:
        yield (*path, name)
        yield from places(each, (*path, name))


def altered(sample: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """`sample` with one field gone, one field unknown, or one with another value."""
    yield "as it is", sample
    yield "an unknown field", sample | {"colour_of_tray": "red"}
    for path in places(sample):
        for instead in ["gone", *INSTEAD]:
            other = copy.deepcopy(sample)
            holder: Any = other
            for step in path[:-1]:
                holder = holder[step]
            if instead == "gone":
                if isinstance(holder, list):
                    continue
                del holder[path[-1]]
            else:
                holder[path[-1]] = instead
            yield f"{path}: {instead!r}", other


def bus_takes(fields: dict[str, Any], kind: type[Payload]) -> bool:
    try:
        from_fields(fields, kind)
    except InvalidPayload:
        return False
    return True


@pytest.mark.parametrize(("kind", "sample"), [pytest.param(k, s, id=name) for name, k, s in SAMPLES])
def test_schema_and_bus_agree(kind: type[Payload], sample: dict[str, Any]) -> None:
    validator = jsonschema.Draft7Validator(whole(kind))
    tried = {True: 0, False: 0}
    for words, fields in altered(sample):
        taken = bus_takes(fields, kind)
        assert validator.is_valid(fields) == taken, f"{words}: the bus {'takes' if taken else 'refuses'} it"
        tried[taken] += 1
    assert min(tried.values()) > 0


@pytest.mark.parametrize("amount", [0, 0.01, 24.99, 12, 999_999.99, 1_000_000, -0.01, "12.99", True, None])
def test_amounts_agree(amount: object) -> None:
    kind = COMMANDS[3].request
    sample = examples.ASKS[COMMANDS[3].subject] | {"total": amount}
    assert jsonschema.Draft7Validator(whole(kind)).is_valid(sample) == bus_takes(sample, kind)


def test_an_amounts_two_decimals_stand_in_words_only() -> None:
    kind = COMMANDS[3].request
    sample = examples.ASKS[COMMANDS[3].subject] | {"total": 24.999}
    assert not bus_takes(sample, kind)
    schema = whole(kind)
    assert jsonschema.Draft7Validator(schema).is_valid(sample)
    assert "two decimals" in schema["properties"]["total"]["description"]


def test_what_we_send_is_a_valid_envelope_and_its_faults_are_found() -> None:
    validator = jsonschema.Draft7Validator(ENVELOPE)
    message = NATSMessage.create(examples.SESSION_ID, {"event": "speech_start"})
    validator.validate(msgspec.json.decode(message.to_json()))
    for name in ("msg_id", "session_id", "trace_id", "timestamp"):
        for wrong in ("", "test", examples.MSG_ID.replace("-4d1a-", "-1d1a-"), "2026-01-02T12:34:56"):
            spoilt = examples.enveloped({}) | {name: wrong}
            assert not validator.is_valid(spoilt)
            assert envelope_faults(NATSMessage(**spoilt))


def test_a_refusal_of_ours_is_a_valid_refusal() -> None:
    validator = jsonschema.Draft7Validator(REFUSAL)
    for code in ErrorCode:
        validator.validate(AskError(code, "words").payload())
    validator.validate(AskError("OVEN_COLD", "a later version's").payload())
    assert not validator.is_valid({"status": "success"})


def test_every_payload_and_component_is_drawn() -> None:
    types = payload_types()
    assert {event.payload for event in EVENTS} <= set(types)
    assert set(COMPONENTS) == {
        "Caption",
        "HeroItem",
        "ItemDetails",
        "Cart",
        "Suggestion",
        "PaymentPrompt",
        "ReceiptInfo",
        "Countdown",
        "OutOfService",
        "QrCode",
    }
    assert COMPONENTS["ItemDetails"] is ui.ItemDetails
    for kind in types:
        jsonschema.Draft7Validator.check_schema(whole(kind))


def test_fields_are_found_at_any_depth() -> None:
    paths = {path: needed for path, _, needed in fields_of(whole(COMMANDS[2].request))}
    assert paths["cart[].quantity"] is True
    assert paths["context.weather"] is False
