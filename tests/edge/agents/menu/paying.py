"""What is said on the bus of an order that was paid."""

from __future__ import annotations

import uuid

from edge.bus import Client
from edge.contract import ui
from edge.contract.money import Money
from edge.contract.subjects import UI_UPDATE
from edge.contract.wire import to_fields


async def pay_for(bus: Client, order_id: str, *items: int) -> None:
    """What the page is shown of a paid order: the cart, then its receipt."""
    bus.session_id = str(uuid.uuid4())
    price = Money(100)
    lines = [
        ui.CartLine(item_id=item, title="Dish", quantity=2, price=price, line_total=price * 2, customizations=[])
        for item in items
    ]
    cart = ui.Cart(lines=lines, total=price * 2 * len(items), currency="EUR")
    receipt = ui.ReceiptInfo(
        order_id=order_id,
        transaction_id="txn",
        total=cart.total,
        currency="EUR",
        link=None,
        loyalty_points_earned=0,
        printed=None,
    )
    screens: tuple[tuple[ui.LayoutMode, ui.Cart | ui.ReceiptInfo], ...] = (
        ("confirm", cart),
        ("payment", cart),
        ("receipt", receipt),
        ("receipt", receipt),
    )
    for layout, shown in screens:
        component = ui.Component(type=type(shown).__name__, data=to_fields(shown))
        await bus.publish(UI_UPDATE, ui.UiUpdate(layout_mode=layout, components=[component]))
