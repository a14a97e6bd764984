"""What can be asked of the payment agent (section 7.3)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge.contract.money import Money
from edge.contract.wire import Count, Payload


class PaidItem(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the order; `price` is for one piece, customizations (ours) included."""

    item_id: int
    name: str
    qty: Count
    price: Money
    customizations: list[str] = []


class ProcessPayment(Payload, frozen=True, kw_only=True):
    """Take `total` from the card that the customer taps. `order_id` makes a repeated ask harmless."""

    command: Literal["process_payment"] = "process_payment"
    order_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    total: Money
    items: Annotated[list[PaidItem], msgspec.Meta(min_length=1)]
    loyalty_card: str | None = None


class PaymentResult(Payload, frozen=True, kw_only=True):
    """How it went. When it failed, the fields of section 8.1 stand beside section 7.3's `error`."""

    status: Literal["success", "failed", "cancelled"]
    transaction_id: str | None
    amount_charged: Money
    loyalty_points_earned: int
    receipt_url: str | None
    error: str | None
    error_code: str | msgspec.UnsetType = msgspec.UNSET
    error_message: str | msgspec.UnsetType = msgspec.UNSET
    retryable: bool | msgspec.UnsetType = msgspec.UNSET


class CancelPayment(Payload, frozen=True, kw_only=True):
    """Stop waiting for the tap of `order_id` (ours; section 7.3 has the status but no way to reach it)."""

    command: Literal["cancel_payment"] = "cancel_payment"
    order_id: str


class CancelResult(Payload, frozen=True, kw_only=True):
    """`cancelled` tells whether the cancel won; if not, the payment's own answer stands."""

    status: Literal["success"] = "success"
    cancelled: bool
