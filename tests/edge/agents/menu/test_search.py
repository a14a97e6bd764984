"""Searching the menu that ships, and properties of any search."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.menu.catalogue import Dish, Menu
from edge.agents.menu.search import Finder
from edge.agents.menu.shelf import Shelf
from edge.agents.menu.spelling import edits, stem, words

MENU = Menu.load()


def finder(menu: Menu) -> Finder:
    shelf = Shelf()
    shelf.put(menu)
    return Finder(shelf)


FINDER = finder(MENU)
NAMES = [dish.name for dish in MENU.dishes]


def found(query: str, tags: tuple[str, ...] = (), diets: tuple[str, ...] = ()) -> list[str]:
    return [dish.name for dish in FINDER.find(query, tags, diets)]


@pytest.mark.parametrize("name", NAMES)
def test_a_dish_is_first_when_its_name_is_asked_for(name: str) -> None:
    assert found(name)[0] == name
    assert found(f"I'd like a {name.upper()}, please!")[0] == name


@pytest.mark.parametrize("dish", MENU.dishes, ids=NAMES)
def test_a_spoken_name_finds_its_dish(dish: Dish) -> None:
    for spoken in dish.also_called:
        assert dish in FINDER.find(spoken)[:3], spoken


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("spicy burger", "Volcano Burger"),
        ("burgers", "Volcano Burger"),
        ("I want a burger with extra cheese", "Volcano Burger"),
        ("jalapeno", "Volcano Burger"),
        ("JALAPEÑOS", "Volcano Burger"),
        ("sandwiches", "Fish Sandwich"),
        ("coke", "Iced Cola"),
        ("milkshakes", "Chocolate Shake"),
        ("veggie", "Veggie Bowl"),
        ("veggie burger", "Garden Burger"),
        ("hot drink", "Coffee"),
        ("large volcano burger", "Volcano Burger"),
        ("marg", "Margherita Pizza"),
        ("chips", "Fries Combo"),
        ("potatoes", "Sweet Potato Fries"),
    ],
)
def test_what_customers_say(query: str, first: str) -> None:
    assert found(query)[0] == first


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("volcanoo burgr", "Volcano Burger"),
        ("lemonaid", "Lemonade"),
        ("quesadila", "Quesadilla"),
        ("piza", "Margherita Pizza"),
        ("cofee", "Coffee"),
        ("cxqv", None),  # every word of the menu is further away
        ("pzza", "Margherita Pizza"),
        ("kobmucha", "Kombucha"),
        ("margerita piza", "Margherita Pizza"),
        ("zizza", "Margherita Pizza"),
        ("vegitarian soup", "Tomato Soup"),  # a diet's name, misspelled, is a condition still
    ],
)
def test_typing_errors(typed: str, meant: str | None) -> None:
    assert next(iter(found(typed)), None) == meant


@pytest.mark.parametrize("query", ["sushi", "unicorn steak", "zzzz", "ramen", "vegan sushi", "knee", "aid", "pi"])
def test_what_is_not_on_the_menu_is_not_found(query: str) -> None:
    assert found(query) == []


def test_no_query_is_the_whole_menu_and_popular_dishes_lead() -> None:
    for query in ("", "  ", "?!", "something please"):
        assert sorted(found(query)) == sorted(NAMES)
    popular = [dish.name for dish in MENU.dishes if "popular" in dish.tags]
    assert found("")[: len(popular)] == popular


def test_tags_and_diets_must_all_hold() -> None:
    spicy = found("", ("spicy",))
    assert "Volcano Burger" in spicy
    assert found("spicy burger", ("spicy",), ("vegetarian",)) == ["Garden Burger"]
    assert found("", ("spicy", "cold")) == []
    assert found("", ("Spicy",), ("Gluten Free",)) == ["Spicy Wings"]
    assert found("burger", diets=("pescatarian",)) == []
    assert found("pizza", diets=("vegan",)) == []


@pytest.mark.parametrize(
    ("query", "diet"), [("vegan", "vegan"), ("gluten free fries", "gluten-free"), ("meatless", "vegetarian")]
)
def test_a_diet_in_the_query_is_a_condition(query: str, diet: str) -> None:
    dishes = FINDER.find(query)
    assert dishes
    assert all(diet in dish.diets for dish in dishes)


def test_a_sold_out_dish_is_found_after_an_equal_one() -> None:
    def with_stock(item_id: int) -> list[str]:
        dishes = [msgspec.structs.replace(dish, stock=0 if dish.id == item_id else dish.stock) for dish in MENU.dishes]
        return [dish.name for dish in finder(Menu(dishes, "USD", MENU.search)).find("burger")]

    assert with_stock(0)[:2] == ["Volcano Burger", "Garden Burger"]
    assert with_stock(101)[:2] == ["Garden Burger", "Volcano Burger"]


@given(st.text(max_size=60), st.sampled_from(["vegan", "vegetarian", "gluten-free", "nut-free"]))
def test_any_query_is_answered_and_diets_always_hold(query: str, diet: str) -> None:
    dishes = FINDER.find(query, diets=[diet])
    assert all(diet in dish.diets for dish in dishes)
    assert len({dish.id for dish in dishes}) == len(dishes)
    assert dishes == FINDER.find(query, diets=[diet])


@given(
    st.lists(st.sampled_from(sorted({word for name in NAMES for word in words(name)})), min_size=1),
    st.sampled_from(["vegan", "gluten-free", "nut-free"]),
    st.sampled_from(["spicy", "popular", "cold"]),
)
def test_words_only_narrow_what_the_conditions_leave(query: list[str], diet: str, tag: str) -> None:
    dishes = FINDER.find(" ".join(query), [tag], [diet])
    allowed = [dish for dish in MENU.dishes if diet in dish.diets and tag in dish.tags]
    assert all(dish in allowed for dish in dishes)
    holding_all = [dish for dish in allowed if set(query) <= set(words(dish.name))]
    assert all(dish in dishes for dish in holding_all)


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("pizza", "pizza", 0),
        ("pizza", "piza", 1),
        ("pizza", "pizzza", 1),
        ("pizza", "pozza", 1),
        ("pizza", "pziza", 1),
        ("pizza", "ipzaz", 2),
        ("pizza", "pasta", 3),
        ("pizza", "pizza bread", 3),
    ],
)
def test_edits(one: str, other: str, apart: int) -> None:
    assert edits(one, other, 2) == apart


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_edits_are_symmetric_and_zero_only_for_the_same(one: str, other: str) -> None:
    assert edits(one, other, 9) == edits(other, one, 9)
    assert (edits(one, other, 9) == 0) == (one == other)
    assert edits(one, other, 9) <= max(len(one), len(other))


@pytest.mark.parametrize(
    ("plural", "single"),
    [
        ("fries", "fry"),
        ("wings", "wing"),
        ("sandwiches", "sandwich"),
        ("tomatoes", "tomato"),
        ("hummus", "hummus"),
        ("pies", "pie"),
        ("gas", "gas"),
    ],
)
def test_stems(plural: str, single: str) -> None:
    assert stem(plural) == single


def test_a_thousand_words_are_answered() -> None:
    assert found("volcano " + "blah " * 1000) == ["Volcano Burger"]
