"""Screens to show, made with the contract's own types."""

from __future__ import annotations

from edge.contract.money import Money
from edge.contract.ui import (
    Caption,
    Cart,
    CartLine,
    Choice,
    Component,
    Countdown,
    HeroItem,
    ItemDetails,
    LayoutMode,
    OutOfService,
    PaymentPrompt,
    QrCode,
    ReceiptInfo,
    Suggestion,
    UiUpdate,
)
from edge.contract.wire import Payload, to_fields


def screen(mode: LayoutMode, *things: Payload, actions: tuple[str, ...] = ()) -> UiUpdate:
    """A screen of these components."""
    components = [Component(type=type(thing).__name__, data=to_fields(thing)) for thing in things]
    return UiUpdate(layout_mode=mode, components=components, suggested_actions=list(actions))


VOLCANO = HeroItem(
    id=101,
    title="Volcano Burger",
    price=Money.of("12.99"),
    image="/img/volcano.svg",
    tags=["beef", "spicy", "popular"],
)
SOLD_OUT = HeroItem(
    id=103, title="Fish Sandwich", price=Money.of("10.99"), image="/img/fish-sandwich.svg", available=False
)
VOLCANO_DETAILS = ItemDetails(
    id=101,
    title="Volcano Burger",
    description="Two patties with jalapeños.",
    price=Money.of("12.99"),
    image="/img/volcano.svg",
    calories=850,
    allergens=["gluten", "dairy"],
    customizations=[
        Choice(name="Extra Cheese", price=Money.of("1.50")),
        Choice(name="No Onions", price=Money.of("0")),
    ],
)
COLA_IDEA = Suggestion(
    item_id=201,
    title="Iced Cola",
    pitch="Perfect to cool down with your burger!",
    price=Money.of("2.99"),
    image="/img/iced-cola.svg",
)
CART = Cart(
    lines=[
        CartLine(
            item_id=101,
            title="Volcano Burger",
            quantity=2,
            price=Money.of("14.49"),
            line_total=Money.of("28.98"),
            customizations=["Extra Cheese"],
        ),
        CartLine(
            item_id=201,
            title="Iced Cola",
            quantity=1,
            price=Money.of("2.99"),
            line_total=Money.of("2.99"),
        ),
    ],
    total=Money.of("31.97"),
    currency="USD",
    loyalty_id="LOYALTY123",
)
PROMPT = PaymentPrompt(state="waiting", total=Money.of("31.97"), currency="USD", message="Hold your card to the reader")
RECEIPT = ReceiptInfo(
    order_id="0f0e7c1e-6a3b-4d0e-9f55-5d0c1a2b7a42",
    transaction_id="txn-1",
    total=Money.of("31.97"),
    currency="USD",
    link="/receipts/txn-1.pdf",
    loyalty_points_earned=32,
    printed=None,
)

ATTRACT = screen("attract", actions=("Start",))
GREETING = screen("greeting", Caption(kind="said", text="Hello!"), VOLCANO, actions=("Start", "Help"))
DISHES = screen(
    "hero_grid",
    Caption(kind="said", text="Here are our spicy dishes."),
    Caption(kind="heard", text="something spicy"),
    VOLCANO,
    SOLD_OUT,
    COLA_IDEA,
    CART,
    actions=("Checkout", "Cancel"),
)
ITEM = screen("item", VOLCANO_DETAILS, CART, actions=("Add to cart", "Back"))
CONFIRM = screen(
    "confirm",
    Caption(kind="warning", text="No paper receipt today."),
    CART,
    COLA_IDEA,
    actions=("Confirm", "Back"),
)
PAYMENT = screen("payment", PROMPT, CART, actions=("Cancel",))
PAID = screen("receipt", RECEIPT, actions=("Done",))
GOODBYE = screen("goodbye")
STILL_THERE = screen(
    "hero_grid",
    Caption(kind="warning", text="Are you still there?"),
    Countdown(kind="idle", seconds=15.0),
    VOLCANO,
    CART,
    actions=("Checkout", "Cancel"),
)
CLOSED = screen(
    "attract",
    Caption(kind="warning", text="This kiosk is out of service."),
    OutOfService(message="This kiosk is being updated.", missing=[]),
)
CODE = QrCode(url="https://kiosk.example/receipts/txn-1.pdf", rows=["10", "01"])

ALL = (ATTRACT, GREETING, DISHES, ITEM, CONFIRM, PAYMENT, PAID, GOODBYE)
