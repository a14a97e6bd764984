"""Cart and money as a machine: whatever a customer does in whatever order, amounts are those of a till of decimals.

Beside the cart stands a till that knows no Money: it adds up decimals. After every step both agree, on the wire, in the
order that is paid, and in the session's file.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.agents.orchestrator.cart import MOST_LINES, MOST_PIECES, Cart, CartRefusal, Line, at_most, line_of
from edge.agents.orchestrator.keeping import Kept, _decoder, _encoder
from edge.agents.orchestrator.order import Order
from edge.agents.orchestrator.session import Session
from edge.contract import menu
from edge.contract.money import Money, total
from edge.contract.payment import ProcessPayment
from edge.contract.wire import from_fields, to_bytes

# The prices of menus, where binary fractions go wrong, and few that come near the most that Money holds.
PRICES = st.sampled_from([0, 1, 10, 29, 99, 110, 333, 1299, 1299, 1299, 4999, 1_999_999])
EXTRAS = ("Extra Cheese", "No Onions", "Dip")
MADE = st.sampled_from([(), (), (), EXTRAS[:1], EXTRAS[1:], EXTRAS[::-1]])
FEW = st.sampled_from([1, 1, 1, 2, 3, 10, 98, 99])  # people order few; the limits are near 99
LIMIT = Decimal(1_000_000)

Key = tuple[int, frozenset[str]]


class Tills(RuleBasedStateMachine):
    """A cart, a menu that changes under it, and the till that it has to agree with."""

    def __init__(self) -> None:
        super().__init__()
        self.cart = Cart()
        self.till: dict[Key, tuple[int, Decimal]] = {}  # pieces, and the price of one
        self.menu: dict[int, menu.ItemDetails] = {}

    @initialize(prices=st.lists(PRICES, min_size=4, max_size=4), extras=st.lists(PRICES, min_size=3, max_size=3))
    def open(self, prices: list[int], extras: list[int]) -> None:
        customizations = [
            menu.Customization(name=name, price=Money(price)) for name, price in zip(EXTRAS, extras, strict=True)
        ]
        for item_id, price in enumerate(prices, start=1):
            self.menu[item_id] = menu.ItemDetails(
                id=item_id,
                name=f"dish {item_id}",
                description="",
                price=Money(price),
                calories=0,
                allergens=[],
                customizations=customizations,
            )

    def price_of(self, item_id: int, made: tuple[str, ...]) -> Decimal:
        dish = self.menu[item_id]
        return dish.price.decimal + sum(
            (each.price.decimal for each in dish.customizations if each.name in made), Decimal(0)
        )

    def worth(self, till: dict[Key, tuple[int, Decimal]]) -> Decimal:
        return sum((pieces * price for pieces, price in till.values()), Decimal(0))

    def is_too_much(self, till: dict[Key, tuple[int, Decimal]]) -> bool:
        return (
            sum(pieces for pieces, _ in till.values()) > MOST_PIECES
            or len(till) > MOST_LINES
            or self.worth(till) >= LIMIT
        )

    @rule(item_id=st.integers(1, 4), made=MADE, pieces=FEW)
    def add(self, item_id: int, made: tuple[str, ...], pieces: int) -> None:
        key, price = (item_id, frozenset(made)), self.price_of(item_id, made)
        till = {**self.till, key: (self.till.get(key, (0, price))[0] + pieces, price)}
        try:
            line = line_of(self.menu[item_id], pieces, made)
            self.cart = self.cart.add(line)
        except CartRefusal:
            assert self.is_too_much(till) or price >= LIMIT
        else:
            self.till = till
            assert line.price.decimal == price

    @precondition(lambda self: self.cart)
    @rule(data=st.data(), pieces=st.one_of(st.integers(-1, 4), FEW))
    def set_quantity(self, data: st.DataObject, pieces: int) -> None:
        line: Line = data.draw(st.sampled_from(self.cart.lines))
        key = (line.item_id, frozenset(line.customizations))
        till = {**self.till, key: (pieces, self.till[key][1])}
        if pieces < 1:
            del till[key]
        try:
            self.cart = self.cart.with_quantity(line, pieces)
        except CartRefusal:
            assert self.is_too_much(till)
        else:
            self.till = till

    @rule(item_id=st.integers(1, 4), price=PRICES)
    def a_price_changes(self, item_id: int, price: int) -> None:
        """What is in the cart keeps its price until it is touched: the customer saw it."""
        self.menu[item_id] = msgspec.structs.replace(self.menu[item_id], price=Money(price))

    @rule(item_id=st.integers(1, 4), left=st.integers(0, 5), pieces=FEW)
    def no_more_than_is_left(self, item_id: int, left: int, pieces: int) -> None:
        taken = self.cart.pieces_of(item_id)
        assert taken == sum(count for (key, _), (count, _) in self.till.items() if key == item_id)
        dish = msgspec.structs.replace(self.menu[item_id], left=left)
        most = at_most(dish, pieces, taken)
        assert 0 <= most <= pieces
        assert most == 0 or taken + most <= left
        assert at_most(self.menu[item_id], pieces, taken) == pieces  # uncounted

    @invariant()
    def both_tills_agree(self) -> None:
        found = {
            (line.item_id, frozenset(line.customizations)): (line.quantity, line.price.decimal)
            for line in self.cart.lines
        }
        assert found == self.till
        assert len(found) == len(self.cart.lines)
        assert self.cart.total.decimal == self.worth(self.till)
        assert total([line.total for line in self.cart.lines]) == self.cart.total

    @invariant()
    def what_is_paid_is_what_is_shown(self) -> None:
        order = Order("order", self.cart, None)
        if not self.cart:
            return
        raw = msgspec.json.decode(to_bytes(order.to_pay()))
        asked = from_fields(raw, ProcessPayment)
        assert asked.total.decimal == self.worth(self.till)
        assert Money.of(raw["total"]) == self.cart.total  # as a JSON number, a float to most readers
        assert sum((item.price.decimal * item.qty for item in asked.items), Decimal(0)) == self.worth(self.till)

    @invariant()
    def a_restart_changes_nothing(self) -> None:
        kept = _decoder.decode(_encoder.encode(Kept(Session(cart=self.cart), "session", None)))
        assert kept.session.cart == self.cart


TestTills = Tills.TestCase
TestTills.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
