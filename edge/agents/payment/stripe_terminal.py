"""Stripe Terminal, server-driven: the kiosk asks Stripe, and Stripe's reader asks the customer.

A payment is a PaymentIntent with manual capture. It is made, its id written down, handed to the reader, and
captured once the card was authorised. Nothing can be charged before the id is written down, and what is only
authorised when we come back from a crash is let go: a hold, not a charge.

Stripe forgets idempotency keys after 24 hours, so nothing rests on one for longer than a payment takes: what
became of a payment is found by its id.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

import aiohttp
import stripe

from edge.agents.payment.gateway import Approved, Charge, Declined, GatewayError, NotCharged, Remember, check_currency
from edge.contract.money import Money

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import TypeVar

    from stripe import PaymentIntent
    from stripe.terminal import Reader

    T = TypeVar("T")

log = logging.getLogger(__name__)

_ANSWER_S: Final = 8.0  # for one request; the SDK tries twice more where that is safe
_SURE: Final = (stripe.AuthenticationError, stripe.PermissionError, stripe.InvalidRequestError)
_NO_REFUND: Final = ("failed", "canceled")
# What a reader's action fails with when no bank had a say in it; anything else is a decline.
_NO_CARD: Final = frozenset({"customer_canceled", "terminal_reader_timeout", "terminal_reader_offline"})


class StripeTerminal:
    """Takes cards on the reader `reader` (``tmr_...``) of the account whose secret or restricted key is `api_key`.

    `currency` is ISO 4217. `api_url` is Stripe's, or a simulated one's.
    """

    reads_cards = True
    name = "stripe"

    def __init__(
        self, api_key: str, reader: str, currency: str, *, api_url: str | None = None, poll_s: float = 0.5
    ) -> None:
        self._reader = reader
        self._currency = currency.lower()
        self._poll_s = poll_s
        self._http = stripe.AIOHTTPClient(timeout=_ANSWER_S)
        self._stripe = stripe.StripeClient(
            api_key,
            http_client=self._http,
            max_network_retries=2,
            base_addresses={"api": api_url} if api_url else None,
        ).v1

    async def open(self) -> None:
        """See whether key and reader are good; that Stripe can't be reached now is no reason not to start.

        Raises:
            GatewayError: Stripe refuses the key, knows no such reader, or counts the currency otherwise.
        """
        check_currency(self._currency)
        try:
            reader = await self._say(self._stripe.terminal.readers.retrieve_async(self._reader))
        except GatewayError as error:
            if isinstance(error.__cause__, _SURE):
                raise GatewayError(f"Stripe refuses the key or the reader {self._reader}: {error}") from error
            log.warning("Stripe can't be asked now: %s", error)
        else:
            if reader.status == "offline":
                log.warning("Stripe says that its reader %s is offline", self._reader)

    async def charge(self, key: str, amount: Money, card: str | None, remember: Remember) -> Charge:
        """Have the reader ask for a card, and charge it.

        Raises:
            GatewayError: the outcome is not known.
        """
        intent = await self._say(
            self._stripe.payment_intents.create_async(
                {
                    "amount": amount.minor,
                    "currency": self._currency,
                    "allowed_payment_method_types": ["card_present"],  # payment_method_types is gone since 2026-09-30
                    "capture_method": "manual",
                    "metadata": {"kiosk_attempt": key},
                },
                {"idempotency_key": f"{key}/create"},
            )
        )
        await remember(intent.id)
        await self._say(
            self._stripe.terminal.readers.process_payment_intent_async(
                self._reader,
                {"payment_intent": intent.id, "process_config": {"enable_customer_cancellation": True}},
                {"idempotency_key": f"{key}/process"},
            )
        )
        while True:
            charge = await self._progress(key, intent.id)
            if charge is not None:
                return charge
            await asyncio.sleep(self._poll_s)

    async def cancel(self, key: str, reference: str | None) -> None:
        """Clear the reader and cancel the PaymentIntent, if Stripe still lets it be.

        Raises:
            GatewayError: Stripe couldn't be asked.
        """
        if reference is None:
            return
        reader = await self._say(self._stripe.terminal.readers.retrieve_async(self._reader))
        if _at_work_on(reader, reference):  # never somebody else's payment
            await self._unless_too_late(self._stripe.terminal.readers.cancel_action_async(self._reader))
        await self._unless_too_late(self._stripe.payment_intents.cancel_async(reference))

    async def settle(self, key: str, reference: str | None) -> Charge:
        """What became of it, for good: a hold is let go, a reader that still asks for a card is cleared.

        Raises:
            GatewayError: it isn't known yet.
        """
        if reference is None:
            return NotCharged("no payment was handed to the reader")
        intent = await self._intent(reference)
        if intent.status not in ("succeeded", "canceled"):
            await self.cancel(key, reference)
            intent = await self._intent(reference)
        charge = _outcome(intent)
        if charge is None:
            raise GatewayError(f"Stripe's payment {reference} is {intent.status}")
        return charge

    async def refund(self, key: str, reference: str) -> None:
        """Give the charge back.

        Raises:
            GatewayError: it isn't known whether it was.
        """
        known = await self._say(self._stripe.refunds.list_async({"payment_intent": reference}))
        if any(refund.status not in _NO_REFUND for refund in known.data):
            return
        try:  # without a key of ours: Stripe refuses to give back more than was charged
            refund = await self._say(self._stripe.refunds.create_async({"payment_intent": reference}))
        except GatewayError as error:
            if getattr(error.__cause__, "code", None) == "charge_already_refunded":
                return
            raise
        if refund.status in _NO_REFUND:
            raise GatewayError(f"Stripe's refund of {reference} {refund.status}: see Stripe's dashboard")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call] # the SDK says nothing of this one

    # -- inside -------------------------------------------------------------------------------------------

    async def _progress(self, key: str, reference: str) -> Charge | None:
        """One look: the outcome, if there is one; what was authorised is captured."""
        intent = await self._intent(reference)
        if intent.status == "requires_capture":
            too_late = await self._unless_too_late(
                self._stripe.payment_intents.capture_async(reference, None, {"idempotency_key": f"{key}/capture"})
            )
            intent = await self._intent(reference)
            if too_late and intent.status == "requires_capture":
                raise GatewayError(f"Stripe doesn't capture {reference}")
        charge = _outcome(intent)
        if charge is not None or intent.status != "requires_payment_method":
            return charge
        reader = await self._say(self._stripe.terminal.readers.retrieve_async(self._reader))
        action = reader.action
        if action is None or not _about(reader, reference):
            # Cleared, by us or at the reader: nobody asks for a card any more.
            await self._unless_too_late(self._stripe.payment_intents.cancel_async(reference))
            return None
        if action.status == "failed":
            await self._unless_too_late(self._stripe.payment_intents.cancel_async(reference))
            if action.failure_code in _NO_CARD:
                return NotCharged(action.failure_code or "")
            return Declined(action.failure_code or "declined")
        return None

    async def _intent(self, reference: str) -> PaymentIntent:
        return await self._say(self._stripe.payment_intents.retrieve_async(reference))

    async def _unless_too_late(self, asked: Awaitable[object]) -> bool:
        """Do it, if its object's state allows it; whether it was too late."""
        try:
            await self._say(asked)
        except GatewayError as error:
            if isinstance(error.__cause__, stripe.InvalidRequestError):
                return True
            raise
        return False

    async def _say(self, asked: Awaitable[T]) -> T:
        """Ask Stripe; its errors in our words, which name no card."""
        try:
            return await asked
        except stripe.StripeError as error:
            raise GatewayError(f"Stripe: {error.code or type(error).__name__}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:  # the SDK lets these through while it reads
            raise GatewayError(f"Stripe can't be reached: {type(error).__name__}") from error


def _outcome(intent: PaymentIntent) -> Charge | None:
    if intent.status == "succeeded":
        return Approved(intent.id, Money(intent.amount_received))
    if intent.status == "canceled":
        error = intent.last_payment_error
        return Declined(error.code or "declined") if error else NotCharged("canceled")
    return None


def _about(reader: Reader, reference: str) -> bool:
    process = reader.action.process_payment_intent if reader.action else None
    return process is not None and process.payment_intent == reference


def _at_work_on(reader: Reader, reference: str) -> bool:
    return _about(reader, reference) and reader.action is not None and reader.action.status == "in_progress"
