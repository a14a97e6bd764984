"""The payment agent (section 7.3): one card, one charge, whatever happens in between."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Final

from edge.agents.payment import answers, crashes
from edge.agents.payment.gateway import Gateway
from edge.agents.payment.journal import Attempt, Journal, JournalError
from edge.agents.payment.prices import Line, PricedDish, check_stock, checked_lines, fingerprint, sold
from edge.agents.payment.receipt import PaidReceipt, ensure_receipt
from edge.agents.payment.states import CHARGED, OPEN, State, Why
from edge.agents.payment.taps import Taps
from edge.agents.payment.till import WITHOUT_CARD, Till
from edge.agents.payment.waiting import CardWait, NoCard
from edge.bus import BusUnreachable, NATSAgentBase, always, does, hears, time_left_s
from edge.bus.client import current
from edge.bus.history import read_back
from edge.contract.envelope import NATSMessage
from edge.contract.errors import AskError, ErrorCode
from edge.contract.input import CardTap
from edge.contract.payment import CancelPayment, CancelResult, PaymentResult, ProcessPayment
from edge.contract.session import SessionEnded, SessionStarted
from edge.contract.subjects import CARD_TAP, PAYMENT_CANCEL, PAYMENT_PROCESS, SESSION_ENDED, SESSION_STARTED

log = logging.getLogger(__name__)

_ANSWER_S: Final = 2.0  # of the asker's time, for the gateway and the answer
_STOP_S: Final = 4.0  # the same with a terminal, which has to be stopped first
_CANCEL_S: Final = 1.5  # of the 2 s that who cancels waits
_LEAVING_S: Final = 5.0  # what payments under way get to end by themselves when the agent is closed
_REMEMBERED: Final = 256  # sessions that ended
_CLOCK_STEP: Final = timedelta(hours=1)  # by which the machine's clock may have been put right since
_CATCH_UP_S: Final = 600.0  # beside each reconnect


class _Payment:
    """An order that is being paid now."""

    task: asyncio.Task[PaymentResult]

    def __init__(self, ask: ProcessPayment) -> None:
        message = current.get()
        self.ask = ask
        self.fingerprint = fingerprint(ask)
        self.loyalty_card = ask.loyalty_card
        self.session_id = message.session_id if message else ""
        self.ask_id = message.msg_id if message else ""
        self.wait = CardWait()
        self.had_its_wait = False


class PaymentAgent(NATSAgentBase):
    """Takes payments: waits for the customer's card and charges it once.

    An order that is asked for again while it is being paid shares that payment; once charged, it gets the same
    answer again; not charged, it may be tried again. `prices` is read at every ask, and again when the card is
    there. A charge whose customer has left is given back: when their session ends otherwise than completed, when
    the next one begins, or when nobody asked for it within `unclaimed_s`. Every `reconcile_s` it looks after what
    isn't settled. Journal and gateway are closed with the agent.
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
        unclaimed_s: float = 120.0,
        reconcile_s: float = 5.0,
    ) -> None:
        super().__init__(nats_url)
        self.till = Till(journal, gateway)
        self._prices = prices
        self._receipts_dir = receipts_dir
        self._shop = shop
        self._currency = currency
        self._tap_timeout_s = tap_timeout_s
        self._unclaimed_s = unclaimed_s
        self._reconcile_s = reconcile_s
        self._payments: dict[str, _Payment] = {}
        self._at_reader: _Payment | None = None
        self._taps = Taps()
        self._over: dict[str, bool] = {}  # sessions that ended, and whether without what was paid for
        self._stir = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._caught_up.set()
        self._leaving = False

    async def connect(self) -> None:
        """Settle what an earlier run left in doubt, then go on the bus.

        Raises:
            JournalError: the journal can't be used, or another agent has it.
            GatewayError: the gateway can never work as it is configured.
            SetupRefused: as for every agent.
        """
        await self.till.open()
        self._caught_up.clear()
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
                task.cancel()  # its attempt stays open in the journal: the next start asks the gateway
            await asyncio.gather(*tasks, return_exceptions=True)
        self._stir.set()
        await super().close()
        await self.till.close()

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
            last = await self.till.journal.last(ask.order_id)
            return CancelResult(
                cancelled=last is not None and last.state is State.CANCELLED and last.why is Why.CUSTOMER
            )
        if not payment.wait.cancel():
            return CancelResult(cancelled=False)
        await asyncio.wait({payment.task}, timeout=_CANCEL_S)
        if not payment.task.done() or payment.task.cancelled() or payment.task.exception() is not None:
            return CancelResult(cancelled=False)  # not stopped yet, or refused before a card was waited for
        return CancelResult(cancelled=payment.task.result().status == "cancelled")

    @hears(CARD_TAP)
    async def take_tap(self, tap: CardTap) -> None:
        """A card: money of the order that waits, or will in a moment, or its loyalty points."""
        message = current.get()
        if message is not None and not self._taps.is_new(message.msg_id):
            return
        payment = self._at_reader
        if tap.loyalty_id is not None:
            if payment is not None:
                payment.loyalty_card = tap.loyalty_id
        elif self.till.gateway.reads_cards:
            log.debug("a card was tapped on the kiosk's reader; the terminal takes payments")
        elif payment is not None:
            payment.wait.tap(tap.card)
        else:
            session_id = message.session_id if message else ""
            if not any(each.had_its_wait and each.session_id == session_id for each in self._payments.values()):
                self._taps.keep(session_id, tap.card)

    @hears(SESSION_STARTED)
    async def greet(self, _: SessionStarted) -> None:
        """The next customer: what the last one was charged for and never heard of is given back."""
        message = current.get()
        session_id = message.session_id if message else ""
        await self._caught_up.wait()  # whoever left empty-handed before isn't closed as one who has paid
        for attempt in await self.till.journal.unclaimed(0):
            if attempt.session_id not in ("", session_id) and attempt.order_id not in self._payments:
                await self.till.refund(attempt, Why.UNCLAIMED)
        await self.till.journal.close_sessions(but=session_id)

    @hears(SESSION_ENDED)
    async def bid_farewell(self, event: SessionEnded) -> None:
        """The customer has left: with what they paid for, or what they paid is given back."""
        crashes.SESSION_END_HEARD()
        message = current.get()
        if message is not None and message.session_id:
            await self._end_session(message.session_id, empty_handed=event.reason != "completed")

    async def _end_session(self, session_id: str, *, empty_handed: bool) -> None:
        self._over[session_id] = empty_handed
        while len(self._over) > _REMEMBERED:
            del self._over[next(iter(self._over))]
        if not empty_handed:
            await self.till.journal.close_session(session_id)
            return
        for payment in self._payments.values():
            if payment.session_id == session_id:
                payment.wait.leave()
        for attempt in await self.till.journal.of_session(session_id):
            if attempt.state is State.CAPTURED and not attempt.closed:
                await self.till.refund(attempt, Why.LEFT)
        self._stir.set()

    @always
    async def catch_up(self) -> None:
        """Hear of who left while we, or the bus, were away: KIOSK_EVENTS has it."""
        while not self._leaving:
            try:
                await self._read_missed_ends()
            except BusUnreachable as error:
                log.warning("who left meanwhile can't be read: %s", error)
            self._caught_up.set()
            await self.client.wait_for_reconnect(_CATCH_UP_S)

    async def _read_missed_ends(self) -> None:
        unsettled = {attempt.session_id: attempt for attempt in reversed(await self.till.journal.unclosed())}
        sessions = unsettled.keys() - {""} - self._over.keys()
        if not sessions:
            return
        since = min(unsettled[session_id].begun_at for session_id in sessions) - _CLOCK_STEP
        async for entry in read_back(self.client, SESSION_ENDED.subject, since=since):
            message = entry.message
            if isinstance(message, NATSMessage) and message.session_id in sessions:
                empty_handed = message.payload.get("reason") != "completed"
                log.warning("session %s ended while we were away", message.session_id)
                await self._end_session(message.session_id, empty_handed=empty_handed)

    @always
    async def look_after(self) -> None:
        """Settle what is in doubt, and give back what is owed."""
        while not self._leaving:
            self._stir.clear()
            await self.till.reconcile(
                busy=self._payments.keys(),
                left=lambda session_id: self._over.get(session_id, False),
                unclaimed_s=self._unclaimed_s,
            )
            try:
                async with asyncio.timeout(self._reconcile_s):
                    await self._stir.wait()
            except TimeoutError:
                continue

    # -- a payment ----------------------------------------------------------------------------------------

    def _done(self, order_id: str, task: asyncio.Task[PaymentResult]) -> None:
        del self._payments[order_id]
        if not self._leaving:
            self._stir.set()
        if not task.cancelled():
            task.exception()  # whoever asked has it; if they are gone, nobody wants it

    async def _pay(self, payment: _Payment) -> PaymentResult:
        order_id = payment.ask.order_id
        known = await self._known(payment)
        if known is not None:
            return await self._answer(known)
        if payment.session_id in self._over:
            raise AskError(ErrorCode.INVALID_REQUEST, f"order {order_id}: the customer's session has ended")
        try:
            lines = checked_lines(payment.ask, self._prices)
        except AskError as error:
            if error.code == ErrorCode.ITEM_OUT_OF_STOCK:
                return answers.failed(ErrorCode.ITEM_OUT_OF_STOCK, error.message)
            raise
        attempt, words = await self._take(payment, lines)
        log.info("order %s: %s, %s", order_id, attempt.amount, attempt.state)
        if words is not None:
            return answers.failed(ErrorCode.ITEM_OUT_OF_STOCK, words)
        if attempt.state is State.CAPTURED and self._over.get(payment.session_id):
            attempt = await self.till.refund(attempt, Why.LEFT)
        return await self._answer(attempt)

    async def _known(self, payment: _Payment) -> Attempt | None:
        """The attempt that this ask is answered by, if nothing is to be done; an earlier one is settled first."""
        order_id = payment.ask.order_id
        last = await self.till.journal.last(order_id)
        if last is not None and last.state in OPEN:
            last = await self.till.settle(last)
        if last is None:
            return None
        if last.state in CHARGED:
            if last.fingerprint != payment.fingerprint:
                raise _other_order(order_id, "was paid")
            return last
        return await self.till.journal.asked(order_id, payment.ask_id)

    async def _take(self, payment: _Payment, lines: tuple[Line, ...]) -> tuple[Attempt, str | None]:
        """Get a card and charge it. Beside the attempt stands what was sold out when the card was there."""
        if self._at_reader is not None:
            raise AskError(ErrorCode.UNAVAILABLE, "another payment is waiting for its card")
        self._at_reader = payment
        payment.had_its_wait = True
        till = self.till
        try:
            attempt = await till.journal.begin(
                payment.ask.order_id,
                amount=payment.ask.total,
                fingerprint=payment.fingerprint,
                lines=lines,
                loyalty_card=payment.loyalty_card,
                session_id=payment.session_id,
                ask_id=payment.ask_id,
            )
            crashes.INTENT_WRITTEN()
            if till.gateway.reads_cards:
                attempt = await till.converse(attempt, payment.wait, self._patience_s(_STOP_S))
                return await self._with_loyalty(payment, attempt), None
            early = self._taps.take(payment.session_id)
            if early is not None:
                payment.wait.tap(early)
            end = await payment.wait.end(self._patience_s(_ANSWER_S))
        finally:
            self._at_reader = None
        if isinstance(end, NoCard):
            return await till.journal.move(attempt, State.CANCELLED, WITHOUT_CARD[end]), None
        crashes.CARD_TAPPED()
        attempt = await self._with_loyalty(payment, attempt)
        try:
            check_stock(sold(lines), self._prices)
        except AskError as error:
            return await till.journal.move(attempt, State.CANCELLED, Why.SOLD_OUT), error.message
        return await till.charge(attempt, end.token), None

    async def _with_loyalty(self, payment: _Payment, attempt: Attempt) -> Attempt:
        if payment.loyalty_card is None or payment.loyalty_card == attempt.loyalty_card:
            return attempt
        return await self.till.journal.show_loyalty(attempt, payment.loyalty_card)

    def _patience_s(self, needed_s: float) -> float:
        """How long to wait for a card: never longer than the asker does, who must hear the outcome.

        An ask may have waited in the queue while this agent was away. Nobody stands there for its rest.
        """
        left_s = time_left_s()
        return self._tap_timeout_s if left_s is None else max(0.0, min(self._tap_timeout_s, left_s - needed_s))

    async def _answer(self, attempt: Attempt) -> PaymentResult:
        if attempt.state is not State.CAPTURED or attempt.ended_at is None:
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
        crashes.RECEIPT_WRITTEN()
        left_s = time_left_s()
        if left_s is None or left_s > 0:  # else nobody is there to be told
            attempt = await self.till.claim(attempt)
            crashes.CLAIM_WRITTEN()
        return answers.paid(attempt, url) if attempt.state is State.CAPTURED else answers.unpaid(attempt)


def _other_order(order_id: str, what: str) -> AskError:
    return AskError(
        ErrorCode.INVALID_REQUEST,
        f"order {order_id} {what} with other items or another total; another order needs another order_id",
    )
