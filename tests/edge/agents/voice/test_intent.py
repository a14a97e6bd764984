"""What sentences mean, recognised or typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.menu.catalogue import Menu
from edge.agents.voice.intent import Item, meaning_of
from edge.assembly import vocabulary

WORDS = vocabulary(Menu.load())


@pytest.mark.parametrize(
    ("text", "intent", "items", "tags"),
    [
        # The specification's own example: a kind of dish, so a search.
        ("I want a burger with extra cheese", "search_menu", [("burger", None, 1, ("Extra Cheese",))], ()),
        ("I want a volcano burger with extra cheese", "add_item", [("Volcano Burger", 101, 1, ("Extra Cheese",))], ()),
        ("two iced colas please", "add_item", [("Iced Cola", 201, 2, ())], ()),
        (
            "A coke and a margherita pizza",
            "add_item",
            [("Iced Cola", 201, 1, ()), ("Margherita Pizza", 107, 1, ())],
            (),
        ),
        ("volcano burger without onions", "add_item", [("Volcano Burger", 101, 1, ("No Onions",))], ()),
        ("show me something vegetarian", "search_menu", [], ("vegetarian",)),
        ("do you have anything spicy?", "search_menu", [], ("spicy",)),
        ("what do you have", "search_menu", [], ()),
        ("remove the cola", "remove_item", [("Iced Cola", 201, 1, ())], ()),
        ("I want to pay", "checkout", [], ()),
        ("No, that's all.", "checkout", [], ()),
        ("yes", "confirm", [], ()),
        ("no thanks", "cancel", [], ()),
        ("cancel the order", "cancel", [], ()),
        ("help me", "help", [], ()),
        ("the weather is nice today", "unknown", [], ()),
        ("", "unknown", [], ()),
    ],
)
def test_meaning(
    text: str, intent: str, items: list[tuple[str, int | None, int, tuple[str, ...]]], tags: tuple[str, ...]
) -> None:
    meaning = meaning_of(text, WORDS)
    assert meaning.intent_type == intent
    assert [(item.item, item.item_id, item.quantity, item.modifiers) for item in meaning.items] == items
    assert meaning.tags == tags


def test_what_the_menu_does_not_offer_is_not_dropped() -> None:
    (item,) = meaning_of("a volcano burger with no nuts", WORDS).items
    assert item == Item("Volcano Burger", 101, 1, ("no nuts",))


@given(st.text(max_size=80))
def test_any_text_has_a_meaning(text: str) -> None:
    meaning = meaning_of(text, WORDS)
    assert 0 <= meaning.understood <= 1
    assert all(item.quantity >= 1 for item in meaning.items)
