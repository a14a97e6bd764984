"""The recommendation agent on a real server, asked as the specification writes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from edge.agents.recsys.agent import RecsysAgent
from edge.agents.recsys.offers import Offer
from edge.bus import Client, EmbeddedServer
from edge.contract import recsys as said
from edge.contract.subjects import RECSYS_SUGGEST
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
