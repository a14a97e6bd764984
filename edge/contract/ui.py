"""What the page shows (section 6.5).

Each update is a full snapshot: a page that missed ten shows the right thing after the eleventh.
`Component` is what travels; the structs below are the `data` of each type we send, so that the
orchestrator can't misspell one. A page ignores types it doesn't know.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from edge.contract.money import Money
from edge.contract.wire import Payload, Seconds

# attract: nobody here · greeting: just arrived · hero_grid: dishes and cart · item: one dish in detail ·
# confirm: the order before paying · payment: waiting for the card · receipt: paid · goodbye: leaving
LayoutMode = Literal["attract", "greeting", "hero_grid", "item", "confirm", "payment", "receipt", "goodbye"]


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """One thing on the screen."""

    type: str
    data: dict[str, Any]


class UiUpdate(Payload, frozen=True, kw_only=True):
    """Everything the page shows now. `suggested_actions` are labels of the buttons that make sense."""

    event: Literal["ui_update"] = "ui_update"
    layout_mode: LayoutMode
    theme_override: str | None = None
    components: list[Component] = []
    suggested_actions: list[str] = []


class Caption(Payload, frozen=True, kw_only=True):
    """A sentence: what the kiosk says, what it heard, or a warning."""

    kind: Literal["said", "heard", "warning"]
    text: str


class HeroItem(Payload, frozen=True, kw_only=True):
    """A dish to choose. `id` and `title` are the specification's."""

    id: int
    title: str
    price: Money
    image: str
    tags: list[str] = []
    available: bool = True


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A customization of a dish."""

    name: str
    price: Money


class ItemDetails(Payload, frozen=True, kw_only=True):
    """One dish in detail."""

    id: int
    title: str
    description: str
    price: Money
    image: str
    calories: int
    allergens: list[str]
    customizations: list[Choice]
    available: bool = True


class CartLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the cart; `price` is for one piece with its customizations."""

    item_id: int
    title: str
    quantity: int
    price: Money
    line_total: Money
    customizations: list[str] = []


class Cart(Payload, frozen=True, kw_only=True):
    """The customer's order so far."""

    lines: list[CartLine]
    total: Money
    currency: str
    loyalty_id: str | None = None


class Suggestion(Payload, frozen=True, kw_only=True):
    """Something that would go well with the cart."""

    item_id: int
    title: str
    pitch: str
    price: Money
    image: str


class PaymentPrompt(Payload, frozen=True, kw_only=True):
    """What the customer should do at the card reader."""

    state: Literal["waiting", "declined", "timeout", "cancelled", "approved", "failed"]
    total: Money
    currency: str
    message: str


class Countdown(Payload, frozen=True, kw_only=True):
    """The screen ends by itself in `seconds`, counted from the message's timestamp, unless the customer does something.

    `kind` is why: nothing was done (idle), nobody is seen any more (left), or all is done (finished).
    """

    kind: Literal["idle", "left", "finished"]
    seconds: Seconds


class OutOfService(Payload, frozen=True, kw_only=True):
    """Nobody can order now: the page shows `message` and no way to begin. `missing` names what isn't there."""

    message: str
    missing: list[str] = []


class QrCode(Payload, frozen=True, kw_only=True):
    """An address for the customer's phone, such as the receipt's.

    `rows` are the code's modules from the top, each a text of 0 (light) and 1 (dark), without the light margin of four
    modules that a code needs around it.
    """

    url: str
    rows: list[str]


class ReceiptInfo(Payload, frozen=True, kw_only=True):
    """The paid order. `printed` is null while the printer works; `link` opens the receipt."""

    order_id: str
    transaction_id: str
    total: Money
    currency: str
    link: str | None
    loyalty_points_earned: int
    printed: bool | None
    problem: str | None = None
