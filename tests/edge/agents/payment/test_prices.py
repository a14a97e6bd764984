"""What an order costs by our own prices."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.payment.prices import PricedDish, check_stock, checked_lines, fingerprint, sold
from edge.contract.errors import AskError
from edge.contract.money import Money
from edge.contract.payment import PaidItem, ProcessPayment
from edge.contract.wire import from_fields
from tests.edge.agents.payment.shop import PRICES, order

AMOUNTS = st.integers(0, 5000).map(Money)


@st.composite
def shops(draw: st.DrawFn) -> Mapping[int, PricedDish]:
    """Some dishes, all available."""
    ids = draw(st.lists(st.integers(1, 999), min_size=1, max_size=5, unique=True))
    ways = st.dictionaries(st.sampled_from(["Extra Cheese", "No Ice", "Large"]), AMOUNTS)
    return {each: PricedDish(each, f"Dish {each}", draw(AMOUNTS), draw(ways), available=True) for each in ids}


@st.composite
def orders(draw: st.DrawFn) -> tuple[ProcessPayment, Mapping[int, PricedDish]]:
    """An order at the shop's own prices, and the shop."""
    prices = draw(shops())
    items = []
    for item_id in draw(st.lists(st.sampled_from(sorted(prices)), min_size=1, max_size=6)):
        dish = prices[item_id]
        chosen = [name for name in dish.customizations if draw(st.booleans())]
        price = dish.price.minor + sum(dish.customizations[name].minor for name in chosen)
        items.append(
            PaidItem(
                item_id=item_id,
                name=dish.name,
                qty=draw(st.integers(1, 99)),
                price=Money(price),
                customizations=chosen,
            )
        )
    total = Money(sum(item.price.minor * item.qty for item in items))
    return ProcessPayment(order_id="order-1", total=total, items=items), prices


def refusal(ask: ProcessPayment, prices: Mapping[int, PricedDish] = PRICES) -> AskError:
    with pytest.raises(AskError) as caught:
        checked_lines(ask, prices)
    return caught.value


@given(orders())
def test_an_order_at_our_prices_is_accepted_as_it_is(made: tuple[ProcessPayment, Mapping[int, PricedDish]]) -> None:
    ask, prices = made
    lines = checked_lines(ask, prices)
    assert sum(line.total.minor for line in lines) == ask.total.minor
    assert [(line.name, line.qty) for line in lines] == [(item.name, item.qty) for item in ask.items]


@given(orders(), st.integers(-500, 500).filter(bool), st.data())
def test_no_other_price_is(
    made: tuple[ProcessPayment, Mapping[int, PricedDish]], off: int, data: st.DataObject
) -> None:
    ask, prices = made
    at = data.draw(st.integers(0, len(ask.items) - 1))
    items = list(ask.items)
    right = items[at].price
    wrong = Money(max(0, right.minor + off))
    if wrong == right:
        wrong = Money(right.minor + 1)
    items[at] = msgspec.structs.replace(items[at], price=wrong)
    total = Money(sum(item.price.minor * item.qty for item in items))  # the asker's sum is consistent
    said = refusal(msgspec.structs.replace(ask, items=items, total=total), prices)
    assert said.code == "INVALID_REQUEST"
    assert f"{items[at].name} costs {right}, not {wrong}" in said.message


@given(orders(), AMOUNTS)
def test_no_other_total_is(made: tuple[ProcessPayment, Mapping[int, PricedDish]], total: Money) -> None:
    ask, prices = made
    if total == ask.total:
        total = Money(total.minor + 1)
    said = refusal(msgspec.structs.replace(ask, total=total), prices)
    assert (said.code, said.message) == ("INVALID_REQUEST", f"the total is {ask.total}, not {total}")


def test_the_specifications_own_example_does_not_add_up() -> None:
    example = {
        "command": "process_payment",
        "order_id": "order-uuid",
        "total": 24.99,
        "items": [
            {"item_id": 101, "name": "Volcano Burger", "qty": 1, "price": 12.99},
            {"item_id": 201, "name": "Iced Cola", "qty": 2, "price": 5.99},
        ],
        "loyalty_card": "LOYALTY123",
    }
    said = refusal(from_fields(example, ProcessPayment))
    assert (said.code, said.message) == ("INVALID_REQUEST", "the total is 24.97, not 24.99")
    assert len(checked_lines(from_fields(example | {"total": 24.97}, ProcessPayment), PRICES)) == 2


def test_all_that_differs_is_named() -> None:
    ask = order()
    items = [
        *(msgspec.structs.replace(item, price=Money(1)) for item in ask.items),
        PaidItem(item_id=999, name="Soup", qty=1, price=Money(1)),
    ]
    said = refusal(msgspec.structs.replace(ask, items=items))
    assert said.message == (
        "Volcano Burger costs 14.49, not 0.01; Iced Cola costs 5.99, not 0.01; there is no item 999 (Soup)"
    )


@pytest.mark.parametrize(
    ("customizations", "words"),
    [
        (["Extra Bacon"], "Volcano Burger can't be had with 'Extra Bacon'"),
        (["Extra Cheese", "Extra Cheese"], "Volcano Burger names a customization twice"),
    ],
)
def test_a_dish_is_had_only_as_the_menu_has_it(customizations: list[str], words: str) -> None:
    item = PaidItem(item_id=101, name="Volcano Burger", qty=1, price=Money(1449), customizations=customizations)
    assert refusal(ProcessPayment(order_id="o", total=Money(1449), items=[item])).message == words


def test_what_is_sold_out_is_named() -> None:
    fries = PaidItem(item_id=301, name="Fries", qty=1, price=Money(349))
    said = refusal(ProcessPayment(order_id="o", total=Money(349), items=[fries]))
    assert (said.code, said.message, said.retryable) == ("ITEM_OUT_OF_STOCK", "Fries is sold out", False)
    gone = {item_id: replace(dish, available=False) for item_id, dish in PRICES.items()}
    assert refusal(order(), gone).message == "Volcano Burger is sold out; Iced Cola is sold out"


def test_too_few_are_named_with_what_is_left_over_all_lines() -> None:
    ask = order(colas=2)
    cola = PaidItem(item_id=201, name="Iced Cola", qty=1, price=Money(599), customizations=["No Ice"])
    ask = msgspec.structs.replace(ask, items=[*ask.items, cola], total=Money(ask.total.minor + 599))
    left = {**PRICES, 201: replace(PRICES[201], stock=2)}
    said = refusal(ask, left)
    assert (said.code, said.message) == ("ITEM_OUT_OF_STOCK", "only 2 Iced Cola left, not 3")
    assert sold(checked_lines(ask, {**PRICES, 201: replace(PRICES[201], stock=3)})) == {101: 1, 201: 3}
    empty = {**PRICES, 201: replace(PRICES[201], stock=0)}
    assert refusal(ask, empty).message == "Iced Cola is sold out"


def test_what_left_the_menu_meanwhile_is_named() -> None:
    with pytest.raises(AskError, match="item 999 is no longer on the menu"):
        check_stock({999: 1}, PRICES)


def test_a_sum_beyond_all_tills_is_refused_in_words() -> None:
    dear = {1: PricedDish(1, "Gold", Money(99_999_999), {}, available=True)}
    bars = PaidItem(item_id=1, name="Gold", qty=99, price=Money(99_999_999))
    said = refusal(ProcessPayment(order_id="o", total=Money(1), items=[bars]), dear)
    assert said.message == "the total is 98999999.01, not 0.01"


@given(orders(), st.randoms(use_true_random=False))
def test_the_same_order_has_one_fingerprint(
    made: tuple[ProcessPayment, Mapping[int, PricedDish]], shuffler: random.Random
) -> None:
    ask, _ = made
    items = [
        msgspec.structs.replace(item, customizations=shuffler.sample(item.customizations, len(item.customizations)))
        for item in shuffler.sample(ask.items, len(ask.items))
    ]
    assert fingerprint(msgspec.structs.replace(ask, items=items, loyalty_card="L1")) == fingerprint(ask)


def test_another_order_has_another() -> None:
    ask = order()
    plain = [msgspec.structs.replace(ask.items[0], customizations=[]), ask.items[1]]
    others = [
        msgspec.structs.replace(ask, total=Money(1)),
        msgspec.structs.replace(ask, items=ask.items[:1]),
        msgspec.structs.replace(ask, items=plain),
        order(colas=3),
    ]
    assert len({fingerprint(each) for each in [ask, *others]}) == 5
