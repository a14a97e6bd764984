"""Every example of the specification's sections 6 to 8, in its own words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge.contract import subjects
from edge.contract.envelope import NATSMessage, envelope_faults
from edge.contract.errors import AskError, ErrorCode, InvalidPayload
from edge.contract.wire import from_fields, to_fields, to_json

SESSION = "3f8c9a8e-2f5f-4b7e-9d2c-0a4b1c2d3e4f"

EVENTS: dict[str, dict[str, Any]] = {
    "kiosk.vision.person_detected": {
        "event": "person_detected",
        "confidence": 0.95,
        "bounding_box": {"x": 100, "y": 50, "w": 200, "h": 400},
        "face_detected": True,
        "estimated_age_group": "adult",
        "estimated_party_size": 2,
    },
    "kiosk.vision.person_left": {"event": "person_left", "duration_seconds": 45.5},
    "kiosk.vision.gaze_detected": {
        "event": "gaze_detected",
        "looking_at_screen": True,
        "gaze_point": {"x": 500, "y": 300},
    },
    "kiosk.voice.speech_start": {"event": "speech_start"},
    "kiosk.voice.transcript": {
        "event": "transcript",
        "text": "I want a burger with extra cheese",
        "confidence": 0.92,
        "language": "en-US",
        "is_final": True,
    },
    "kiosk.voice.intent": {
        "event": "intent",
        "intent_type": "search_menu",
        "entities": {"item": "burger", "modifiers": ["extra cheese"]},
        "raw_text": "I want a burger with extra cheese",
        "confidence": 0.88,
    },
    "kiosk.input.touch": {
        "event": "touch",
        "action": "select_item",
        "item_id": 101,
        "component": "HeroItem",
    },
    "kiosk.input.cart_action": {"event": "cart_action", "action": "add", "item_id": 101, "quantity": 2},
    "kiosk.session.started": {"event": "session_started", "kiosk_id": "kiosk-001"},
    "kiosk.session.ended": {"event": "session_ended", "reason": "completed", "duration_seconds": 120.5},
    "kiosk.ui.update": {
        "event": "ui_update",
        "layout_mode": "hero_grid",
        "theme_override": None,
        "components": [{"type": "HeroItem", "data": {"id": 101, "title": "Volcano Burger"}}],
        "suggested_actions": ["Add to cart"],
    },
    # Decision 5's, which the specification lacks.
    "kiosk.input.card_tap": {
        "event": "card_tap",
        "reader": "r",
        "card": "0" * 64,
        "loyalty_id": "LOYALTY123",
    },
    # Ours: how the devices are that others than the hardware agent own.
    "kiosk.vision.camera_state": {
        "event": "camera_state",
        "condition": "absent",
        "since": "2026-01-02T12:30:00.000Z",
        "reason": "the camera at /dev/video0 went away",
        "code": "lost",
    },
    "kiosk.voice.microphone_state": {
        "event": "microphone_state",
        "condition": "ready",
        "since": "2026-01-02T08:00:00.000Z",
        "reason": "",
        "code": "",
    },
}

REQUESTS: dict[str, dict[str, Any]] = {
    "kiosk.agent.menu.search": {
        "command": "search",
        "query": "spicy burger",
        "tags": ["spicy"],
        "dietary_filters": ["vegetarian"],
        "limit": 10,
    },
    "kiosk.agent.menu.details": {"command": "get_details", "item_id": 101},
    "kiosk.agent.recsys.suggest": {
        "command": "suggest",
        "cart": [{"item_id": 101, "quantity": 1}],
        "context": {"time_of_day": "lunch", "weather": "hot", "party_size": 2},
    },
    "kiosk.agent.payment.process": {
        "command": "process_payment",
        "order_id": "order-uuid",
        "total": 24.99,
        "items": [
            {"item_id": 101, "name": "Volcano Burger", "qty": 1, "price": 12.99},
            {"item_id": 201, "name": "Iced Cola", "qty": 2, "price": 5.99},
        ],
        "loyalty_card": "LOYALTY123",
    },
    "kiosk.agent.hardware.led": {
        "command": "set_led",
        "color": "#00FF00",
        "pattern": "solid",
        "duration_ms": 2000,
    },
    "kiosk.agent.hardware.print": {
        "command": "print_receipt",
        "order_id": "order-uuid",
        "items": [{"item_id": 101, "name": "Volcano Burger", "qty": 1, "price": 12.99}],
        "total": 24.99,
        "transaction_id": "txn-uuid",
    },
    "kiosk.agent.payment.cancel": {"command": "cancel_payment", "order_id": "order-uuid"},
    "kiosk.hardware.status": {"command": "status"},
    "kiosk.agent.orchestrator.service": {
        "command": "set_service",
        "wanted": False,
        "reason": "This kiosk is being updated.",
    },
}

REPLIES: dict[str, dict[str, Any]] = {
    "kiosk.agent.menu.search": {
        "status": "success",
        "items": [
            {
                "id": 101,
                "name": "Volcano Burger",
                "price": 12.99,
                "image": "/img/volcano.png",
                "tags": ["spicy", "popular"],
                "available": True,
            }
        ],
        "total_matches": 5,
    },
    "kiosk.agent.menu.details": {
        "status": "success",
        "item": {
            "id": 101,
            "name": "Volcano Burger",
            "description": "Spicy beef patty with jalapeños...",
            "price": 12.99,
            "calories": 850,
            "allergens": ["gluten", "dairy"],
            "customizations": [{"name": "Extra Cheese", "price": 1.50}, {"name": "No Onions", "price": 0}],
        },
    },
    "kiosk.agent.recsys.suggest": {
        "status": "success",
        "suggestions": [
            {
                "item_id": 201,
                "name": "Iced Cola",
                "pitch": "Perfect to cool down with your burger!",
                "reason": "weather_hot",
            }
        ],
    },
    "kiosk.agent.payment.process": {
        "status": "success",
        "transaction_id": "txn-uuid",
        "amount_charged": 24.99,
        "loyalty_points_earned": 25,
        "receipt_url": "/receipts/txn-uuid.pdf",
        "error": None,
    },
    "kiosk.agent.hardware.led": {"status": "success"},
    "kiosk.agent.hardware.print": {"status": "success"},
    "kiosk.agent.payment.cancel": {"status": "success", "cancelled": True},
    "kiosk.agent.orchestrator.service": {
        "status": "success",
        "in_service": True,
        "serving": True,
        "closing": True,
        "missing": [],
    },
    "kiosk.hardware.status": {
        "status": "success",
        "devices": [
            {"name": "leds", "condition": "ready", "since": "2026-01-02T08:00:00.000Z", "reason": "", "code": ""},
            {
                "name": "printer",
                "condition": "degraded",
                "since": "2026-01-02T12:30:00.000Z",
                "reason": "the printer is out of paper",
                "code": "out_of_paper",
            },
        ],
    },
}


def contains(whole: Any, part: Any) -> bool:
    """Whether `whole` says all that `part` says."""
    if isinstance(part, dict):
        return all(key in whole and contains(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(contains(a, b) for a, b in zip(whole, part, strict=True))
    return bool(whole == part)


def there_and_back(fields: dict[str, Any], kind: type[Any]) -> dict[str, Any]:
    payload = from_fields(fields, kind)
    message = NATSMessage.create(SESSION, to_fields(payload))
    back = NATSMessage.from_json(message.to_json())
    assert envelope_faults(back) == []
    assert from_fields(back.payload, kind) == payload
    return back.payload


def test_the_table_and_the_examples_name_the_same_subjects() -> None:
    assert {event.subject for event in subjects.EVENTS} == set(EVENTS)
    assert {command.subject for command in subjects.COMMANDS} == set(REQUESTS) == set(REPLIES)


@pytest.mark.parametrize("subject", EVENTS)
def test_event(subject: str) -> None:
    event = subjects.event_on(subject)
    assert event is not None
    assert contains(there_and_back(EVENTS[subject], event.payload), EVENTS[subject])


@pytest.mark.parametrize("subject", REQUESTS)
def test_request(subject: str) -> None:
    command = subjects.command_on(subject)
    assert command is not None
    assert contains(there_and_back(REQUESTS[subject], command.request), REQUESTS[subject])


@pytest.mark.parametrize("subject", REPLIES)
def test_reply(subject: str) -> None:
    command = subjects.command_on(subject)
    assert command is not None
    assert contains(there_and_back(REPLIES[subject], command.reply), REPLIES[subject])


@pytest.mark.parametrize("subject", EVENTS)
def test_an_event_without_a_field_is_refused_by_name(subject: str) -> None:
    event = subjects.event_on(subject)
    assert event is not None
    for name, field in EVENTS[subject].items():
        if name == "event":
            with pytest.raises(InvalidPayload, match=name):
                from_fields({key: value for key, value in EVENTS[subject].items() if key != name}, event.payload)
        wrong = [] if not isinstance(field, list) else {"no": "list"}
        with pytest.raises(InvalidPayload) as error:
            from_fields(EVENTS[subject] | {name: wrong}, event.payload)
        assert error.value.field == name


@pytest.mark.parametrize("subject", REQUESTS)
def test_a_wrong_request_field_is_refused_by_name(subject: str) -> None:
    command = subjects.command_on(subject)
    assert command is not None
    for name, field in REQUESTS[subject].items():
        wrong = [] if not isinstance(field, list) else {"no": "list"}
        with pytest.raises(InvalidPayload) as error:
            from_fields(REQUESTS[subject] | {name: wrong}, command.request)
        assert error.value.field == name


@pytest.mark.parametrize(
    ("field", "value"),
    [("total", "24.99"), ("total", True), ("total", 24.999), ("total", -1), ("total", 1e9), ("total", None)],
)
def test_an_amount_is_a_number_with_two_decimals(field: str, value: object) -> None:
    wanted = subjects.PAYMENT_PROCESS
    with pytest.raises(InvalidPayload) as error:
        from_fields(REQUESTS[wanted.subject] | {field: value}, wanted.request)
    assert error.value.field == "total"


def test_a_deep_field_is_named_by_its_path() -> None:
    ask = REQUESTS["kiosk.agent.payment.process"]
    items = [ask["items"][0], {"item_id": 201, "name": "Iced Cola", "price": 5.99}]
    with pytest.raises(InvalidPayload) as error:
        from_fields(ask | {"items": items}, subjects.PAYMENT_PROCESS.request)
    assert error.value.field == "items[1].qty"


def test_amounts_travel_as_numbers() -> None:
    ask = from_fields(REQUESTS["kiosk.agent.payment.process"], subjects.PAYMENT_PROCESS.request)
    assert b'"total":24.99' in to_json(to_fields(ask))


def test_the_errors_are_section_8s() -> None:
    assert AskError(ErrorCode.MENU_NOT_FOUND, "No items match the search query").payload() == {
        "status": "error",
        "error_code": "MENU_NOT_FOUND",
        "error_message": "No items match the search query",
        "retryable": False,
    }
    retryable = {code: ErrorCode(code).retryable for code in ErrorCode}
    assert retryable == {
        "TIMEOUT": True,
        "UNAVAILABLE": True,
        "MENU_NOT_FOUND": False,
        "ITEM_OUT_OF_STOCK": False,
        "PAYMENT_DECLINED": True,
        "PAYMENT_TIMEOUT": True,
        "HARDWARE_ERROR": False,
        "INVALID_REQUEST": False,
        "INTERNAL_ERROR": False,
    }


def test_a_foreign_refusal_is_understood() -> None:
    error = AskError.from_payload({"status": "error", "error_code": "PAYMENT_DECLINED"})
    assert (error.code, error.retryable) == ("PAYMENT_DECLINED", True)
    novel = AskError.from_payload(json.loads('{"error_code":"OVEN_COLD","error_message":"wait","retryable":true}'))
    assert (novel.code, novel.message, novel.retryable) == ("OVEN_COLD", "wait", True)
