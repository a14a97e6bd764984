"""What may follow what in a customer's session, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from edge.contract.ui import LayoutMode


class State(StrEnum):
    """Where a session is."""

    ATTRACT = "attract"  # nobody here
    GREETING = "greeting"
    BROWSING = "browsing"
    ITEM = "item"
    CONFIRMING = "confirming"
    PAYING = "paying"  # the payment agent is at it; only its answer leads on
    REFUSED = "refused"  # it answered, and not with success
    RECEIPT = "receipt"
    GOODBYE = "goodbye"


class Step(StrEnum):
    """What moves a session on."""

    ARRIVE = "arrive"
    BROWSE = "browse"  # show dishes
    CHOOSE = "choose"  # look at one dish
    ADD = "add"  # put a dish into the cart
    EDIT = "edit"  # change what is in the cart
    REVIEW = "review"  # look at the order before paying
    PAY = "pay"
    REFUSE = "refuse"  # the payment failed
    CALL_OFF = "call_off"  # the payment was cancelled as the customer wished
    RECONSIDER = "reconsider"  # the order can't be paid as it is
    SUCCEED = "succeed"
    LEAVE = "leave"
    REST = "rest"  # the goodbye was long enough


_ORDERING: Final = (State.GREETING, State.BROWSING, State.ITEM, State.CONFIRMING)

TRANSITIONS: Final[Mapping[tuple[State, Step], State]] = {
    (State.ATTRACT, Step.ARRIVE): State.GREETING,
    (State.GOODBYE, Step.ARRIVE): State.GREETING,
    **{(state, Step.BROWSE): State.BROWSING for state in _ORDERING},
    **{(state, Step.CHOOSE): State.ITEM for state in _ORDERING},
    **{(state, Step.ADD): State.BROWSING for state in _ORDERING},
    (State.CONFIRMING, Step.ADD): State.CONFIRMING,
    **{(state, Step.EDIT): state for state in _ORDERING},
    **{(state, Step.REVIEW): State.CONFIRMING for state in _ORDERING},
    (State.CONFIRMING, Step.PAY): State.PAYING,
    (State.PAYING, Step.SUCCEED): State.RECEIPT,
    (State.PAYING, Step.REFUSE): State.REFUSED,
    (State.PAYING, Step.RECONSIDER): State.CONFIRMING,
    (State.PAYING, Step.CALL_OFF): State.GOODBYE,
    (State.REFUSED, Step.PAY): State.PAYING,
    **{(state, Step.LEAVE): State.GOODBYE for state in (*_ORDERING, State.REFUSED, State.RECEIPT)},
    (State.GOODBYE, Step.REST): State.ATTRACT,
}

# Who waits for the customer to decide something; everywhere else the kiosk itself leads on.
AWAITING_CUSTOMER: Final = frozenset({*_ORDERING, State.REFUSED})

LAYOUTS: Final[Mapping[State, LayoutMode]] = {
    State.ATTRACT: "attract",
    State.GREETING: "greeting",
    State.BROWSING: "hero_grid",
    State.ITEM: "item",
    State.CONFIRMING: "confirm",
    State.PAYING: "payment",
    State.REFUSED: "payment",
    State.RECEIPT: "receipt",
    State.GOODBYE: "goodbye",
}


def after(state: State, step: Step) -> State | None:
    """Where `step` leads from `state`; None where it makes no sense."""
    return TRANSITIONS.get((state, step))
