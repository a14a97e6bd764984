"""The menu agent on a real server, asked as the specification writes it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from edge.agents.menu.agent import MenuAgent
from edge.agents.menu.catalogue import Menu
from edge.agents.menu.shelf import Shelf
from edge.bus import Client, EmbeddedServer
from edge.contract import menu as said
from edge.contract.errors import AskError
from edge.contract.money import Money
from edge.contract.session import SessionEnded
from edge.contract.subjects import MENU_DETAILS, MENU_SEARCH, SESSION_ENDED
from tests.edge.agents.menu.paying import pay_for
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


async def test_conditions_that_the_specification_has_no_field_for(bus: Client, agent: MenuAgent) -> None:
    async def names(**ask: object) -> list[str]:
        wanted = msgspec.convert({"query": "", "limit": 100, **ask}, said.Search)
        return [item.name for item in agent.search(wanted).items]

    everything = await names()
    milk_free = await names(avoid_allergens=["milk", "Nuts"])
    assert set(milk_free) == {dish.name for dish in agent.menu.dishes if not {"dairy", "nuts"} & set(dish.allergens)}
    assert len(milk_free) < len(everything)
    cheap = await bus.request(
        MENU_SEARCH, said.Search(query="", max_price=Money.of(5), min_price=Money.of(4), limit=100)
    )
    assert {item.price.minor for item in cheap.items} == {499, 449, 479}
    assert await names(query="pie under 5 dollars") == ["Apple Pie"]
    assert await names(query="wrap without sesame") == ["Chicken Wrap"]
    for nothing in (
        {"query": "pie under 4.50"},
        {"query": "dessert no milk"},
        {"query": "pie", "avoid_allergens": ["eggs"]},
    ):
        with pytest.raises(AskError, match="MENU_NOT_FOUND"):
            await names(**nothing)


async def test_what_is_left_is_told_and_sales_count_once(bus: Client, agent: MenuAgent) -> None:
    async def wings() -> said.FoundItem:
        return (await bus.request(MENU_SEARCH, said.Search(query="spicy wings"))).items[0]

    assert (await wings()).left == 40
    agent.sold("order-1", {109: 38})
    agent.sold("order-1", {109: 38})
    assert ((await wings()).left, (await wings()).available) == (2, True)
    agent.sold("order-2", {109: 2, 101: 1})
    assert ((await wings()).left, (await wings()).available) == (0, False)
    details = (await bus.request(MENU_DETAILS, said.GetDetails(item_id=109))).item
    assert (details.left, details.available) == (0, False)
    assert (await bus.request(MENU_DETAILS, said.GetDetails(item_id=101))).item.left is msgspec.UNSET


async def test_what_a_customer_paid_for_is_taken_off_the_shelf(
    nats_server: EmbeddedServer, bus: Client, agent: MenuAgent, tmp_path: Path
) -> None:
    async def left(wanted: int) -> None:
        async with asyncio.timeout(30):
            while (await bus.request(MENU_DETAILS, said.GetDetails(item_id=109))).item.left != wanted:
                pass

    await left(40)
    await pay_for(bus, "order-1", 109, 101)
    await bus.publish(SESSION_ENDED, SessionEnded(reason="completed", duration_seconds=1.0))
    await left(38)
    await agent.count_sales()
    await left(38)
    await pay_for(bus, "order-2", 109)
    later = MenuAgent(nats_server.url, agent.menu, shelf=Shelf(tmp_path / "menu.sqlite"))  # sees both, at its start
    await later.client.connect()
    await later.count_sales()
    assert later.menu.dish(109).left == 38 - 4
    await later.close()


SHIPPED = files("edge.agents.menu").joinpath("menu.toml").read_text(encoding="utf-8")


@pytest.fixture
async def following(nats_server: EmbeddedServer, tmp_path: Path) -> AsyncIterator[tuple[MenuAgent, Path]]:
    file = tmp_path / "menu.toml"
    file.write_text(SHIPPED.replace("[[dish]]", '[[dish]]\nnames = { de = "Vulkan" }', 1), encoding="utf-8")
    agent = MenuAgent(nats_server.url, Menu.load(file), file=file, look_every_s=0.01)
    await agent.connect()
    yield agent, file
    await agent.close()


async def test_names_are_told_in_the_askers_language(bus: Client, following: tuple[MenuAgent, Path]) -> None:
    found = await bus.request(MENU_SEARCH, said.Search(query="vulkan", language="de-AT"))
    assert [item.name for item in found.items] == ["Vulkan"]
    assert (await bus.request(MENU_DETAILS, said.GetDetails(item_id=101, language="de"))).item.name == "Vulkan"
    assert (await bus.request(MENU_DETAILS, said.GetDetails(item_id=101, language="fr"))).item.name == "Volcano Burger"


async def test_a_changed_file_is_taken_over_while_customers_ask(bus: Client, following: tuple[MenuAgent, Path]) -> None:
    agent, file = following
    agent.sold("order-1", {109: 1})
    file.write_text(SHIPPED.replace('name = "Cheesecake"', 'name = "Sachertorte"'), encoding="utf-8")
    async with asyncio.timeout(30):
        while (item := (await bus.request(MENU_DETAILS, said.GetDetails(item_id=402))).item).name != "Sachertorte":
            assert item.name == "Cheesecake"
    found = await bus.request(MENU_SEARCH, said.Search(query="sachertorte"))
    assert [item.id for item in found.items] == [402]
    assert agent.ready
    assert (await bus.request(MENU_SEARCH, said.Search(query="spicy wings"))).items[0].left == 39


async def test_a_file_with_faults_leaves_the_menu_as_it_was_and_is_told_of_once(
    bus: Client, following: tuple[MenuAgent, Path], caplog: pytest.LogCaptureFixture
) -> None:
    agent, file = following
    text = SHIPPED.replace("price = 12.99", "price = 12.999").replace("stock = 40", 'stock = "lots"')
    with caplog.at_level(logging.ERROR):
        file.write_text(text, encoding="utf-8")
        async with asyncio.timeout(30):
            while "stays as it was" not in caplog.text:
                await bus.request(MENU_DETAILS, said.GetDetails(item_id=101))
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["menu"] * 3
    assert "two decimals" in caplog.text
    assert "`stock`" in caplog.text
    assert not await agent.look()
    assert len(caplog.records) == 3
    assert (await bus.request(MENU_DETAILS, said.GetDetails(item_id=101))).item.price == Money.of("12.99")
    file.unlink()
    assert not await agent.look()
    assert (await bus.request(MENU_DETAILS, said.GetDetails(item_id=101))).item.available
