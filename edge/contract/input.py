"""What comes from the customer's hands (section 6.3, and the card tap of decision 5)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge.contract.wire import Payload


class Touch(Payload, frozen=True, kw_only=True):
    """A touch on the page.

    The specification shows `select_item`. Ours, without an item: start, checkout, confirm, back, cancel,
    done, help.
    """

    event: Literal["touch"] = "touch"
    action: str
    item_id: int | None = None
    component: str | None = None


class CartAction(Payload, frozen=True, kw_only=True):
    """A change to the cart. `update_qty` to 0 removes; `customizations` (ours) are names from the menu."""

    event: Literal["cart_action"] = "cart_action"
    action: Literal["add", "remove", "update_qty"]
    item_id: int
    quantity: Annotated[int, msgspec.Meta(ge=0, le=99)] = 1
    customizations: list[str] = []


class CardTap(Payload, frozen=True, kw_only=True):
    """A card was held to the reader. `card` is the HMAC-SHA256 of its UID under the device key, in hex."""

    event: Literal["card_tap"] = "card_tap"
    reader: str
    card: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    loyalty_id: str | None = None
