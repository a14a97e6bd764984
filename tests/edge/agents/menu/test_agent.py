"""The menu agent on a real server, asked as the specification writes it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from edge.agents.menu.agent import MenuAgent
from edge.agents.menu.catalogue import Menu
from edge.bus import Client, EmbeddedServer
from edge.contract import menu as said
from edge.contract.errors import AskError
from edge.contract.money import Money
from edge.contract.subjects import MENU_DETAILS, MENU_SEARCH
from tests.edge.agents.menu.plain import asked_plainly


@pytest.fixture
async def agent(nats_server: EmbeddedServer) -> AsyncIterator[MenuAgent]:
    menu = Menu.load()
    dishes = [
        msgspec.structs.replace(dish, stock=0) if dish.id == 402 else dish for dish in menu.dishes
    ]  # the cheesecake is sold out
    agent = MenuAgent(nats_server.url, Menu(dishes, menu.currency, menu.search))
    await agent.connect()
    yield agent
    await agent.close()


async def test_the_specifications_search(nats_server: EmbeddedServer, agent: MenuAgent) -> None:
    request = """{ "payload": { "command": "search", "query": "spicy burger", "tags": ["spicy"],
                   "dietary_filters": ["vegetarian"], "limit": 10 } }"""
    payload = await asked_plainly(nats_server, "kiosk.agent.menu.search", request)
    assert payload == {
        "status": "success",
        "items": [
            {
                "id": 102,
                "name": "Garden Burger",
                "price": 11.49,
                "image": "/img/garden-burger.svg",
                "tags": ["spicy", "burgers", "lunch", "dinner"],
                "available": True,
            }
        ],
        "total_matches": 1,
    }


async def test_section_10_2s_request(nats_server: EmbeddedServer, agent: MenuAgent) -> None:
    payload = await asked_plainly(
        nats_server, "kiosk.agent.menu.search", '{"payload":{"command":"search","query":"burger"}}'
    )
    first = payload["items"][0]
    assert (type(first["id"]), type(first["price"])) == (int, float)
    assert (first["id"], first["price"], first["available"]) == (101, 12.99, True)


async def test_the_specifications_details(nats_server: EmbeddedServer, agent: MenuAgent) -> None:
    payload = await asked_plainly(
        nats_server,
        "kiosk.agent.menu.details",
        '{ "payload": { "command": "get_details", "item_id": 101 } }',
    )
    assert payload["status"] == "success"
    item = payload["item"]
    assert item["description"].startswith("Spicy beef patty with jalapeños")
    assert {key: item[key] for key in ("id", "name", "price", "calories", "allergens", "customizations")} == {
        "id": 101,
        "name": "Volcano Burger",
        "price": 12.99,
        "calories": 850,
        "allergens": ["gluten", "dairy"],
        "customizations": [{"name": "Extra Cheese", "price": 1.5}, {"name": "No Onions", "price": 0}],
    }


async def test_nothing_found_is_the_specifications_error(nats_server: EmbeddedServer, agent: MenuAgent) -> None:
    payload = await asked_plainly(
        nats_server, "kiosk.agent.menu.search", '{"payload":{"command":"search","query":"sushi"}}'
    )
    assert payload == {
        "status": "error",
        "error_code": "MENU_NOT_FOUND",
        "error_message": "No items match the search query",
        "retryable": False,
    }


async def test_an_unknown_dish_is_not_found_and_named(bus: Client, agent: MenuAgent) -> None:
    with pytest.raises(AskError, match="999") as refused:
        await bus.request(MENU_DETAILS, said.GetDetails(item_id=999))
    assert (refused.value.code, refused.value.retryable) == ("MENU_NOT_FOUND", False)


async def test_a_sold_out_dish_says_so(bus: Client, agent: MenuAgent) -> None:
    result = await bus.request(MENU_SEARCH, said.Search(query="cheesecake"))
    assert [(item.id, item.available) for item in result.items] == [(402, False)]
    assert not (await bus.request(MENU_DETAILS, said.GetDetails(item_id=402))).item.available
    assert (await bus.request(MENU_DETAILS, said.GetDetails(item_id=401))).item.available


async def test_the_limit_cuts_and_the_total_counts_all(bus: Client, agent: MenuAgent) -> None:
    whole = await bus.request(MENU_SEARCH, said.Search(query="", limit=100))
    assert len(whole.items) == whole.total_matches == 25
    ten = await bus.request(MENU_SEARCH, said.Search(query=""))
    assert (len(ten.items), ten.total_matches) == (10, 25)
    assert ten.items == whole.items[:10]
    details = await bus.request(MENU_DETAILS, said.GetDetails(item_id=whole.items[0].id))
    assert details.item.price == whole.items[0].price == Money.of("12.99")
