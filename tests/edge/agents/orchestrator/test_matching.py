"""What customers say and what the menu calls it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.orchestrator.cart import Line
from edge.agents.orchestrator.matching import find_line, match_customization, pick_dish, words
from edge.contract import menu
from edge.contract.money import Money

OFFERED = ["Extra Cheese", "No Onions", "No Cheese", "Add Bacon", "Gluten-Free Bun", "Extra Hot Sauce"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Extra Cheese", "Extra Cheese"),
        ("extra cheese please", "Extra Cheese"),
        ("cheese", "Extra Cheese"),
        ("no cheese", "No Cheese"),
        ("without cheese", "No Cheese"),
        ("without any onion", "No Onions"),
        ("without onion", "No Onions"),
        ("hold the onions", "No Onions"),
        ("onions", None),
        ("with bacon", "Add Bacon"),
        ("no bacon", None),
        ("gluten free bun", "Gluten-Free Bun"),
        ("hot sauce", "Extra Hot Sauce"),
        ("extra", None),
        ("nuts", None),
        ("", None),
        ("no", None),
    ],
)
def test_modifiers(said: str, meant: str | None) -> None:
    assert match_customization(said, OFFERED) == meant


@given(st.text(max_size=40), st.lists(st.text(max_size=20), max_size=4))
def test_anything_may_be_said(said: str, names: list[str]) -> None:
    assert match_customization(said, names) in (None, *names)


@given(st.sampled_from(OFFERED))
def test_a_customizations_own_name_means_it(name: str) -> None:
    assert match_customization(name.upper(), OFFERED) == name


def found(*names: str) -> list[menu.FoundItem]:
    return [
        menu.FoundItem(id=number, name=name, price=Money(1), image="", tags=[], available=True)
        for number, name in enumerate(names)
    ]


@pytest.mark.parametrize(
    ("said", "names", "meant"),
    [
        ("cola", ["Iced Cola"], "Iced Cola"),
        ("beverage", ["Iced Cola"], "Iced Cola"),  # the menu knows its synonyms
        ("volcano burgers", ["Garden Burger", "Volcano Burger"], "Volcano Burger"),
        ("burger", ["Garden Burger", "Volcano Burger"], None),
        ("burger", ["Burger", "Volcano Burger"], "Burger"),
        ("the volcano", ["Garden Burger", "Volcano Burger"], "Volcano Burger"),
        ("soup", ["Garden Burger", "Volcano Burger"], None),
        ("soup", [], None),
    ],
)
def test_dishes(said: str, names: list[str], meant: str | None) -> None:
    picked = pick_dish(said, found(*names))
    assert (picked and picked.name) == meant


def test_lines_of_the_cart() -> None:
    lines = [Line(1, "Volcano Burger", 1, Money(1)), Line(2, "Iced Cola", 1, Money(1))]
    assert find_line("the burger", lines) is lines[0]
    assert find_line("colas", lines) is lines[1]
    assert find_line("fries", lines) is None
    assert find_line("", lines) is None


def test_words_are_compared_in_the_singular() -> None:
    assert words("Two ICED Colas, please!") == ("two", "iced", "cola", "please")
    assert words("Swiss glass") == ("swiss", "glass")
