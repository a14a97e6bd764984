"""Choosing dishes by hand, and the cart."""

from __future__ import annotations

import asyncio

import pytest

from edge.contract.menu import GetDetails
from edge.contract.recsys import Suggest
from edge.contract.subjects import MENU_DETAILS, RECSYS_SUGGEST, SESSION_STARTED
from tests.edge.agents.orchestrator.conftest import Kiosk, OpenKiosk

GONE = "The menu can't be reached right now. Please try again in a moment."


async def test_a_dish_is_looked_at_and_added(kiosk: Kiosk) -> None:
    await kiosk.come()
    await kiosk.screen("greeting")
    await kiosk.touch("select_item", 101)
    screen = await kiosk.screen("item")
    details = screen.one("ItemDetails")
    assert (details["title"], details["price"], details["allergens"]) == ("Volcano Burger", 12.99, ["gluten"])
    assert details["customizations"][0] == {"name": "Extra Cheese", "price": 1.5}
    assert screen.actions == ["Add to cart", "Back"]
    await kiosk.touch("add_to_cart", 101)
    screen = await kiosk.screen("hero_grid")
    assert screen.cart == [(101, 1)]
    assert screen.caption("said") == "Added 1 × Volcano Burger."
    assert screen.actions == ["Checkout", "Show everything", "Cancel"]


async def test_add_to_cart_without_an_id_means_the_dish_on_the_screen(kiosk: Kiosk) -> None:
    await kiosk.come()
    await kiosk.touch("select_item", 201)
    await kiosk.screen("item")
    await kiosk.touch("add_to_cart")
    assert (await kiosk.screen("hero_grid")).cart == [(201, 1)]


async def test_back_shows_the_dishes_again(kiosk: Kiosk) -> None:
    await kiosk.come()
    dishes = (await kiosk.screen("greeting")).dishes
    await kiosk.touch("back")  # there is none yet
    await kiosk.screen("greeting")
    await kiosk.touch("select_item", 101)
    await kiosk.screen("item")
    await kiosk.touch("back")
    assert (await kiosk.screen("hero_grid")).dishes == dishes


async def test_show_everything(kiosk: Kiosk) -> None:
    await kiosk.come()
    await kiosk.touch("show_everything")
    screen = await kiosk.screen("hero_grid")
    assert len(screen.dishes) == 6
    assert [each["available"] for each in screen.all("HeroItem")] == [True, True, True, True, True, False]


async def test_the_cart_follows_cart_actions(kiosk: Kiosk) -> None:
    await kiosk.order(101, 2, "Extra Cheese")
    await kiosk.cart("add", 101, 1)
    screen = await kiosk.screen("hero_grid", lambda screen: len(screen.cart) == 2)
    assert screen.one("Cart")["total"] == 41.97
    await kiosk.cart("update_qty", 101, 3, "Extra Cheese")
    screen = await kiosk.screen("hero_grid", lambda screen: screen.cart == [(101, 3), (101, 1)])
    await kiosk.cart("remove", 101)
    screen = await kiosk.screen("hero_grid", lambda screen: screen.cart == [(101, 3)])
    assert screen.caption("said") == "Removed Volcano Burger."
    await kiosk.cart("update_qty", 101, 0, "Extra Cheese")
    screen = await kiosk.screen("hero_grid", lambda screen: screen.cart == [])
    assert "Checkout" not in screen.actions
    assert screen.all("Suggestion") == []


async def test_what_is_not_in_the_cart_can_be_removed_without_harm(kiosk: Kiosk) -> None:
    await kiosk.order()
    await kiosk.cart("remove", 301)
    await kiosk.cart("update_qty", 301, 5)
    await kiosk.cart("add", 301, 0)
    assert (await kiosk.now()).cart == [(101, 1)]


async def test_a_suggestion_is_shown_with_its_price_and_only_what_can_be_had(kiosk: Kiosk) -> None:
    screen = await kiosk.order()
    assert screen.all("Suggestion") == [
        {"item_id": 301, "title": "Fries", "pitch": "Crisp!", "price": 3.49, "image": "/img/301.svg"}
    ]
    (ask,) = kiosk.advisor.asked
    assert [(entry.item_id, entry.quantity) for entry in ask.cart] == [(101, 1)]
    assert ask.context.time_of_day == "lunch"


async def test_suggestions_for_a_cart_that_changed_meanwhile_are_not_shown(kiosk: Kiosk) -> None:
    late = kiosk.advisor.hold = asyncio.Event()
    await kiosk.come()
    await kiosk.cart("add", 101)
    await kiosk.screen("hero_grid", lambda screen: screen.cart == [(101, 1)])
    async with asyncio.timeout(10):
        while not kiosk.advisor.asked:
            await kiosk.bus.nc.flush()
    kiosk.advisor.hold, kiosk.advisor.offers = asyncio.Event(), ((201, "Iced Cola", "Cold!"),)
    kiosk.advisor.hold.set()
    await kiosk.cart("add", 102)
    await kiosk.screen("hero_grid", lambda screen: bool(screen.all("Suggestion")))
    late.set()
    await kiosk.bus.request(RECSYS_SUGGEST, Suggest(cart=[]))  # the late answer is out
    await kiosk.bus.request(MENU_DETAILS, GetDetails(item_id=301))  # and what was asked about it
    assert [each["title"] for each in (await kiosk.now()).all("Suggestion")] == ["Iced Cola"]


@pytest.mark.parametrize(("seen", "said"), [(4, 4), (0, 1), (500, 99)])
async def test_the_party_is_told_to_the_advisor(kiosk: Kiosk, seen: int, said: int) -> None:
    await kiosk.come(party_size=seen)
    await kiosk.cart("add", 101)
    await kiosk.screen("hero_grid", lambda screen: bool(screen.all("Suggestion")))
    assert kiosk.advisor.asked[0].context.party_size == said


@pytest.mark.parametrize(
    ("item_id", "customizations", "warning"),
    [
        (401, (), "Sorry, Lava Cake is sold out."),
        (999, (), "Sorry, we don't have that."),
        (101, ("Truffles",), "Sorry, Volcano Burger can't be had with “Truffles”."),
    ],
)
async def test_what_cannot_be_had_is_refused_with_a_warning(
    kiosk: Kiosk, item_id: int, customizations: tuple[str, ...], warning: str
) -> None:
    await kiosk.order()
    await kiosk.cart("add", item_id, 1, *customizations)
    screen = await kiosk.screen("hero_grid", lambda screen: screen.caption("warning") is not None)
    assert screen.caption("warning") == warning
    assert screen.cart == [(101, 1)]


async def test_too_much_is_refused_with_a_warning(kiosk: Kiosk) -> None:
    await kiosk.order(101, 99)
    await kiosk.cart("add", 201, 1)
    screen = await kiosk.screen("hero_grid", lambda screen: screen.caption("warning") is not None)
    assert screen.caption("warning") == "Sorry, one order can have 99 pieces at most."


ONLY_THREE = "Sorry, there are only 3 × Onion Rings left."


async def test_no_more_goes_into_the_cart_than_is_left(kiosk: Kiosk) -> None:
    await kiosk.order()
    await kiosk.cart("add", 302, 5)
    screen = await kiosk.screen("hero_grid", lambda screen: screen.caption("warning") is not None)
    assert (screen.cart, screen.caption("warning")) == ([(101, 1), (302, 3)], ONLY_THREE)
    assert screen.caption("said") == "Added 3 × Onion Rings."
    await kiosk.cart("add", 302, 1, "Dip")  # made otherwise, it is the same dish
    screen = await kiosk.screen("hero_grid", lambda screen: screen.caption("said") is None)
    assert (screen.cart, screen.caption("warning")) == ([(101, 1), (302, 3)], ONLY_THREE)


async def test_a_line_becomes_no_longer_than_what_is_left(kiosk: Kiosk) -> None:
    await kiosk.order()
    await kiosk.cart("add", 302, 1, "Dip")
    await kiosk.cart("add", 302, 1)
    await kiosk.screen("hero_grid", lambda screen: len(screen.cart) == 3)
    await kiosk.cart("update_qty", 302, 9)
    screen = await kiosk.screen("hero_grid", lambda screen: screen.caption("warning") is not None)
    assert (screen.cart, screen.caption("warning")) == ([(101, 1), (302, 1), (302, 2)], ONLY_THREE)
    await kiosk.cart("update_qty", 302, 1)
    assert (await kiosk.screen("hero_grid", lambda screen: screen.cart[-1] == (302, 1))).caption("warning") is None


async def test_a_diet_that_was_asked_for_is_told_to_the_advisor_until_everything_is_shown(kiosk: Kiosk) -> None:
    await kiosk.come()
    await kiosk.say("search_menu", tags=["vegetarian", "spicy"])
    await kiosk.say("search_menu", tags=["vegetarian"])
    await kiosk.say("search_menu", item="burger")
    await kiosk.cart("add", 102)
    await kiosk.screen("hero_grid", lambda screen: bool(screen.all("Suggestion")))
    assert kiosk.advisor.asked[-1].dietary_filters == ["vegetarian"]
    await kiosk.touch("show_everything")
    await kiosk.cart("add", 101)
    await kiosk.screen("hero_grid", lambda screen: len(screen.cart) == 2)
    async with asyncio.timeout(10):
        while len(kiosk.advisor.asked) < 2:
            await kiosk.bus.nc.flush()
    assert kiosk.advisor.asked[-1].dietary_filters == []


async def test_a_sold_out_dish_can_be_looked_at_but_not_added(kiosk: Kiosk) -> None:
    await kiosk.come()
    await kiosk.touch("select_item", 401)
    screen = await kiosk.screen("item")
    assert screen.one("ItemDetails")["available"] is False
    assert screen.actions == ["Back"]


async def test_the_order_can_be_changed_while_it_is_confirmed(kiosk: Kiosk) -> None:
    await kiosk.order()
    await kiosk.touch("checkout")
    await kiosk.screen("confirm")
    await kiosk.cart("add", 201, 2)
    assert (await kiosk.screen("confirm", lambda screen: len(screen.cart) == 2)).cart == [(101, 1), (201, 2)]
    await kiosk.cart("remove", 201)
    await kiosk.cart("remove", 101)
    assert (await kiosk.screen("hero_grid")).cart == []


async def test_without_the_recommendation_agent_there_are_no_suggestions(open_kiosk: OpenKiosk) -> None:
    kiosk = await open_kiosk("menu")
    await kiosk.come()
    await kiosk.cart("add", 101)
    await kiosk.screen("hero_grid", lambda screen: screen.cart == [(101, 1)])
    await kiosk.cart("add", 201)
    screen = await kiosk.screen("hero_grid", lambda screen: len(screen.cart) == 2)
    assert screen.all("Suggestion") == []
    assert screen.caption("warning") is None


async def test_without_the_menu_agent_the_customer_is_told(kiosk: Kiosk) -> None:
    await kiosk.order()
    await kiosk.kitchen.close()
    for act in (
        kiosk.touch("select_item", 101),
        kiosk.touch("show_everything"),
        kiosk.cart("add", 301),
        kiosk.say("search_menu", item="burger"),
        kiosk.say("add_item", item="fries"),
    ):
        await act
        screen = await kiosk.screen("hero_grid", lambda screen: screen.caption("warning") == GONE)
        assert screen.cart == [(101, 1)]
    await kiosk.cart("update_qty", 101, 2)
    await kiosk.screen("hero_grid", lambda screen: screen.cart == [(101, 2)])
    await kiosk.touch("checkout")
    await kiosk.screen("confirm")


async def test_touches_without_a_session_begin_none_but_start(kiosk: Kiosk) -> None:
    for action in ("checkout", "pay", "back", "cancel", "done", "try_again", "show_everything", "dance"):
        await kiosk.touch(action)
        await kiosk.screen("attract", lambda screen: screen.caption("said") is not None)
    await kiosk.cart("add", 101)
    await kiosk.screen("attract")
    assert kiosk.unread(SESSION_STARTED) == 0
