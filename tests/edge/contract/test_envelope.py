from __future__ import annotations

import contextlib
import re
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contract.envelope import NATSMessage, envelope_faults, is_uuid4
from edge.contract.errors import ContractError, InvalidMessage, InvalidPayload

SESSION = "3f8c9a8e-2f5f-4b7e-9d2c-0a4b1c2d3e4f"


def test_what_we_send_has_every_field_in_its_form() -> None:
    before = datetime.now(UTC)
    message = NATSMessage.create(SESSION, {"event": "speech_start"})
    assert envelope_faults(message) == []
    assert message.version == "1.0"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message.timestamp)
    assert abs((datetime.fromisoformat(message.timestamp) - before).total_seconds()) < 5
    assert NATSMessage.from_json(message.to_json()) == message
    assert NATSMessage.create(SESSION, {}).msg_id != message.msg_id


@pytest.mark.parametrize(
    "session", ["", "test", "c232ab00-9414-11ec-b3c8-9f6bdeced846", SESSION.replace("-", ""), SESSION + "0"]
)
def test_a_session_that_is_no_uuid4_is_not_sent(session: str) -> None:
    with pytest.raises(ValueError, match="session_id"):
        NATSMessage.create(session, {})


def test_a_trace_goes_on() -> None:
    trace = str(uuid.uuid4())
    assert NATSMessage.create(SESSION, {}, trace_id=trace).trace_id == trace


def test_the_command_line_examples_are_read() -> None:
    event = NATSMessage.from_json('{"msg_id":"test","payload":{"event":"person_detected"}}')
    assert (event.msg_id, event.session_id, event.payload) == ("test", "", {"event": "person_detected"})
    assert NATSMessage.from_json('{"payload":{"command":"search"}}').version == "1.0"
    assert NATSMessage.from_json('{"msg_id":7,"payload":{}}').msg_id == ""


@pytest.mark.parametrize("data", ["", "{", "[]", "null", '"text"', b"\xff", "[" * 100_000])
def test_what_is_no_envelope_is_said(data: str | bytes) -> None:
    with pytest.raises(InvalidMessage):
        NATSMessage.from_json(data)


@pytest.mark.parametrize("data", ["{}", '{"payload":null}', '{"payload":[]}', '{"payload":"x"}'])
def test_a_missing_payload_is_named(data: str) -> None:
    with pytest.raises(InvalidPayload, match="`payload`"):
        NATSMessage.from_json(data)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes | str) -> None:
    with contextlib.suppress(ContractError):
        NATSMessage.from_json(data)


def test_faults_are_listed() -> None:
    message = NATSMessage("test", "yesterday", "", SESSION, "", {})
    assert envelope_faults(message) == [
        "msg_id is not a UUID v4",
        "session_id is not a UUID v4",
        "timestamp is not ISO 8601",
        "version is missing",
    ]
    local = NATSMessage.create(SESSION, {})
    local.timestamp = "2026-01-01T12:00:00+02:00"
    assert envelope_faults(local) == ["timestamp is not UTC with Z"]


@given(st.text())
def test_only_a_uuid4_is_one(text: str) -> None:
    assert not is_uuid4(text) or uuid.UUID(text).version == 4
