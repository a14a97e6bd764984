"""The states of an attempt to pay, and the one table of how it may go from one to another."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where an attempt is, as the journal has it."""

    INTENT = "intent"  # the order is to be paid; nothing was asked of the gateway that could charge
    AUTHORISING = "authorising"  # the gateway is being asked: whether it charged, only the gateway knows
    IN_DOUBT = "in_doubt"  # the gateway's answer was lost, or we were: to be asked what became of it
    CAPTURED = "captured"  # charged
    DECLINED = "declined"  # not charged: the card was refused
    CANCELLED = "cancelled"  # not charged: see the reason
    REFUNDING = "refunding"  # charged, and to be given back: the gateway is being asked
    REFUNDED = "refunded"  # charged and given back


class Why(StrEnum):
    """Why an attempt was cancelled or its charge is given back."""

    CUSTOMER = "customer"  # they changed their mind
    NO_TAP = "no_tap"  # no card came in time
    STOPPED = "stopped"  # the agent was stopped, or died before a card came
    UNREACHED = "unreached"  # the gateway knows nothing of it
    SOLD_OUT = "sold_out"  # a dish ran out while the card was awaited
    LEFT = "left"  # the customer's session ended
    UNCLAIMED = "unclaimed"  # nobody came back to hear that it was charged
    WRONG_AMOUNT = "wrong_amount"  # the gateway charged another amount than it was asked for
    CLERK = "clerk"  # `kiosk payment refund`


_GAVE_UP = frozenset({State.DECLINED, State.CANCELLED})

LEGAL: dict[State, frozenset[State]] = {
    State.INTENT: frozenset({State.AUTHORISING, State.CANCELLED}),
    State.AUTHORISING: frozenset({State.CAPTURED, State.IN_DOUBT}) | _GAVE_UP,
    State.IN_DOUBT: frozenset({State.CAPTURED}) | _GAVE_UP,
    State.CAPTURED: frozenset({State.REFUNDING}),
    State.REFUNDING: frozenset({State.REFUNDED}),
    State.DECLINED: frozenset(),
    State.CANCELLED: frozenset(),
    State.REFUNDED: frozenset(),
}

OPEN = frozenset({State.INTENT, State.AUTHORISING, State.IN_DOUBT})  # how it ended is not written yet
CHARGED = frozenset({State.CAPTURED, State.REFUNDING, State.REFUNDED})  # no further attempt follows these
REASONED = frozenset({State.CANCELLED, State.REFUNDING, State.REFUNDED})  # have a Why
