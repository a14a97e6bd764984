"""What is said between the kiosk and the sandbox: one JSON object a line, over TCP."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge.agents.payment.gateway import Approved, Charge, Declined, GatewayError, NotCharged
from edge.agents.payment.sandbox.faults import Faults
from edge.contract.money import Money


class Ask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question; the answer carries its `id` and, against mistaken identities, its `key`."""

    id: int
    do: Literal["charge", "cancel", "settle", "refund", "faults", "decline"]
    key: str = ""
    amount_minor: int = 0
    card: str | None = None
    reference: str | None = None
    faults: Faults | None = None
    cards: list[str] = []


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of it."""

    id: int
    key: str
    outcome: Literal["approved", "declined", "not_charged", "done", "error"]
    reference: str = ""
    amount_minor: int = 0
    words: str = ""

    def charge(self) -> Charge:
        """The outcome, in the gateway's terms.

        Raises:
            GatewayError: the sandbox said that it failed.
        """
        match self.outcome:
            case "approved":
                return Approved(self.reference, Money(self.amount_minor))
            case "declined":
                return Declined(self.words)
            case "not_charged":
                return NotCharged(self.words)
        raise GatewayError(self.words or "the sandbox gave no outcome")


def answered(ask: Ask, charge: Charge) -> Answer:
    """The answer that says how a charge stands."""
    match charge:
        case Approved(reference, amount):
            return Answer(id=ask.id, key=ask.key, outcome="approved", reference=reference, amount_minor=amount.minor)
        case Declined(reason):
            return Answer(id=ask.id, key=ask.key, outcome="declined", words=reason)
        case _:
            return Answer(id=ask.id, key=ask.key, outcome="not_charged", words=charge.reason)
