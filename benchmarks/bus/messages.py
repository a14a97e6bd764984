"""What is said, the same in every way: section 7.1's search with its answer, and section 6.1's person_detected.

The raw ways send these dicts; ours and FastStream's send their own types with the same values. The ids are as long as
real ones, so that the bytes on the wire are as many.
"""

from __future__ import annotations

import json
from typing import Any

from edge.contract import menu, vision
from edge.contract.money import Money

SEARCH: dict[str, Any] = {
    "command": "search",
    "query": "spicy burger",
    "tags": ["spicy"],
    "dietary_filters": ["vegetarian"],
    "limit": 10,
}
FOUND: dict[str, Any] = {
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
}
PERSON: dict[str, Any] = {
    "event": "person_detected",
    "confidence": 0.95,
    "bounding_box": {"x": 100, "y": 50, "w": 200, "h": 400},
    "face_detected": True,
    "estimated_age_group": "adult",
    "estimated_party_size": 1,
}
DISH = FOUND["items"][0]["name"]
ENVELOPE: dict[str, Any] = {
    "msg_id": "7a1d3c0e-5b1f-4c1e-9a55-0d6a1f6d2b10",
    "timestamp": "2026-01-15T10:30:00.000Z",
    "session_id": "0c7f2a56-9d0f-4d1b-8f2e-4a8c5d1e7b92",
    "trace_id": "f3b1c2d4-6e5f-4a7b-9c8d-1e2f3a4b5c6d",
    "version": "1.0",
}


def in_envelope(payload: dict[str, Any]) -> dict[str, Any]:
    """`payload` with the six fields of section 5.1 around it."""
    return {**ENVELOPE, "payload": payload}


def compact(value: object) -> bytes:
    """`value` as the json module writes it without spaces: as many bytes as ours."""
    return json.dumps(value, separators=(",", ":")).encode()


def our_search() -> menu.Search:
    """SEARCH as the contract's type, made anew as a caller does."""
    return menu.Search(query="spicy burger", tags=["spicy"], dietary_filters=["vegetarian"], limit=10)


def our_result() -> menu.SearchResult:
    """FOUND as the contract's type, made anew as an agent does."""
    dish = menu.FoundItem(
        id=101,
        name="Volcano Burger",
        price=Money.of("12.99"),
        image="/img/volcano.png",
        tags=["spicy", "popular"],
        available=True,
    )
    return menu.SearchResult(items=[dish], total_matches=5)


def our_person() -> vision.PersonDetected:
    """PERSON as the contract's type, made anew as an agent does."""
    return vision.PersonDetected(
        confidence=0.95,
        bounding_box=vision.BoundingBox(x=100, y=50, w=200, h=400),
        face_detected=True,
        estimated_age_group="adult",
        estimated_party_size=1,
    )
