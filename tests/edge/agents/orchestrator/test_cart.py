"""The cart, against a plain model of itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.orchestrator.cart import MOST_LINES, MOST_PIECES, Cart, CartRefusal, Line, line_of
from edge.contract import menu
from edge.contract.money import Money

BURGER = menu.ItemDetails(
    id=101,
    name="Volcano Burger",
    description="",
    price=Money.of("12.99"),
    calories=850,
    allergens=[],
    customizations=[
        menu.Customization(name="Extra Cheese", price=Money.of("1.50")),
        menu.Customization(name="No Onions", price=Money(0)),
    ],
)

lines = st.builds(
    Line,
    item_id=st.integers(1, 4),
    title=st.just("dish"),
    quantity=st.integers(1, 40),
    price=st.integers(0, 300_000).map(Money),
    customizations=st.sampled_from([(), ("Extra Cheese",), ("Extra Cheese", "No Onions")]),
)
changes = st.lists(
    st.one_of(
        st.tuples(st.just("add"), lines),
        st.tuples(st.just("set"), st.tuples(st.integers(0, 5), st.integers(-1, 60))),
    ),
    max_size=30,
)


@given(changes)
def test_any_changes_leave_a_cart_that_adds_up(steps: list[tuple[str, object]]) -> None:
    cart = Cart()
    model: dict[tuple[int, tuple[str, ...]], tuple[int, int]] = {}  # what -> (pieces, price)
    for _, what in steps:
        before, kept = cart, dict(model)
        try:
            if isinstance(what, Line):
                key = (what.item_id, what.customizations)
                model[key] = (model.get(key, (0, 0))[0] + what.quantity, what.price.minor)
                cart = cart.add(what)
            elif isinstance(what, tuple) and what[0] < len(cart.lines):
                line = cart.lines[what[0]]
                model[line.item_id, line.customizations] = (what[1], line.price.minor)
                if what[1] < 1:
                    del model[line.item_id, line.customizations]
                cart = cart.with_quantity(line, what[1])
        except CartRefusal:
            assert cart is before
            pieces = sum(count for count, _ in model.values())
            worth = sum(count * price for count, price in model.values())
            assert pieces > MOST_PIECES or worth >= 100_000_000
            model = kept
        assert {(each.item_id, each.customizations): (each.quantity, each.price.minor) for each in cart.lines} == model
        assert cart.total.minor == sum(count * price for count, price in model.values())
        assert cart.pieces == sum(count for count, _ in model.values()) <= MOST_PIECES
        assert bool(cart) == bool(model)
        assert sum(entry.quantity for entry in cart.entries()) == cart.pieces
        assert len({entry.item_id for entry in cart.entries()}) == len(cart.entries())


@given(lines, lines)
def test_adding_never_changes_the_cart_it_began_with(one: Line, other: Line) -> None:
    before = Cart().add(one)
    after = before.add(other)
    assert before.lines == (one,)
    assert after.pieces == one.quantity + other.quantity


def test_customizations_are_priced_and_their_order_means_nothing() -> None:
    line = line_of(BURGER, 2, ["No Onions", "Extra Cheese", "Extra Cheese"])
    assert line.price == Money.of("14.49")
    assert line.total == Money.of("28.98")
    assert line.customizations == ("Extra Cheese", "No Onions")
    cart = Cart().add(line).add(line_of(BURGER, 1, ["Extra Cheese", "No Onions"]))
    assert [each.quantity for each in cart.lines] == [3]
    assert cart.find(101, ["No Onions", "Extra Cheese"]) is cart.lines[0]


def test_the_same_dish_made_otherwise_is_another_line() -> None:
    cart = Cart().add(line_of(BURGER, 1)).add(line_of(BURGER, 1, ["Extra Cheese"]))
    assert [each.customizations for each in cart.lines] == [(), ("Extra Cheese",)]
    assert cart.find(101) is cart.lines[0]
    assert cart.find(101, ["No Onions"]) is None
    assert cart.entries()[0].quantity == 2


def test_a_cart_action_without_customizations_means_the_dishs_latest_line() -> None:
    cart = Cart().add(line_of(BURGER, 1, ["Extra Cheese"])).add(line_of(BURGER, 1, ["No Onions"]))
    assert cart.find(101) is cart.lines[1]
    assert cart.find(102) is None


def test_what_cannot_be_had_is_refused_in_words() -> None:
    with pytest.raises(CartRefusal, match=r"Volcano Burger can't be had with “Truffles”"):
        line_of(BURGER, 1, ["Truffles"])
    sold_out = menu.ItemDetails(
        id=1,
        name="Soup",
        description="",
        price=Money(1),
        calories=1,
        allergens=[],
        customizations=[],
        available=False,
    )
    with pytest.raises(CartRefusal, match="Soup is sold out"):
        line_of(sold_out, 1)
    with pytest.raises(CartRefusal, match="at least one"):
        Cart().add(line_of(BURGER, 0))


def test_limits_are_refused_and_nothing_is_lost() -> None:
    full = Cart().add(line_of(BURGER, MOST_PIECES))
    with pytest.raises(CartRefusal, match="99 pieces"):
        full.add(line_of(BURGER, 1))
    with pytest.raises(CartRefusal, match="99 pieces"):
        full.with_quantity(full.lines[0], MOST_PIECES + 1)
    many = Cart()
    for number in range(MOST_LINES):
        many = many.add(Line(number, "dish", 1, Money(1)))
    with pytest.raises(CartRefusal, match="different dishes"):
        many.add(Line(MOST_LINES, "dish", 1, Money(1)))
    with pytest.raises(CartRefusal, match="too large"):
        Cart().add(Line(1, "gold", 11, Money.of("99999.99")))
