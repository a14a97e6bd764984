"""What may follow what in a customer's session, as data. docs/session.md is drawn from it.

The session moves only by `after`, so what isn't in TRANSITIONS can't happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edge.contract.ui import LayoutMode


class State(StrEnum):
    """Where a session is."""

    ATTRACT = "attract"
    GREETING = "greeting"
    BROWSING = "browsing"
    CART = "cart"
    ITEM = "item"
    CONFIRMING = "confirming"
    PAYING = "paying"
    REFUSED = "refused"
    RECEIPT = "receipt"
    GOODBYE = "goodbye"
    OUT_OF_SERVICE = "out_of_service"


class Step(StrEnum):
    """What moves a session on."""

    ARRIVE = "arrive"
    BROWSE = "browse"
    CHOOSE = "choose"
    ADD = "add"
    EDIT = "edit"
    REVIEW = "review"
    PAY = "pay"
    REFUSE = "refuse"
    CALL_OFF = "call_off"
    RECONSIDER = "reconsider"
    SUCCEED = "succeed"
    WARN = "warn"
    EXPIRE = "expire"
    LEAVE = "leave"
    REST = "rest"
    CLOSE = "close"
    OPEN = "open"


MEANS: Final[Mapping[State | Step, str]] = {
    State.ATTRACT: "nobody is here",
    State.GREETING: "someone has just come; the cart is empty",
    State.BROWSING: "looking at dishes; the cart is empty",
    State.CART: "looking at dishes with something in the cart",
    State.ITEM: "looking at one dish",
    State.CONFIRMING: "looking at the whole order before paying",
    State.PAYING: "the payment agent is at it; only its answer leads on",
    State.REFUSED: "it answered, and not with success",
    State.RECEIPT: "paid",
    State.GOODBYE: "leaving",
    State.OUT_OF_SERVICE: "nobody can order: something is missing, or it was asked for",
    Step.ARRIVE: "someone is seen, or touches Start",
    Step.BROWSE: "dishes are shown: a search, Back, Show everything",
    Step.CHOOSE: "one dish is shown",
    Step.ADD: "a dish goes into the cart",
    Step.EDIT: "a line of the cart is changed or taken away",
    Step.REVIEW: "Checkout",
    Step.PAY: "Pay, Try again",
    Step.REFUSE: "the payment failed",
    Step.CALL_OFF: "the payment was cancelled, as the customer wished",
    Step.RECONSIDER: "the order can't be paid as it is: the menu has changed",
    Step.SUCCEED: "the payment succeeded",
    Step.WARN: "nothing was done for long, or nobody is seen any more: a countdown begins",
    Step.EXPIRE: "the countdown is over",
    Step.LEAVE: "Cancel, Done, or gone with the receipt",
    Step.REST: "the goodbye was long enough",
    Step.CLOSE: "the menu or the payment is missing, or it was asked for",
    Step.OPEN: "all is there again, and nobody wants it closed",
}


@dataclass(frozen=True)
class ByCart:
    """Where a step leads with an empty cart and with a filled one; None: nowhere."""

    empty: State | None
    filled: State | None


_EMPTY: Final = (State.GREETING, State.BROWSING)
_ORDERING: Final = (*_EMPTY, State.CART, State.ITEM, State.CONFIRMING)
_DISHES: Final = ByCart(State.BROWSING, State.CART)

# Who waits for the customer to decide something; everywhere else the kiosk itself leads on.
AWAITING_CUSTOMER: Final = frozenset({*_ORDERING, State.REFUSED})
_ENDING_BY_ITSELF: Final = (*_ORDERING, State.REFUSED, State.RECEIPT)

TRANSITIONS: Final[Mapping[tuple[State, Step], State | ByCart]] = {
    **{(state, Step.ARRIVE): State.GREETING for state in (State.ATTRACT, State.GOODBYE)},
    **{(state, Step.BROWSE): State.BROWSING for state in _EMPTY},
    **{(state, Step.BROWSE): State.CART for state in (State.CART, State.CONFIRMING)},
    (State.ITEM, Step.BROWSE): _DISHES,
    **{(state, Step.CHOOSE): State.ITEM for state in _ORDERING},
    **{(state, Step.ADD): State.CART for state in _ORDERING},
    (State.CONFIRMING, Step.ADD): State.CONFIRMING,
    (State.CART, Step.EDIT): _DISHES,
    (State.ITEM, Step.EDIT): State.ITEM,
    (State.CONFIRMING, Step.EDIT): ByCart(State.BROWSING, State.CONFIRMING),
    **{(state, Step.REVIEW): ByCart(None, State.CONFIRMING) for state in (State.CART, State.ITEM, State.CONFIRMING)},
    **{(state, Step.PAY): State.PAYING for state in (State.CONFIRMING, State.REFUSED)},
    (State.PAYING, Step.SUCCEED): State.RECEIPT,
    (State.PAYING, Step.REFUSE): State.REFUSED,
    (State.PAYING, Step.RECONSIDER): ByCart(State.BROWSING, State.CONFIRMING),
    (State.PAYING, Step.CALL_OFF): State.GOODBYE,
    **{(state, Step.WARN): state for state in _ENDING_BY_ITSELF},
    **{(state, Step.EXPIRE): State.GOODBYE for state in _ENDING_BY_ITSELF},
    **{(state, Step.LEAVE): State.GOODBYE for state in _ENDING_BY_ITSELF},
    (State.GOODBYE, Step.REST): State.ATTRACT,
    (State.ATTRACT, Step.CLOSE): State.OUT_OF_SERVICE,
    (State.OUT_OF_SERVICE, Step.OPEN): State.ATTRACT,
}

# A closed kiosk has the layout of one that waits, without Start: version 1.0 has no layout of its own for it.
LAYOUTS: Final[Mapping[State, LayoutMode]] = {
    State.ATTRACT: "attract",
    State.GREETING: "greeting",
    State.BROWSING: "hero_grid",
    State.CART: "hero_grid",
    State.ITEM: "item",
    State.CONFIRMING: "confirm",
    State.PAYING: "payment",
    State.REFUSED: "payment",
    State.RECEIPT: "receipt",
    State.GOODBYE: "goodbye",
    State.OUT_OF_SERVICE: "attract",
}


def after(state: State, step: Step, *, filled: bool) -> State | None:
    """Where `step` leads from `state` with a cart that is `filled` or not; None where it makes no sense."""
    to = TRANSITIONS.get((state, step))
    if isinstance(to, ByCart):
        return to.filled if filled else to.empty
    return to
