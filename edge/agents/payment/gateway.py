"""Who moves the money: what the agent needs of a payment gateway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge.contract.money import Money


class GatewayError(Exception):
    """The gateway gave no answer that can be relied on: whether it charged is not known."""


@dataclass(frozen=True)
class Approved:
    """The card was charged. `transaction_id` is a UUID v4."""

    transaction_id: str


@dataclass(frozen=True)
class Declined:
    """The card was not charged; `reason` is in words."""

    reason: str


Charge = Approved | Declined


class Gateway(Protocol):
    """Charges cards. A key names one attempt to pay one order; asked twice, a gateway charges once."""

    async def charge(self, key: str, amount: Money, card: str) -> Charge:
        """Charge `amount` to `card` (the token of the tap), unless `key` was charged already.

        Raises:
            GatewayError: the outcome is not known; only `lookup` tells.
        """
        ...

    async def lookup(self, key: str) -> Charge | None:
        """What became of `key`; None only if nothing was charged under it and nothing asked so far will be.

        Raises:
            GatewayError: the gateway can't be asked now.
        """
        ...

    async def close(self) -> None:
        """Let go of the gateway."""
        ...
