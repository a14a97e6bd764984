"""What the page shows: a full snapshot, drawn from the session alone. `docs/screen.md` is its reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from edge.agents.orchestrator.session import Session
from edge.agents.orchestrator.states import LAYOUTS, State
from edge.contract import menu, ui
from edge.contract.wire import Payload, to_fields

# The labels of buttons. What a button sends is its label by the rule of `action_of`.
START: Final = "Start"
CHECKOUT: Final = "Checkout"
SHOW_EVERYTHING: Final = "Show everything"
ADD_TO_CART: Final = "Add to cart"
BACK: Final = "Back"
PAY: Final = "Pay"
TRY_AGAIN: Final = "Try again"
CANCEL: Final = "Cancel"
DONE: Final = "Done"


def action_of(label: str) -> str:
    """The touch action of the button with `label`: lower case, with underscores."""
    return label.lower().replace(" ", "_")


def hero_item(found: menu.FoundItem) -> ui.HeroItem:
    """A dish of a search as the page shows it."""
    return ui.HeroItem(
        id=found.id,
        title=found.name,
        price=found.price,
        image=found.image,
        tags=found.tags,
        available=found.available,
    )


def render(session: Session, currency: str) -> ui.UiUpdate:
    """The screen for `session`."""
    return ui.UiUpdate(
        layout_mode=LAYOUTS[session.state],
        components=[
            ui.Component(type=type(data).__name__, data=to_fields(data))
            for data in (*_captions(session), *_body(session, currency))
        ],
        suggested_actions=_actions(session),
    )


def _captions(session: Session) -> Iterator[ui.Caption]:
    if session.heard:
        yield ui.Caption(kind="heard", text=session.heard)
    if session.said:
        yield ui.Caption(kind="said", text=session.said)
    if session.warning:
        yield ui.Caption(kind="warning", text=session.warning)


def _body(session: Session, currency: str) -> Iterator[Payload]:
    match session.state:
        case State.ATTRACT:
            yield from session.dishes
        case State.GREETING | State.BROWSING:
            yield from session.dishes
            yield _cart(session, currency)
            yield from session.suggestions
        case State.ITEM:
            if session.dish is not None:
                yield _details(session.dish)
            yield _cart(session, currency)
        case State.CONFIRMING:
            yield _cart(session, currency)
        case State.PAYING | State.REFUSED:
            yield _cart(session, currency)
            if session.prompt is not None:
                yield ui.PaymentPrompt(
                    state=session.prompt.state,
                    total=session.cart.total,
                    currency=currency,
                    message=session.prompt.message,
                )
        case State.RECEIPT:
            if session.receipt is not None:
                yield session.receipt
        case State.GOODBYE:
            pass


_ACTIONS: Final[Mapping[State, tuple[str, ...]]] = {
    State.ATTRACT: (START,),
    State.GREETING: (CHECKOUT, SHOW_EVERYTHING, CANCEL),
    State.BROWSING: (CHECKOUT, SHOW_EVERYTHING, CANCEL),
    State.ITEM: (ADD_TO_CART, BACK),
    State.CONFIRMING: (PAY, BACK, CANCEL),
    State.PAYING: (CANCEL,),
    State.REFUSED: (TRY_AGAIN, CANCEL),
    State.RECEIPT: (DONE,),
    State.GOODBYE: (),
}


def _actions(session: Session) -> list[str]:
    """The buttons that make sense."""
    pointless = {
        CHECKOUT: not session.cart,
        ADD_TO_CART: session.dish is None or not session.dish.available,
    }
    return [label for label in _ACTIONS[session.state] if not pointless.get(label)]


def _details(dish: menu.ItemDetails) -> ui.ItemDetails:
    return ui.ItemDetails(
        id=dish.id,
        title=dish.name,
        description=dish.description,
        price=dish.price,
        image=dish.image,
        calories=dish.calories,
        allergens=dish.allergens,
        customizations=[ui.Choice(name=each.name, price=each.price) for each in dish.customizations],
        available=dish.available,
    )


def _cart(session: Session, currency: str) -> ui.Cart:
    return ui.Cart(
        lines=[
            ui.CartLine(
                item_id=line.item_id,
                title=line.title,
                quantity=line.quantity,
                price=line.price,
                line_total=line.total,
                customizations=list(line.customizations),
            )
            for line in session.cart.lines
        ],
        total=session.cart.total,
        currency=currency,
        loyalty_id=session.loyalty_id,
    )
