"""Ordering by voice."""

from __future__ import annotations

from typing import Any

import pytest

from edge.contract.subjects import SESSION_ENDED, SESSION_STARTED
from edge.contract.voice import SpokenItem
from tests.edge.agents.orchestrator.conftest import Kiosk, Screen


async def arrive(kiosk: Kiosk) -> None:
    await kiosk.come()
    await kiosk.screen("greeting")


async def test_what_was_heard_is_shown(kiosk: Kiosk) -> None:
    await arrive(kiosk)
    await kiosk.hear("i want", is_final=False)
    await kiosk.hear("I want a burger")
    screen = await kiosk.screen("greeting")
    assert screen.caption("heard") == "I want a burger"
    await kiosk.say("search_menu", "I want a burger", item="burger")
    screen = await kiosk.screen("hero_grid")
    assert screen.caption("heard") == "I want a burger"
    assert screen.dishes == ["Volcano Burger", "Garden Burger"]


async def test_voice_without_a_session_is_ignored(kiosk: Kiosk) -> None:
    await kiosk.hear("two burgers")
    await kiosk.say("add_item", item_id=101)
    assert (await kiosk.now()).layout == "attract"
    assert kiosk.unread(SESSION_STARTED) == 0
    assert kiosk.orchestrator.session.heard is None


async def test_tags_and_diets_are_told_apart(kiosk: Kiosk) -> None:
    await arrive(kiosk)
    await kiosk.say("search_menu", item="burger", tags=["Vegetarian"])
    assert (await kiosk.screen("hero_grid")).dishes == ["Garden Burger"]
    # Among the searches: the greeting's own may come after it.
    assert ([], ["vegetarian"]) in [(each.tags, each.dietary_filters) for each in kiosk.kitchen.asked]
    await kiosk.say("search_menu", tags=["spicy", "gluten free"])
    await kiosk.screen("hero_grid", lambda screen: screen.caption("warning") is not None)
    assert (["spicy"], ["gluten-free"]) in [(each.tags, each.dietary_filters) for each in kiosk.kitchen.asked]


async def test_a_search_that_finds_nothing_says_so_and_keeps_the_dishes(kiosk: Kiosk) -> None:
    await arrive(kiosk)
    await kiosk.say("search_menu", item="sushi")
    screen = await kiosk.screen("greeting", lambda screen: screen.caption("warning") is not None)
    assert screen.caption("warning") == "Sorry, we found nothing for “sushi”."
    assert screen.dishes == ["Volcano Burger", "Iced Cola"]


@pytest.mark.parametrize(
    ("entities", "cart", "customizations"),
    [
        ({"item_id": 101}, [(101, 1)], []),
        ({"item": "cola", "quantity": 2}, [(201, 2)], []),
        ({"item": "volcano burger", "modifiers": ["extra cheese"]}, [(101, 1)], ["Extra Cheese"]),
        (
            {"item": "Volcano", "quantity": 3, "modifiers": ["without onion", "cheese"]},
            [(101, 3)],
            ["Extra Cheese", "No Onions"],
        ),
    ],
)
async def test_dishes_are_added(
    kiosk: Kiosk, entities: dict[str, Any], cart: list[tuple[int, int]], customizations: list[str]
) -> None:
    await arrive(kiosk)
    await kiosk.say("add_item", **entities)
    screen = await kiosk.screen("hero_grid")
    assert screen.cart == cart
    assert screen.one("Cart")["lines"][0]["customizations"] == customizations
    assert screen.caption("warning") is None


async def test_several_dishes_in_one_sentence(kiosk: Kiosk) -> None:
    await arrive(kiosk)
    await kiosk.say(
        "add_item",
        item_id=101,
        also=[SpokenItem(item="iced cola", quantity=2), SpokenItem(item="Lava Cake", item_id=401)],
    )
    screen = await kiosk.screen("hero_grid")
    assert screen.cart == [(101, 1), (201, 2)]
    assert screen.caption("said") == "Added 1 × Volcano Burger. Added 2 × Iced Cola."
    assert screen.caption("warning") == "Sorry, Lava Cake is sold out."


async def test_a_dish_that_could_be_several_is_asked_back(kiosk: Kiosk) -> None:
    await arrive(kiosk)
    await kiosk.say("add_item", item="burger")
    screen = await kiosk.screen("hero_grid")
    assert screen.dishes == ["Volcano Burger", "Garden Burger"]
    assert screen.caption("said") == "Which one would you like?"
    assert screen.cart == []


async def test_a_wish_that_cannot_be_met_is_told(kiosk: Kiosk) -> None:
    await arrive(kiosk)
    await kiosk.say("add_item", item_id=101, modifiers=["no nuts", "extra cheese"])
    screen = await kiosk.screen("hero_grid")
    assert screen.cart == [(101, 1)]
    assert "“no nuts”" in (screen.caption("warning") or "")
    assert "allergies" in (screen.caption("warning") or "")


async def test_it_means_the_dish_on_the_screen(kiosk: Kiosk) -> None:
    await arrive(kiosk)
    await kiosk.touch("select_item", 301)
    await kiosk.screen("item")
    await kiosk.say("add_item", "I'll take it")
    assert (await kiosk.screen("hero_grid")).cart == [(301, 1)]


@pytest.mark.parametrize(
    ("entities", "cart"),
    [
        ({"item_id": 201}, [(101, 3)]),
        ({"item": "the burgers"}, [(201, 2)]),
        ({"item": "burger", "quantity": 1}, [(101, 2), (201, 2)]),
        ({}, [(101, 3)]),  # "remove that": the latest
        ({"item": "soup"}, [(101, 3), (201, 2)]),
    ],
)
async def test_dishes_are_removed(kiosk: Kiosk, entities: dict[str, Any], cart: list[tuple[int, int]]) -> None:
    await kiosk.order(101, 3)
    await kiosk.cart("add", 201, 2)
    await kiosk.screen("hero_grid", lambda screen: len(screen.cart) == 2)
    await kiosk.say("remove_item", "take it away", **entities)
    screen = await kiosk.screen("hero_grid", lambda screen: screen.caption("heard") == "take it away")
    assert screen.cart == cart
    assert (screen.caption("warning") is not None) == (entities.get("item") == "soup")


async def test_the_way_to_the_card_reader(kiosk: Kiosk) -> None:
    await arrive(kiosk)
    await kiosk.say("checkout")
    screen = await kiosk.screen("greeting", lambda screen: screen.caption("warning") is not None)
    assert screen.caption("warning") == "Your order is empty. Please choose a dish first."
    await kiosk.say("add_item", item_id=101)
    await kiosk.say("confirm", "yes")  # nothing to confirm yet
    await kiosk.say("checkout")
    await kiosk.screen("confirm")
    await kiosk.say("confirm", "yes")
    assert (await kiosk.screen("payment")).one("PaymentPrompt")["state"] == "waiting"


async def test_no_is_a_step_back_and_cancel_the_end(kiosk: Kiosk) -> None:
    await kiosk.order()
    await kiosk.touch("checkout")
    await kiosk.screen("confirm")
    await kiosk.say("cancel", "no that's wrong")
    assert (await kiosk.screen("hero_grid")).cart == [(101, 1)]
    await kiosk.say("cancel", "no thanks")
    await kiosk.screen("hero_grid", lambda screen: screen.caption("said") == "All right.")
    await kiosk.say("cancel", "cancel my order")
    await kiosk.screen("goodbye")
    assert (await kiosk.event(SESSION_ENDED)).payload["reason"] == "cancelled"


async def test_help_and_the_unknown_are_answered(kiosk: Kiosk) -> None:
    await arrive(kiosk)
    await kiosk.say("help")
    screen = await kiosk.screen("greeting", lambda screen: screen.caption("heard") == "help")
    assert "You can say" in (screen.caption("said") or "")
    await kiosk.say("unknown", "purple monkey dishwasher", confidence=0.1)
    screen = await kiosk.screen("greeting", lambda screen: screen.caption("warning") is not None)
    assert "didn't understand" in (screen.caption("warning") or "")


def asked_back(screen: Screen) -> bool:
    return (screen.caption("said") or "").startswith("Did you mean")


async def test_what_was_heard_badly_is_asked_back_not_done(kiosk: Kiosk) -> None:
    await arrive(kiosk)
    await kiosk.say("add_item", "two colas", confidence=0.49, item_id=201, quantity=2)
    screen = await kiosk.screen("greeting", asked_back)
    assert screen.caption("said") == "Did you mean “two colas”?"
    assert screen.cart == []
    await kiosk.say("confirm", "yes")
    assert (await kiosk.screen("hero_grid")).cart == [(201, 2)]


async def test_a_yes_never_pays_when_something_else_was_asked(kiosk: Kiosk) -> None:
    await kiosk.order()
    await kiosk.touch("checkout")
    await kiosk.screen("confirm")
    await kiosk.say("add_item", "fries", confidence=0.3, item_id=301)
    await kiosk.screen("confirm", asked_back)
    await kiosk.say("confirm", "yes")
    assert (await kiosk.screen("confirm", lambda screen: len(screen.cart) == 2)).cart == [(101, 1), (301, 1)]
    await kiosk.say("cancel", "cancel", confidence=0.3)
    await kiosk.screen("confirm", asked_back)
    await kiosk.say("cancel", "no")  # not what I meant
    await kiosk.screen("confirm", lambda screen: screen.caption("said") == "All right.")
    assert kiosk.terminal.asked == []


async def test_a_touch_answers_the_question_too(kiosk: Kiosk) -> None:
    await arrive(kiosk)
    await kiosk.say("add_item", "two colas", confidence=0.3, item_id=201, quantity=2)
    await kiosk.screen("greeting", asked_back)
    await kiosk.touch("show_everything")
    await kiosk.say("confirm", "yes")
    screen = await kiosk.screen("hero_grid", lambda screen: screen.caption("heard") == "yes")
    assert screen.cart == []
