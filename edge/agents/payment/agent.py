"""The payment agent (section 7.3): one card, one charge, whatever happens in between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from edge.agents.payment import answers
from edge.agents.payment.gateway import Approved, Charge, Declined, Gateway, GatewayError
from edge.agents.payment.journal import OPEN, Attempt, Journal, JournalError, State
from edge.agents.payment.prices import Line, PricedDish, checked_lines, fingerprint
from edge.agents.payment.receipt import PaidReceipt, ensure_receipt
from edge.agents.payment.waiting import Card, CardWait, NoCard
from edge.bus import NATSAgentBase, does, hears, time_left_s
from edge.contract.errors import AskError, ErrorCode
from edge.contract.input import CardTap
from edge.contract.payment import CancelPayment, CancelResult, PaymentResult, ProcessPayment
from edge.contract.subjects import CARD_TAP, PAYMENT_CANCEL, PAYMENT_PROCESS

log = logging.getLogger(__name__)

_ANSWER_S: Final = 2.0  # of the asker's time, for the gateway and the answer
_GATEWAY_LIMIT_S: Final = 20.0  # a gateway has its own, shorter limits; this only keeps a hung one from holding all
_LEAVING_S: Final = 5.0  # what payments under way get to end by themselves when the agent is closed
_WITHOUT_CARD: Final = {
    NoCard.CANCELLED: State.CANCELLED,
    NoCard.TIMED_OUT: State.TIMED_OUT,
    NoCard.STOPPED: State.NOT_CHARGED,
}


class _Payment:
    """An order that is being paid now."""

    task: asyncio.Task[PaymentResult]

    def __init__(self, ask: ProcessPayment) -> None:
        self.ask = ask
        self.fingerprint = fingerprint(ask)
        self.loyalty_card = ask.loyalty_card
        self.wait = CardWait()


class PaymentAgent(NATSAgentBase):
    """Takes payments: waits for the customer's card and charges it once.

    An order that is asked for again while it is being paid shares that payment; once paid, it gets the same
    answer again; not paid, it may be tried again. `prices` is read at every ask. Journal and gateway are
    closed with the agent.
    """

    name = "payment"
    refusals: ClassVar = {JournalError: ErrorCode.UNAVAILABLE}

    def __init__(
        self,
        nats_url: str,
        *,
        prices: Mapping[int, PricedDish],
        journal: Journal,
        gateway: Gateway,
        receipts_dir: Path,
        shop: str,
        currency: str,
        tap_timeout_s: float = 28.0,
    ) -> None:
        super().__init__(nats_url)
        self._prices = prices
        self._journal = journal
        self._gateway = gateway
        self._receipts_dir = receipts_dir
        self._shop = shop
        self._currency = currency
        self._tap_timeout_s = tap_timeout_s
        self._payments: dict[str, _Payment] = {}
        self._at_reader: _Payment | None = None
        self._leaving = False

    async def connect(self) -> None:
        """Settle what an earlier run left in doubt, then go on the bus.

        Raises:
            JournalError: the journal can't be used, or another agent has it.
            SetupRefused: as for every agent.
        """
        await self._journal.open()
        for attempt in await self._journal.unfinished():
            try:
                settled = await self._settle(attempt)
            except AskError as error:
                log.warning("%s; it is asked again when the order is", error.message)
            else:
                log.warning("order %s was left open by an earlier run: %s", settled.order_id, settled.state)
        await super().connect()

    async def close(self) -> None:
        """Stop waiting for cards, let a charge that is under way end, and leave."""
        self._leaving = True
        tasks = [payment.task for payment in self._payments.values()]
        for payment in self._payments.values():
            payment.wait.stop()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_LEAVING_S)
            for task in late:
                task.cancel()  # its attempt stays in doubt in the journal: the next start asks the gateway
            await asyncio.gather(*tasks, return_exceptions=True)
        await super().close()
        await self._journal.close()
        await self._gateway.close()

    @does(PAYMENT_PROCESS)
    async def process(self, ask: ProcessPayment) -> PaymentResult:
        """Take the order's money from the card that is tapped, and answer how it went."""
        payment = self._payments.get(ask.order_id)
        if payment is None:
            if self._leaving:
                raise AskError(ErrorCode.UNAVAILABLE, "payment is stopping")
            payment = self._payments[ask.order_id] = _Payment(ask)
            payment.task = asyncio.create_task(self._pay(payment))
            payment.task.add_done_callback(lambda task: self._done(ask.order_id, task))
        elif payment.fingerprint != fingerprint(ask):
            raise _other_order(ask.order_id, "is being paid")
        return await asyncio.shield(payment.task)

    @does(PAYMENT_CANCEL)
    async def cancel(self, ask: CancelPayment) -> CancelResult:
        """Stop waiting for the order's card; a card that was tapped before is charged all the same."""
        payment = self._payments.get(ask.order_id)
        if payment is None:
            last = await self._journal.last(ask.order_id)
            return CancelResult(cancelled=last is not None and last.state is State.CANCELLED)
        if not payment.wait.cancel():
            return CancelResult(cancelled=False)
        try:
            result = await asyncio.shield(payment.task)
        except AskError:
            return CancelResult(cancelled=False)  # refused before a card was waited for
        return CancelResult(cancelled=result.status == "cancelled")

    @hears(CARD_TAP)
    async def take_tap(self, tap: CardTap) -> None:
        """A card: the waiting order's money, or its loyalty points."""
        payment = self._at_reader
        if payment is None:
            log.debug("a card was tapped, and no order waits for one")
        elif tap.loyalty_id is not None:
            payment.loyalty_card = tap.loyalty_id
        else:
            payment.wait.tap(tap.card)

    # -- a payment ----------------------------------------------------------------------------------------

    def _done(self, order_id: str, task: asyncio.Task[PaymentResult]) -> None:
        del self._payments[order_id]
        if not task.cancelled():
            task.exception()  # whoever asked has it; if they are gone, nobody wants it

    async def _pay(self, payment: _Payment) -> PaymentResult:
        ask = payment.ask
        last = await self._journal.last(ask.order_id)
        if last is not None and last.state in OPEN:
            last = await self._settle(last)
        if last is not None and last.state is State.PAID:
            if last.fingerprint != payment.fingerprint:
                raise _other_order(ask.order_id, "was paid")
            return await self._answer(last)
        attempt, end = await self._wait_for_card(payment, checked_lines(ask, self._prices))
        if isinstance(end, NoCard):
            attempt = await self._journal.end(attempt, _WITHOUT_CARD[end])
            if end is NoCard.STOPPED:
                raise AskError(ErrorCode.UNAVAILABLE, "payment is stopping; nothing was charged")
        else:
            attempt = await self._journal.charging(attempt, payment.loyalty_card)
            attempt = await self._charge(attempt, end)
        log.info("order %s: %s, %s", attempt.order_id, attempt.amount, attempt.state)
        return await self._answer(attempt)

    async def _wait_for_card(self, payment: _Payment, lines: tuple[Line, ...]) -> tuple[Attempt, Card | NoCard]:
        if self._at_reader is not None:
            raise AskError(ErrorCode.UNAVAILABLE, "another payment is waiting for its card")
        self._at_reader = payment
        try:
            attempt = await self._journal.begin(
                payment.ask.order_id,
                amount=payment.ask.total,
                fingerprint=payment.fingerprint,
                lines=lines,
                loyalty_card=payment.loyalty_card,
            )
            return attempt, await payment.wait.end(self._patience_s())
        finally:
            self._at_reader = None

    def _patience_s(self) -> float:
        """How long to wait for a card: never longer than the asker does, who must hear the outcome.

        An ask may have waited in the queue while this agent was away. Nobody stands there for its rest.
        """
        left_s = time_left_s()
        return self._tap_timeout_s if left_s is None else max(0.0, min(self._tap_timeout_s, left_s - _ANSWER_S))

    async def _charge(self, attempt: Attempt, card: Card) -> Attempt:
        try:
            async with asyncio.timeout(_GATEWAY_LIMIT_S):
                charge = await self._gateway.charge(attempt.key, attempt.amount, card.token)
        except (GatewayError, TimeoutError) as error:
            log.warning("order %s: the gateway: %s; looking it up", attempt.order_id, str(error) or "no answer")
            return await self._settle(attempt)
        return await self._record(attempt, charge)

    async def _settle(self, attempt: Attempt) -> Attempt:
        """End an open attempt by what the gateway knows of it, never by charging.

        Raises:
            AskError: UNAVAILABLE, the gateway doesn't answer; the attempt stays open.
        """
        if attempt.state is State.WAITING:
            return await self._journal.end(attempt, State.NOT_CHARGED)
        try:
            async with asyncio.timeout(_GATEWAY_LIMIT_S):
                charge = await self._gateway.lookup(attempt.key)
        except (GatewayError, TimeoutError) as error:
            raise AskError(
                ErrorCode.UNAVAILABLE,
                f"whether order {attempt.order_id} was paid is not known yet: {str(error) or 'no answer'}",
            ) from error
        return await self._record(attempt, charge)

    async def _record(self, attempt: Attempt, charge: Charge | None) -> Attempt:
        match charge:
            case Approved(transaction_id):
                return await self._journal.end(attempt, State.PAID, transaction_id)
            case Declined(reason):
                log.info("order %s: declined: %s", attempt.order_id, reason)
                return await self._journal.end(attempt, State.DECLINED)
            case None:
                return await self._journal.end(attempt, State.NOT_CHARGED)

    async def _answer(self, attempt: Attempt) -> PaymentResult:
        if attempt.state is not State.PAID or attempt.transaction_id is None or attempt.ended_at is None:
            return answers.unpaid(attempt)
        receipt = PaidReceipt(
            transaction_id=attempt.transaction_id,
            order_id=attempt.order_id,
            shop=self._shop,
            currency=self._currency,
            lines=attempt.lines,
            amount=attempt.amount,
            loyalty_points=answers.loyalty_points(attempt),
            paid_at=attempt.ended_at,
        )
        url: str | None = None
        try:
            url = await asyncio.to_thread(ensure_receipt, receipt, self._receipts_dir)
        except Exception:  # whatever is wrong with the document, the money is taken
            log.exception("order %s is paid, but has no receipt document", attempt.order_id)
        return answers.paid(attempt, url)


def _other_order(order_id: str, what: str) -> AskError:
    return AskError(
        ErrorCode.INVALID_REQUEST,
        f"order {order_id} {what} with other items or another total; another order needs another order_id",
    )
