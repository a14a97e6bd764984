"""SumUp's readers by its Cloud API: the kiosk asks SumUp, and SumUp's Solo asks the customer.

A checkout starts a payment at once and has no idempotency key, so what it will be known by, our own reference
(`foreign_transaction_id`), is written down before it is asked for, with the time. After a crash the transaction is
looked up by it. That SumUp knows no such transaction proves nothing at first: an accepted checkout may take a
minute to begin. Only when that minute is over and the reader idle was nothing charged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Final

import sumup  # type: ignore[import-untyped] # sumup 0.4 has types, and doesn't say so
from sumup import errors

from edge.agents.payment.gateway import Approved, Charge, Declined, GatewayError, NotCharged, Remember, check_currency
from edge.contract.money import Money

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

_ANSWER_S: Final = 8.0
_MINOR_UNIT: Final = 2  # decimals of the currency; Money knows no other
_WITHOUT_DECIMALS: Final = ("CLP", "COP", "HUF")  # at SumUp
_BEGINS_WITHIN_S: Final = 60.0  # "the system has 60 seconds to start the payment on the target device"
_WRONG_ACCOUNT: Final = (errors.AuthenticationError, errors.PermissionDeniedError, errors.NotFoundError)
_REFUSED: Final = (errors.BadRequestError, errors.NotFoundError, errors.UnprocessableEntityError)


class SumupReader:
    """Takes cards on the Solo `reader` of the merchant `merchant`; `affiliate` is the app's id and key at SumUp.

    `currency` is ISO 4217. `api_url` is SumUp's, or a simulated one's.
    """

    reads_cards = True
    name = "sumup"

    def __init__(
        self,
        api_key: str,
        merchant: str,
        reader: str,
        currency: str,
        *,
        affiliate: tuple[str, str],
        api_url: str | None = None,
        poll_s: float = 0.5,
        begins_within_s: float = _BEGINS_WITHIN_S,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._merchant = merchant
        self._reader = reader
        self._currency = currency
        self._affiliate = affiliate
        self._poll_s = poll_s
        self._begins_within_s = begins_within_s
        self._now_s = now_s
        more = {"base_url": api_url} if api_url else {}
        self._sumup = sumup.AsyncSumup(api_key=api_key, timeout=_ANSWER_S, **more)
        self._checkouts: dict[str, str] = {}  # of this run, by our reference
        self._stopped: set[str] = set()

    async def open(self) -> None:
        """See whether key and reader are good; that SumUp can't be reached now is no reason not to start.

        Raises:
            GatewayError: SumUp refuses the key, knows no such reader, or counts the currency otherwise.
        """
        check_currency(self._currency, besides=_WITHOUT_DECIMALS)
        try:
            found = await self._say(self._sumup.readers.get_status(self._merchant, self._reader))
        except GatewayError as error:
            if isinstance(
                error.__cause__, errors.AuthenticationError | errors.PermissionDeniedError | errors.NotFoundError
            ):
                raise GatewayError(f"SumUp refuses the key or the reader {self._reader}: {error}") from error
            log.warning("SumUp can't be asked now: %s", error)
        else:
            if found.data.status == "OFFLINE":
                log.warning("SumUp says that its reader %s is offline", self._reader)

    async def charge(self, key: str, amount: Money, card: str | None, remember: Remember) -> Charge:
        """Have the reader ask for a card, and charge it.

        Raises:
            GatewayError: the outcome is not known.
        """
        ours = key.replace("/", "-")
        reference = f"{ours}@{int(self._now_s())}"
        await remember(reference)
        try:
            made = await self._say(
                self._sumup.readers.create_checkout(
                    self._merchant,
                    self._reader,
                    total_amount={"currency": self._currency, "minor_unit": _MINOR_UNIT, "value": amount.minor},
                    affiliate={
                        "app_id": self._affiliate[0],
                        "key": self._affiliate[1],
                        "foreign_transaction_id": ours,
                    },
                    description=f"Order {key}",
                )
            )
        except GatewayError as error:
            if isinstance(error.__cause__, _REFUSED):
                return NotCharged(f"SumUp did not take the checkout: {error}")
            raise
        self._checkouts[reference] = made.data.checkout_id or ""
        while True:
            charge = await self._look(reference)
            if charge is not None:
                return charge
            await asyncio.sleep(self._poll_s)

    async def cancel(self, key: str, reference: str | None) -> None:
        """Clear the reader. SumUp gives no confirmation, and acts only while the reader waits for a card.

        Raises:
            GatewayError: SumUp couldn't be asked.
        """
        if reference is None or (reference in self._checkouts and await self._look(reference) is not None):
            return  # what is on the reader now is somebody else's
        self._stopped.add(reference)
        try:
            await self._say(self._sumup.readers.terminate_checkout(self._merchant, self._reader))
        except GatewayError as error:
            if not isinstance(error.__cause__, errors.UnprocessableEntityError):  # 422: nothing there to be stopped
                raise

    async def settle(self, key: str, reference: str | None) -> Charge:
        """What became of it, for good.

        Raises:
            GatewayError: it isn't known yet.
        """
        if reference is None:
            return NotCharged("no checkout was asked for")
        charge = await self._look(reference) if reference in self._checkouts else None
        if charge is None:
            charge = await self._transaction(reference)
        if charge is not None:
            return charge
        await self.cancel(key, reference)
        asked_s = float(reference.rpartition("@")[2])
        if 0 <= self._now_s() - asked_s < self._begins_within_s:
            raise GatewayError("SumUp may begin this payment yet")
        found = await self._say(self._sumup.readers.get_status(self._merchant, self._reader))
        if found.data.status != "ONLINE" or found.data.state not in (None, "IDLE"):
            raise GatewayError(f"SumUp's reader is {found.data.status}, {found.data.state}")
        charge = await self._transaction(reference)  # once more, now that nothing is under way
        return charge or NotCharged("SumUp knows nothing of it")

    async def refund(self, key: str, reference: str) -> None:
        """Give the charge back: whatever of it was not.

        Raises:
            GatewayError: it isn't known whether it was.
        """
        found = await self._say(self._sumup.transactions.get(self._merchant, id=reference))
        if found.status == "REFUNDED":
            return
        try:
            await self._say(self._sumup.transactions.refund(self._merchant, reference))
        except GatewayError as error:
            if not isinstance(error.__cause__, errors.ConflictError):
                raise
            found = await self._say(self._sumup.transactions.get(self._merchant, id=reference))
            if found.status != "REFUNDED":
                raise

    async def close(self) -> None:
        """Close the connections."""
        await self._sumup.aclose()

    # -- inside -------------------------------------------------------------------------------------------

    async def _look(self, reference: str) -> Charge | None:
        """What the checkout says; an outcome with money in it is the transaction's to tell."""
        checkout_id = self._checkouts[reference]
        if not checkout_id:
            return await self._transaction(reference)
        found = await self._say(self._sumup.readers.get_checkout(self._merchant, self._reader, checkout_id))
        match str(found.data.status).lower():
            case "successful":
                return await self._transaction(reference)
            case "cancelled":
                return NotCharged("cancelled")
            case "failed" if reference in self._stopped:
                return NotCharged("stopped")
            case "failed":
                return Declined(found.data.payment_failure_reason or "declined")
        return None

    async def _transaction(self, reference: str) -> Charge | None:
        ours = reference.rpartition("@")[0]
        try:
            found = await self._say(self._sumup.transactions.get(self._merchant, foreign_transaction_id=ours))
        except GatewayError as error:
            if isinstance(error.__cause__, errors.NotFoundError):
                return None
            raise
        match found.status:
            case "SUCCESSFUL" | "REFUNDED":
                if found.id is None or found.amount is None:
                    raise GatewayError("SumUp's transaction has no id or amount")
                return Approved(found.id, Money.of(found.amount))
            case "FAILED":
                return NotCharged("stopped") if reference in self._stopped else Declined("declined")
            case "CANCELLED":
                return NotCharged("cancelled")
        return None

    async def _say(self, asked: Awaitable[Any]) -> Any:
        """Ask SumUp; its errors in our words, which name no card."""
        try:
            return await asked
        except errors.APIConnectionError as error:
            raise GatewayError(f"SumUp can't be reached: {type(error).__name__}") from error
        except errors.APIError as error:
            raise GatewayError(f"SumUp: {error.status} {type(error).__name__}") from error
        except ValueError as error:  # an answer that is not JSON, or not what the SDK knows
            raise GatewayError(f"SumUp's answer can't be read: {type(error).__name__}") from error
