"""The story: told to its end by a kiosk that works, and ended at the right step by one that doesn't."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import nats
import pytest

from edge.contract import subjects
from edge.contract.envelope import NATSMessage, envelope_faults
from edge.contract.wire import from_fields
from edge.virtual.kiosk import VirtualKiosk
from edge.virtual.story import Step, Story, StoryFailed


async def test_the_story_is_told_to_its_end(kiosk: VirtualKiosk) -> None:
    told: list[Step] = []
    await Story(kiosk.stage, kiosk.bus, told.append).play()
    over = [step for step in told if step.took_s is not None]
    assert len({step.title for step in over}) == 9
    assert not [step.problem for step in over if step.problem]
    (receipt,) = kiosk.stage.receipts
    text = "\n".join(receipt.printed.text)
    assert "Volcano Burger" in text
    assert "Extra Cheese" in text
    assert receipt.printed.png().startswith(b"\x89PNG")


async def test_every_event_of_the_story_is_valid_and_kept(kiosk: VirtualKiosk) -> None:
    await Story(kiosk.stage, kiosk.bus, lambda _: None).play()
    kept = await kiosk.bus.js.stream_info("KIOSK_EVENTS")
    said: dict[str, int] = {}
    for event in subjects.EVENTS:
        async for message in kiosk.bus.stored(event.subject):
            said[event.subject] = said.get(event.subject, 0) + 1
            assert envelope_faults(message) == []
            from_fields(message.payload, event.payload)
    assert sum(said.values()) == kept.state.messages
    assert set(said) == {event.subject for event in subjects.EVENTS}


async def test_an_empty_roll_ends_the_story_at_its_step(kiosk: VirtualKiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.virtual.story.PATIENCE_S", 5.0)
    kiosk.stage.printer.empty_roll()
    told: list[Step] = []
    with pytest.raises(StoryFailed):
        await Story(kiosk.stage, kiosk.bus, told.append).play()
    assert told[-1].title == "Takes the receipt"
    assert told[-1].problem


async def test_a_customer_nobody_sees_ends_the_story_at_once(
    kiosk: VirtualKiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.virtual.story.PATIENCE_S", 2.0)
    kiosk.stage.scenes = {"customer": kiosk.stage.scenes["coffee"]}
    told: list[Step] = []
    with pytest.raises(StoryFailed, match=r"no kiosk\.vision\.person_detected"):
        await Story(kiosk.stage, kiosk.bus, told.append).play()
    assert told[-1].title == "A person walks up"


# Section 7's examples as the specification's command lines send them: a payload and nothing else.
ASKS: dict[str, tuple[dict[str, Any], dict[str, type | tuple[type, ...]]]] = {
    "kiosk.agent.menu.search": (
        {
            "command": "search",
            "query": "spicy burger",
            "tags": ["spicy"],
            "dietary_filters": ["vegetarian"],
            "limit": 10,
        },
        {"items": list, "total_matches": int},
    ),
    "kiosk.agent.menu.details": ({"command": "get_details", "item_id": 101}, {"item": dict}),
    "kiosk.agent.recsys.suggest": (
        {
            "command": "suggest",
            "cart": [{"item_id": 101, "quantity": 1}],
            "context": {"time_of_day": "lunch", "weather": "hot", "party_size": 2},
        },
        {"suggestions": list},
    ),
    "kiosk.agent.hardware.led": (
        {"command": "set_led", "color": "#00FF00", "pattern": "solid", "duration_ms": 2000},
        {},
    ),
    "kiosk.hardware.led": ({"command": "set_led", "color": "#FF0000", "pattern": "pulse", "duration_ms": 200}, {}),
    "kiosk.agent.hardware.print": (
        {
            "command": "print_receipt",
            "order_id": "order-uuid",
            "items": [{"item_id": 101, "name": "Volcano Burger", "qty": 1, "price": 12.99}],
            "total": 12.99,
            "transaction_id": "txn-uuid",
        },
        {},
    ),
}


async def test_a_plain_client_gets_each_agents_own_answer_typed(kiosk: VirtualKiosk) -> None:
    plain = await nats.connect(kiosk.server.url)
    for subject, (payload, fields) in ASKS.items():
        data = json.dumps({"payload": payload}).encode()
        answer = json.loads((await plain.request(subject, data, timeout=10)).data)
        assert envelope_faults(NATSMessage.from_json(json.dumps(answer))) == []
        body = answer["payload"]
        assert body["status"] == "success", (subject, body)
        for name, kind in fields.items():
            assert isinstance(body[name], kind), (subject, name)
        malformed = json.loads((await plain.request(subject, b'{"payload":{}}', timeout=10)).data)["payload"]
        assert malformed["status"] == "error"
        assert malformed["error_code"] == "INVALID_REQUEST"
        assert malformed["retryable"] is False
        assert "`command`" in malformed["error_message"]
    details = json.loads((await plain.request("kiosk.agent.menu.details", _details(101), timeout=10)).data)
    assert details["payload"]["item"]["price"] == 12.99
    await plain.close()


async def test_a_plain_client_pays_with_a_tap(kiosk: VirtualKiosk, tmp_path: Path) -> None:
    plain = await nats.connect(kiosk.server.url)
    ask = {
        "command": "process_payment",
        "order_id": "order-uuid",
        "total": 24.97,
        "items": [
            {"item_id": 101, "name": "Volcano Burger", "qty": 1, "price": 12.99},
            {"item_id": 201, "name": "Iced Cola", "qty": 2, "price": 5.99},
        ],
        "loyalty_card": "LOYALTY123",
    }
    waiting = plain.request("kiosk.agent.payment.process", json.dumps({"payload": ask}).encode(), timeout=30)

    answering = asyncio.ensure_future(waiting)
    async with asyncio.timeout(20):
        while not answering.done():  # the agent takes a tap only once it waits for one
            await kiosk.stage.tap("good", hold_s=0.05)
            await asyncio.wait([answering], timeout=0.2)
    body = json.loads((await answering).data)["payload"]
    assert body["status"] == "success"
    assert body["amount_charged"] == 24.97
    assert body["loyalty_points_earned"] == 25
    assert body["error"] is None
    receipt = tmp_path / "data" / body["receipt_url"].removeprefix("/")
    assert receipt.read_bytes().startswith(b"%PDF")
    await plain.close()


def _details(item_id: int) -> bytes:
    return json.dumps({"payload": {"command": "get_details", "item_id": item_id}}).encode()
