"""The recommendation agent on a real server, asked as the specification writes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from edge.agents.recsys.agent import RecsysAgent, moment_of
from edge.agents.recsys.offers import Offer
from edge.bus import Client, EmbeddedServer
from edge.contract import recsys as said
from edge.contract import ui
from edge.contract.session import SessionEnded
from edge.contract.subjects import RECSYS_SUGGEST, SESSION_ENDED, UI_UPDATE
from tests.edge.agents.menu.paying import pay_for
from tests.edge.agents.menu.plain import asked_plainly
from tests.edge.agents.recsys.shipped import OFFERS


@pytest.fixture
def offers() -> dict[int, Offer]:
    return dict(OFFERS)


@pytest.fixture
async def agent(nats_server: EmbeddedServer, offers: dict[int, Offer]) -> AsyncIterator[RecsysAgent]:
    agent = RecsysAgent(nats_server.url, offers)
    await agent.connect()
    yield agent
    await agent.close()


async def test_the_specifications_request(nats_server: EmbeddedServer, agent: RecsysAgent) -> None:
    request = """{ "payload": { "command": "suggest", "cart": [ {"item_id": 101, "quantity": 1} ],
                   "context": { "time_of_day": "lunch", "weather": "hot", "party_size": 2 } } }"""
    payload = await asked_plainly(nats_server, "kiosk.agent.recsys.suggest", request)
    assert payload == {
        "status": "success",
        "suggestions": [
            {
                "item_id": 201,
                "name": "Iced Cola",
                "pitch": "Perfect to cool down with your Volcano Burger!",
                "reason": "weather_hot",
            },
            {
                "item_id": 301,
                "name": "Fries Combo",
                "pitch": "Make it a meal: add Fries Combo to your Volcano Burger.",
                "reason": "upsell_combo",
            },
        ],
    }


async def test_a_cart_alone_is_enough_and_an_unknown_dish_in_it_is_left_out(bus: Client, agent: RecsysAgent) -> None:
    both = [said.CartEntry(item_id=101, quantity=1), said.CartEntry(item_id=999, quantity=1)]
    known = await bus.request(RECSYS_SUGGEST, said.Suggest(cart=both[:1]))
    assert [each.reason for each in known.suggestions] == ["upsell_combo", "pairs_with_101"]
    assert await bus.request(RECSYS_SUGGEST, said.Suggest(cart=both)) == known


async def test_stock_is_looked_at_for_every_ask(bus: Client, agent: RecsysAgent, offers: dict[int, Offer]) -> None:
    ask = said.Suggest(cart=[said.CartEntry(item_id=101, quantity=1)])
    assert 201 in [each.item_id for each in (await bus.request(RECSYS_SUGGEST, ask)).suggestions]
    offers[201] = replace(offers[201], available=False)
    assert 201 not in [each.item_id for each in (await bus.request(RECSYS_SUGGEST, ask)).suggestions]


async def test_no_suggestion_is_an_answer(bus: Client, agent: RecsysAgent) -> None:
    full = [said.CartEntry(item_id=item, quantity=1) for item in (101, 201, 301, 402)]
    assert (await bus.request(RECSYS_SUGGEST, said.Suggest(cart=full))).suggestions == []


async def test_diets_and_allergens_are_kept_to(bus: Client, agent: RecsysAgent, offers: dict[int, Offer]) -> None:
    offers[201] = replace(offers[201], diets=frozenset({"vegan"}))
    offers[402] = replace(offers[402], diets=frozenset({"vegan"}), allergens=frozenset({"dairy"}))
    ask = said.Suggest(cart=[said.CartEntry(item_id=101, quantity=1)], dietary_filters=["Vegan"])
    assert {each.item_id for each in (await bus.request(RECSYS_SUGGEST, ask)).suggestions} == {201, 402}
    ask = said.Suggest(cart=ask.cart, dietary_filters=["vegan"], avoid_allergens=["lactose"])
    assert [each.item_id for each in (await bus.request(RECSYS_SUGGEST, ask)).suggestions] == [201]


async def test_past_orders_are_learned_from_the_record_and_as_customers_leave(
    nats_server: EmbeddedServer, bus: Client, offers: dict[int, Offer]
) -> None:
    waiting = RecsysAgent(nats_server.url, offers)
    await waiting.connect()  # makes the streams
    await waiting.close()
    for number in range(5):
        await pay_for(bus, f"order-{number}", 101, 402)
    await bus.publish(UI_UPDATE, ui.UiUpdate(layout_mode="hero_grid"))
    agent = RecsysAgent(nats_server.url, offers)
    await agent.connect()
    try:
        async with asyncio.timeout(30):
            while agent.memory.learned.orders < 5:
                await bus.request(RECSYS_SUGGEST, said.Suggest(cart=[]))
        assert agent.memory.learned.together(101, 402) == 5
        assert await agent.learn() == 0
        await pay_for(bus, "order-5", 101, 402)
        await bus.publish(SESSION_ENDED, SessionEnded(reason="timeout", duration_seconds=1.0))
        async with asyncio.timeout(30):
            while agent.memory.learned.orders < 6:
                await bus.request(RECSYS_SUGGEST, said.Suggest(cart=[]))
        ask = said.Suggest(cart=[said.CartEntry(item_id=101, quantity=1)])
        reasons = {each.item_id: each.reason for each in (await bus.request(RECSYS_SUGGEST, ask)).suggestions}
        assert set(reasons) <= {201, 202, 301, 402}
    finally:
        await agent.close()


def test_an_abandoned_cart_is_no_order_and_a_malformed_screen_is_ignored() -> None:
    orders = said.PaidOrders()
    cart = {
        "type": "Cart",
        "data": {
            "lines": [{"item_id": 1, "title": "a", "quantity": 2, "price": 1, "line_total": 2}],
            "total": 2,
            "currency": "EUR",
        },
    }
    receipt = {"type": "ReceiptInfo", "data": {"order_id": "one"}}
    assert orders.read("a", {"components": [cart]}) is None
    assert orders.read("b", {"components": [receipt]}) is None
    for malformed in ({}, {"components": 7}, {"components": [7, {"type": "Cart", "data": []}]}):
        assert orders.read("a", malformed) is None
    assert orders.read("c", {"components": [{"type": "Cart", "data": {"lines": 5}}]}) is None
    assert orders.read("c", {"components": [receipt]}) is None
    assert orders.read("a", {"components": [receipt]}) == said.PaidOrder("one", {1: 2})


def test_the_moment_of_an_hour() -> None:
    hours = {hour: moment_of(datetime(2026, 11, 23, hour, tzinfo=UTC)) for hour in (0, 4, 5, 11, 15, 17, 21, 22, 23)}
    assert list(hours.values()) == [
        "night",
        "night",
        "breakfast",
        "lunch",
        "afternoon",
        "dinner",
        "dinner",
        "night",
        "night",
    ]
