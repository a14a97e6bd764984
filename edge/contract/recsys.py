"""What can be asked of the recommendation agent (section 7.2), and how past orders are read out of the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from edge.contract.errors import InvalidPayload
from edge.contract.ui import Cart, ReceiptInfo
from edge.contract.wire import Count, Payload, from_fields


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
    """What would go well with this cart?

    Ours: `dietary_filters` and `avoid_allergens`, as in a search: what doesn't meet them is not suggested.
    """

    command: Literal["suggest"] = "suggest"
    cart: list[CartEntry]
    context: Context = Context()
    dietary_filters: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    avoid_allergens: list[str] | msgspec.UnsetType | None = msgspec.UNSET


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


@dataclass(frozen=True)
class PaidOrder:
    """An order that was paid: how many of each dish, by its id."""

    order_id: str
    pieces: Mapping[int, int]


class PaidOrders:
    """Reads paid orders out of `kiosk.ui.update` as KIOSK_EVENTS keeps it: the cart on the screen, then its receipt.

    The specification has no event of a paid order; but what a customer saw is recorded, each update being a full
    snapshot. Fed with one update after the other, oldest first.
    """

    def __init__(self) -> None:
        self._carts: dict[str, Mapping[int, int]] = {}

    def read(self, session_id: str, fields: Mapping[str, Any]) -> PaidOrder | None:
        """The order that this update's receipt is for, at each update that shows one.

        What an update holds beside what we know of it is ignored, also where it is malformed.
        """
        components = fields.get("components")
        for each in components if isinstance(components, list) else ():
            kind, data = (each.get("type"), each.get("data")) if isinstance(each, dict) else (None, None)
            if not isinstance(data, dict):
                continue
            if kind == Cart.__name__:
                self._carts[session_id] = _pieces(data)
                while len(self._carts) > _SESSIONS:
                    self._carts.pop(next(iter(self._carts)))
            elif kind == ReceiptInfo.__name__ and (pieces := self._carts.get(session_id)):
                order_id = data.get("order_id")
                return PaidOrder(order_id, pieces) if isinstance(order_id, str) and order_id else None
        return None


_SESSIONS = 100  # carts that are kept; a kiosk has one customer at a time


def _pieces(data: dict[str, Any]) -> Mapping[int, int]:
    try:
        cart = from_fields(data, Cart)
    except InvalidPayload:
        return {}
    pieces: dict[int, int] = {}
    for line in cart.lines:
        pieces[line.item_id] = pieces.get(line.item_id, 0) + line.quantity
    return pieces
