from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contract.menu import Customization
from edge.contract.money import Money, total
from edge.contract.ui import Cart, CartLine
from edge.contract.wire import from_fields, to_fields, to_json

amounts = st.integers(min_value=0, max_value=99_999_999).map(Money)
small = st.integers(min_value=0, max_value=10_000).map(Money)


@given(amounts)
def test_an_amount_survives_the_wire_exactly(amount: Money) -> None:
    cart = Cart(lines=[], total=amount, currency="USD")
    assert from_fields(json.loads(to_json(to_fields(cart))), Cart).total == amount


@given(amounts)
def test_any_way_of_writing_an_amount_is_the_same(amount: Money) -> None:
    assert Money.of(str(amount)) == Money.of(float(amount.decimal)) == Money.of(amount.decimal) == amount


@given(st.lists(small), st.integers(min_value=0, max_value=99))
def test_sums_and_products_are_exact(several: list[Money], pieces: int) -> None:
    assert total(several).minor == sum(amount.minor for amount in several)
    assert (Money(1299) * pieces).decimal == Decimal("12.99") * pieces


@pytest.mark.parametrize("bad", ["", "12,99", "1e-3", "NaN", "Infinity", -0.01, 0.001, float("nan"), True, 1_000_000])
def test_what_is_no_amount_is_refused(bad: str | float) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words differ; that it is refused is the point
        Money.of(bad)


def test_it_compares_and_reads_well() -> None:
    assert Money.of("1.50") < Money.of(2)
    assert str(Money.of(5)) == "5.00"
    assert {Money(1), Money(1)} == {Money(1)}
    assert Money(1) != 1


def test_nested_amounts_are_numbers_too() -> None:
    line = CartLine(item_id=1, title="x", quantity=2, price=Money(150), line_total=Money(300))
    fields = to_fields(Cart(lines=[line], total=Money(300), currency="USD"))
    assert json.loads(to_json(fields))["lines"][0]["line_total"] == 3.0
    assert Customization(name="No Onions", price=Money(0)).price.minor == 0
