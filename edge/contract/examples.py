"""An example of every message, in the specification's own words where it gives one."""

from __future__ import annotations

from typing import Any

from edge.contract.envelope import VERSION

# Fixed, so that the documents say the same whenever they are drawn.
SESSION_ID = "3f8c9a8e-2f5f-4b7e-9d2c-0a4b1c2d3e4f"
TRACE_ID = "7d0e6f0a-5b0f-4c3e-8f55-2a6d8a3f9b10"
MSG_ID = "b5a2c1d4-90f7-4d1a-a6b3-1f2e3d4c5b6a"
TIMESTAMP = "2026-01-02T12:34:56.789Z"

# Events, by subject.
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
    "kiosk.vision.camera_state": {
        "event": "camera_state",
        "condition": "absent",
        "since": "2026-01-02T12:30:00.000Z",
        "reason": "the camera at /dev/video0 went away",
        "code": "lost",
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
    "kiosk.voice.microphone_state": {
        "event": "microphone_state",
        "condition": "ready",
        "since": "2026-01-02T08:00:00.000Z",
        "reason": "",
        "code": "",
    },
    "kiosk.input.touch": {"event": "touch", "action": "select_item", "item_id": 101, "component": "HeroItem"},
    "kiosk.input.cart_action": {"event": "cart_action", "action": "add", "item_id": 101, "quantity": 2},
    "kiosk.input.card_tap": {
        "event": "card_tap",
        "reader": "counter",
        "card": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "loyalty_id": "LOYALTY123",
    },
    "kiosk.session.started": {"event": "session_started", "kiosk_id": "kiosk-001"},
    "kiosk.session.ended": {"event": "session_ended", "reason": "completed", "duration_seconds": 120.5},
    "kiosk.ui.update": {
        "event": "ui_update",
        "layout_mode": "hero_grid",
        "theme_override": None,
        "components": [{"type": "HeroItem", "data": {"id": 101, "title": "Volcano Burger"}}],
        "suggested_actions": ["Add to cart"],
    },
}

# What commands are asked with, by subject. The specification's payment shows a total of 24.99 for items that
# sum to 24.97; the payment agent refuses that, so the example has the sum.
ASKS: dict[str, dict[str, Any]] = {
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
        "total": 24.97,
        "items": [
            {"item_id": 101, "name": "Volcano Burger", "qty": 1, "price": 12.99},
            {"item_id": 201, "name": "Iced Cola", "qty": 2, "price": 5.99},
        ],
        "loyalty_card": "LOYALTY123",
    },
    "kiosk.agent.payment.cancel": {"command": "cancel_payment", "order_id": "order-uuid"},
    "kiosk.agent.hardware.led": {
        "command": "set_led",
        "color": "#00FF00",
        "pattern": "solid",
        "duration_ms": 2000,
    },
    "kiosk.agent.hardware.print": {
        "command": "print_receipt",
        "order_id": "order-uuid",
        "items": [
            {"item_id": 101, "name": "Volcano Burger", "qty": 1, "price": 12.99},
            {"item_id": 201, "name": "Iced Cola", "qty": 2, "price": 5.99},
        ],
        "total": 24.97,
        "transaction_id": "txn-uuid",
    },
    "kiosk.hardware.status": {"command": "status"},
    "kiosk.agent.orchestrator.service": {
        "command": "set_service",
        "wanted": False,
        "reason": "This kiosk is being updated.",
    },
}

# What commands are answered with, by subject.
ANSWERS: dict[str, dict[str, Any]] = {
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
            "customizations": [{"name": "Extra Cheese", "price": 1.5}, {"name": "No Onions", "price": 0}],
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
            },
            {
                "item_id": 301,
                "name": "Fries Combo",
                "pitch": "Make it a combo and save $2!",
                "reason": "upsell_combo",
            },
        ],
    },
    "kiosk.agent.payment.process": {
        "status": "success",
        "transaction_id": "txn-uuid",
        "amount_charged": 24.97,
        "loyalty_points_earned": 25,
        "receipt_url": "/receipts/txn-uuid.pdf",
        "error": None,
    },
    "kiosk.agent.payment.cancel": {"status": "success", "cancelled": True},
    "kiosk.agent.hardware.led": {"status": "success"},
    "kiosk.agent.hardware.print": {"status": "success"},
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
    "kiosk.agent.orchestrator.service": {
        "status": "success",
        "in_service": True,
        "serving": True,
        "closing": True,
        "missing": [],
    },
}

REFUSAL: dict[str, Any] = {
    "status": "error",
    "error_code": "MENU_NOT_FOUND",
    "error_message": "No items match the search query",
    "retryable": False,
}


def enveloped(payload: dict[str, Any]) -> dict[str, Any]:
    """`payload` as the whole message that carries it."""
    return {
        "msg_id": MSG_ID,
        "timestamp": TIMESTAMP,
        "session_id": SESSION_ID,
        "trace_id": TRACE_ID,
        "version": VERSION,
        "payload": payload,
    }
