"""What is paid and printed."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from edge.agents.orchestrator.cart import Cart, CartRefusal, Line
from edge.agents.orchestrator.order import Order
from edge.contract.money import Money, total
from edge.contract.wire import to_fields
from tests.edge.agents.orchestrator.stand_ins import paid

lines = st.builds(
    Line,
    item_id=st.integers(1, 9),
    title=st.text(max_size=5),
    quantity=st.integers(1, 30),
    price=st.integers(0, 10_000).map(Money),
    customizations=st.lists(st.sampled_from(["a", "b"]), unique=True).map(tuple),
)


@given(st.lists(lines, min_size=1, max_size=6))
def test_the_items_of_payment_and_receipt_add_up_to_the_total(given_lines: list[Line]) -> None:
    cart = Cart()
    for line in given_lines:
        try:
            cart = cart.add(line)
        except CartRefusal:
            break
    order = Order(str(uuid.uuid4()), cart, "LOYALTY123")
    ask = order.to_pay()
    assert to_fields(ask)["command"] == "process_payment"
    assert total([item.price * item.qty for item in ask.items]) == ask.total == cart.total
    receipt = order.to_print(paid(ask.total))
    assert to_fields(receipt)["total"] == cart.total.decimal
    assert [(item.name, item.qty, item.price, item.customizations) for item in receipt.items] == [
        (item.name, item.qty, item.price, item.customizations) for item in ask.items
    ]
    assert (receipt.order_id, receipt.transaction_id) == (order.order_id, "txn-1")


def test_every_try_asks_for_the_same() -> None:
    order = Order(str(uuid.uuid4()), Cart((Line(1, "Soup", 2, Money(350)),)), None)
    assert order.to_pay() == order.to_pay()
