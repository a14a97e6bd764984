"""What can be asked of the recommendation agent (section 7.2)."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge.contract.wire import Count, Payload


class CartEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A dish in the cart."""

    item_id: int
    quantity: Count


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What else is known of the moment; each may be left out."""

    time_of_day: Literal["breakfast", "lunch", "afternoon", "dinner", "night"] | None = None
    weather: str | None = None
    party_size: Count | None = None


class Suggest(Payload, frozen=True, kw_only=True):
    """What would go well with this cart?"""

    command: Literal["suggest"] = "suggest"
    cart: list[CartEntry]
    context: Context = Context()


class SuggestedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A dish to offer, why in a customer's words (`pitch`) and in a machine's (`reason`)."""

    item_id: int
    name: str
    pitch: str
    reason: str


class Suggestions(Payload, frozen=True, kw_only=True):
    """Dishes to offer, best first; none is a valid answer."""

    status: Literal["success"] = "success"
    suggestions: list[SuggestedItem]
