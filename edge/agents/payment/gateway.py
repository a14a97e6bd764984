"""Who moves the money: what the agent needs of a payment gateway.

A gateway is asked about one attempt by its key, and again and again if need be: whatever it is asked twice, it
does once. Behind it may be a bank that takes the card which the kiosk's own reader saw (the sandbox), or a
terminal that reads cards by itself (`reads_cards`); then `charge` is the whole dialogue with the customer, and
`cancel` the only way to end it early.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from edge.contract.money import Money


class GatewayError(Exception):
    """The gateway gave no answer that can be relied on: whether it charged is not known."""


# ISO 4217: currencies whose minor unit isn't a hundredth. Money counts hundredths, and a terminal must mean the same.
_OTHER_MINOR_UNITS = frozenset(
    "BHD BIF CLF CLP DJF GNF IQD ISK JOD JPY KMF KRW KWD LYD OMR PYG RWF TND UGX UYI UYW VND VUV XAF XOF XPF".split()
)


def check_currency(currency: str, *, besides: Collection[str] = ()) -> None:
    """See whether a hundredth of `currency` is what the gateway counts in; `besides` are its own exceptions.

    Raises:
        GatewayError: it isn't, and amounts would be a hundred times too high or too low.
    """
    if currency.upper() in _OTHER_MINOR_UNITS or currency.upper() in besides:
        raise GatewayError(f"payments in {currency} are not supported: its smallest unit isn't a hundredth")


@dataclass(frozen=True)
class Approved:
    """The card was charged `amount`. `reference` is what the gateway knows the charge by."""

    reference: str
    amount: Money


@dataclass(frozen=True)
class Declined:
    """The card was not charged; `reason` is in words."""

    reason: str


@dataclass(frozen=True)
class NotCharged:
    """Nothing was charged under the key, and nothing will be; `reason` is in words."""

    reason: str


Charge = Approved | Declined | NotCharged

# Writes the gateway's own id of a payment into the journal; what can charge is begun only after it.
Remember = Callable[[str], Awaitable[None]]


class Gateway(Protocol):
    """Charges cards. A key names one attempt to pay one order; asked twice, a gateway charges once."""

    reads_cards: bool  # with a terminal of its own; else `charge` wants the card's token
    name: str

    async def open(self) -> None:
        """Get ready; a gateway that can't be reached now is reached later.

        Raises:
            GatewayError: it can never work: a program or a library is missing, a key is refused.
        """
        ...

    async def charge(self, key: str, amount: Money, card: str | None, remember: Remember) -> Charge:
        """Charge `amount` to `card`, or to whichever card is held to the terminal, unless `key` was charged already.

        Raises:
            GatewayError: the outcome is not known; only `settle` tells.
        """
        ...

    async def cancel(self, key: str, reference: str | None) -> None:
        """Ask for the charge under `key` to be stopped. Whether it was, `charge` tells, or `settle`.

        Raises:
            GatewayError: it couldn't be asked.
        """
        ...

    async def settle(self, key: str, reference: str | None) -> Charge:
        """What became of `key`, for good: what is still under way is stopped first.

        `reference` is what was remembered; None means that nothing was.

        Raises:
            GatewayError: it isn't known yet.
        """
        ...

    async def refund(self, key: str, reference: str) -> None:
        """Give the whole charge back, once.

        Raises:
            GatewayError: it isn't known whether it was; ask again.
        """
        ...

    async def close(self) -> None:
        """Let go of the gateway."""
        ...
