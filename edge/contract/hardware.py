"""What can be asked of the hardware agent (section 7.4)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge.contract.money import Money
from edge.contract.wire import Count, Payload


class SetLed(Payload, frozen=True, kw_only=True):
    """Play a pattern. Without a duration it plays until the next."""

    command: Literal["set_led"] = "set_led"
    color: Annotated[str, msgspec.Meta(pattern="^#[0-9A-Fa-f]{6}$")]
    pattern: Literal["solid", "pulse", "error"] = "solid"
    duration_ms: Annotated[int, msgspec.Meta(ge=1, le=3_600_000)] | None = None


class PrintedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the receipt, as in the payment (section 7.3); `price` is for one piece."""

    name: str
    qty: Count
    price: Money
    item_id: int | None = None
    customizations: list[str] = []


class PrintReceipt(Payload, frozen=True, kw_only=True):
    """Print a receipt. `receipt_url` (ours) becomes its QR code."""

    command: Literal["print_receipt"] = "print_receipt"
    order_id: str
    items: list[PrintedItem]
    total: Money
    transaction_id: str | None = None
    receipt_url: str | None = None


class Done(Payload, frozen=True, kw_only=True):
    """It is done."""

    status: Literal["success"] = "success"
