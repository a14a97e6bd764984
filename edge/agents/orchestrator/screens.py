"""What the page shows: a full snapshot, drawn from the session alone. `docs/screen.md` is its reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from edge.agents.orchestrator import phrases
from edge.agents.orchestrator.codes import qr_rows
from edge.agents.orchestrator.session import Session
from edge.agents.orchestrator.states import AWAITING_CUSTOMER, LAYOUTS, State
from edge.agents.orchestrator.surroundings import Surroundings
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


EVERYTHING: Final = Surroundings()
_BEFORE_PAYING: Final = AWAITING_CUSTOMER | {State.ATTRACT}


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


def render(
    session: Session, currency: str, around: Surroundings = EVERYTHING, *, now_s: float = 0.0, closed_for: str = ""
) -> ui.UiUpdate:
    """The screen for `session` with what there is `around` it, at `now_s` of the event loop's clock.

    `closed_for` is why the kiosk was asked to be out of service, in words for customers.
    """
    return ui.UiUpdate(
        layout_mode=LAYOUTS[session.state],
        components=[
            ui.Component(type=type(data).__name__, data=to_fields(data))
            for data in (
                *_captions(session, around),
                *_countdown(session, now_s),
                *_body(session, currency, around, closed_for),
            )
        ],
        suggested_actions=_actions(session, around),
    )


def _captions(session: Session, around: Surroundings) -> Iterator[ui.Caption]:
    if session.heard:
        yield ui.Caption(kind="heard", text=session.heard)
    if session.said:
        yield ui.Caption(kind="said", text=session.said)
    warning = session.warning or _standing_warning(session, around)
    if warning:
        yield ui.Caption(kind="warning", text=warning)


def _standing_warning(session: Session, around: Surroundings) -> str | None:
    """What a customer should know early, where nothing else has to be said."""
    if session.state is State.OUT_OF_SERVICE:
        return phrases.OUT_OF_SERVICE
    if not around.can_pay and session.state in _BEFORE_PAYING:
        return phrases.NO_CARDS
    if not around.printer and session.state is State.CONFIRMING:
        return phrases.NO_PAPER
    return None


def _countdown(session: Session, now_s: float) -> Iterator[ui.Countdown]:
    if session.ending is not None:
        left_s = max(0.0, session.ending.at_s - now_s)
        yield ui.Countdown(kind=session.ending.kind, seconds=round(left_s, 3))


def _body(session: Session, currency: str, around: Surroundings, closed_for: str) -> Iterator[Payload]:
    match session.state:
        case State.ATTRACT:
            yield from session.dishes
        case State.OUT_OF_SERVICE:
            yield ui.OutOfService(message=closed_for or phrases.ORDER_ELSEWHERE, missing=list(around.missing))
        case State.GREETING | State.BROWSING | State.CART:
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
                if session.receipt.printed is False or (session.receipt.printed is None and not around.printer):
                    yield from _code(session.receipt_address)
        case State.GOODBYE:
            pass


_ACTIONS: Final[Mapping[State, tuple[str, ...]]] = {
    State.ATTRACT: (START,),
    State.GREETING: (SHOW_EVERYTHING, CANCEL),
    State.BROWSING: (SHOW_EVERYTHING, CANCEL),
    State.CART: (CHECKOUT, SHOW_EVERYTHING, CANCEL),
    State.ITEM: (ADD_TO_CART, BACK),
    State.CONFIRMING: (PAY, BACK, CANCEL),
    State.PAYING: (CANCEL,),
    State.REFUSED: (TRY_AGAIN, CANCEL),
    State.RECEIPT: (DONE,),
    State.GOODBYE: (),
    State.OUT_OF_SERVICE: (),
}


def _actions(session: Session, around: Surroundings) -> list[str]:
    """The buttons that make sense."""
    pointless = {
        CHECKOUT: not around.can_pay,
        PAY: not around.can_pay,
        TRY_AGAIN: not (around.can_pay or session.in_doubt),
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


def _code(address: str | None) -> Iterator[ui.QrCode]:
    rows = qr_rows(address) if address is not None else None
    if address is not None and rows is not None:
        yield ui.QrCode(url=address, rows=list(rows))


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
