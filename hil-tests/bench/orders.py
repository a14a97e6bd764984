"""Orders of the bench's own."""

from __future__ import annotations

import uuid

from edge.contract.hardware import PrintedItem, PrintReceipt
from edge.contract.money import Money


def a_receipt() -> PrintReceipt:
    """What the orchestrator asks to be printed, for an order that nobody else has."""
    number = uuid.uuid4()
    return PrintReceipt(
        order_id=str(number),
        transaction_id=f"txn-{number.hex[:12]}",
        items=[PrintedItem(item_id=101, name="Volcano Burger", qty=1, price=Money.of("12.99"))],
        total=Money.of("12.99"),
    )
