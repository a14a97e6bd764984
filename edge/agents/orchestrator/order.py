"""The order a customer pays: dishes and amounts are fixed when the first payment begins."""

from __future__ import annotations

from dataclasses import dataclass

from edge.agents.orchestrator.cart import Cart
from edge.contract import hardware, payment


@dataclass(frozen=True)
class Order:
    """What is to be paid. `order_id` (a UUID v4) stays for all tries, so that none charges twice.

    The loyalty card is no part of what makes it this order: it may be shown before a second try.
    """

    order_id: str
    cart: Cart
    loyalty_card: str | None

    def to_pay(self) -> payment.ProcessPayment:
        """What the payment agent is asked."""
        return payment.ProcessPayment(
            order_id=self.order_id,
            total=self.cart.total,
            items=[
                payment.PaidItem(
                    item_id=line.item_id,
                    name=line.title,
                    qty=line.quantity,
                    price=line.price,
                    customizations=list(line.customizations),
                )
                for line in self.cart.lines
            ],
            loyalty_card=self.loyalty_card,
        )

    def to_print(self, paid: payment.PaymentResult) -> hardware.PrintReceipt:
        """What the hardware agent is asked once it is paid."""
        return hardware.PrintReceipt(
            order_id=self.order_id,
            items=[
                hardware.PrintedItem(
                    item_id=line.item_id,
                    name=line.title,
                    qty=line.quantity,
                    price=line.price,
                    customizations=list(line.customizations),
                )
                for line in self.cart.lines
            ],
            total=paid.amount_charged,
            transaction_id=paid.transaction_id,
            receipt_url=paid.receipt_url,
        )
