"""Paying, the receipt and what may go wrong with them."""

from __future__ import annotations

import logging
import uuid
from functools import partial
from typing import Final

import msgspec

from edge.agents.orchestrator import phrases
from edge.agents.orchestrator.order import Order
from edge.agents.orchestrator.ordering import Ordering
from edge.agents.orchestrator.session import Prompt, PromptState
from edge.agents.orchestrator.stage import Stage
from edge.agents.orchestrator.states import State, Step
from edge.agents.orchestrator.timing import Deed
from edge.agents.orchestrator.visits import Visits
from edge.bus.crashing import crash_point
from edge.contract import payment, ui
from edge.contract.errors import AskError, ErrorCode
from edge.contract.hardware import SetLed
from edge.contract.subjects import PAYMENT_CANCEL, PAYMENT_PROCESS, PRINT_RECEIPT

log = logging.getLogger(__name__)

WAITING_LIGHT: Final = SetLed(color="#0066FF", pattern="pulse")
PAID_LIGHT: Final = SetLed(color="#00FF00", pattern="solid")
TROUBLE_LIGHT: Final = SetLed(color="#FF0000", pattern="error", duration_ms=3000)

ORDER_KEPT = crash_point("orchestrator.order-kept", "the order is on disk; payment was not asked for")
PAYMENT_ANSWERED = crash_point("orchestrator.payment-answered", "the payment agent answered; nothing came of it yet")
PAID = crash_point("orchestrator.paid", "the session knows that it is paid; nobody was told, nothing is on disk")
PAID_SHOWN = crash_point("orchestrator.paid-shown", "the screen says that it is paid; the receipt may be asked for")
PRINT_ANSWERED = crash_point("orchestrator.print-answered", "the receipt is printed or not; the session doesn't know")
CANCEL_ASKED = crash_point("orchestrator.cancel-asked", "a cancel was asked for and answered; nothing came of it yet")
REFUSED = crash_point("orchestrator.refused", "the payment failed; nobody was told")

# Refusals of an order that can't be paid as it is: the menu has changed since it was put together.
_OUTDATED: Final = frozenset({ErrorCode.ITEM_OUT_OF_STOCK, ErrorCode.INVALID_REQUEST})


class Checkout:
    """Leads from the filled cart to the printed receipt.

    While a payment runs nothing but the payment agent's answer leads on: not a cancel (which only asks the
    agent to stop), not the customer's leaving, no timer.
    """

    def __init__(self, stage: Stage, visits: Visits, ordering: Ordering, currency: str) -> None:
        self._stage = stage
        self._visits = visits
        self._ordering = ordering
        self._currency = currency

    def review(self) -> None:
        """Show the order before paying."""
        session = self._stage.session
        if not session.cart:
            session.warning = phrases.EMPTY_CART
        elif not self._stage.around.can_pay:
            session.warning = phrases.NO_CARDS
        elif session.step(Step.REVIEW):
            session.said = phrases.IS_THIS_RIGHT

    async def pay(self) -> None:
        """Ask for the card, or ask for it again; for an order in doubt also where no card can be taken."""
        session = self._stage.session
        if session.allows(Step.PAY) and not (self._stage.around.can_pay or session.in_doubt):
            session.warning = phrases.NO_CARDS
            return
        if not session.step(Step.PAY):
            return
        if session.order is None:
            session.order = Order(str(uuid.uuid4()), session.cart, session.loyalty_id)
        session.hush()
        session.cancel_asked = False
        session.ending = None
        session.prompt = Prompt("waiting", phrases.TAP_CARD)
        self._stage.light(WAITING_LIGHT)
        await self._stage.keep()  # whatever becomes of us now, the order is known
        ORDER_KEPT()
        self._stage.aside(partial(self._take_payment, session.order))

    async def resume(self, *, call_off: bool) -> None:
        """Go on after a restart with a payment or a receipt, or, with `call_off`, end a payment nobody waits for."""
        session = self._stage.session
        if session.state is State.PAYING and session.order is not None:
            if call_off:
                session.cancel_asked = True
                session.prompt = Prompt("waiting", phrases.CANCELLING)
                self._stage.aside(partial(self._stop_payment, session.order.order_id))
            self._stage.light(WAITING_LIGHT)
            self._stage.aside(partial(self._take_payment, session.order))
        elif session.state is State.RECEIPT and session.order is not None and session.paid is not None:
            self._visits.end_soon("receipt", "finished", self._stage.timing.unprinted_receipt_s, self._time_is_up)
            if session.receipt is not None and session.receipt.printed is None:
                self._stage.aside(partial(self._print, session.order, session.paid))
        await self._stage.show()

    async def cancel(self) -> None:
        """Give up the order; while a payment runs, ask for it to be stopped and await its answer."""
        session = self._stage.session
        if session.state is State.RECEIPT:
            await self.done()
        elif session.state is State.PAYING and session.order is not None:
            session.cancel_asked = True
            session.prompt = Prompt("waiting", phrases.CANCELLING)
            self._stage.aside(partial(self._stop_payment, session.order.order_id))
        elif session.in_doubt and session.order is not None:
            self._stage.aside(partial(self._stop_payment, session.order.order_id))
            await self._visits.leave("cancelled", phrases.goodbye_in_doubt(session.order.order_id))
        else:
            await self._visits.leave("cancelled", phrases.GOODBYE_CANCELLED)

    async def done(self) -> None:
        """The customer has the receipt."""
        if self._stage.session.state is State.RECEIPT:
            await self._visits.leave("completed", phrases.GOODBYE_PAID)

    async def _time_is_up(self) -> None:
        if self._stage.session.state is State.RECEIPT:
            await self._visits.leave("completed", phrases.GOODBYE_PAID, Step.EXPIRE)

    # -- the payment --------------------------------------------------------------------------------------

    async def _take_payment(self, order: Order) -> Deed:
        outcome: payment.PaymentResult | AskError
        try:
            patience_s = self._stage.timing.missing_after_s
            outcome = await self._stage.insisting.ask(PAYMENT_PROCESS, order.to_pay(), patience_s)
        except AskError as error:
            outcome = error
        except Exception:
            log.exception("a fault while asking for payment of order %s", order.order_id)
            outcome = AskError(ErrorCode.INTERNAL_ERROR, "the orchestrator has a fault")
        PAYMENT_ANSWERED()
        return lambda: self._settle(order, outcome)

    async def _stop_payment(self, order_id: str) -> Deed:
        cancelled = False
        try:
            cancelled = (await self._stage.ask(PAYMENT_CANCEL, payment.CancelPayment(order_id=order_id))).cancelled
        except AskError as error:
            log.warning("order %s could not be cancelled: %s", order_id, error)
        CANCEL_ASKED()
        return _nothing if cancelled else self._stop_later

    async def _stop_later(self) -> None:
        """A cancel may have come too early as well as too late: ask again for as long as the payment runs."""
        if self._stage.session.state is State.PAYING:
            self._stage.timers.set("cancel", self._stage.timing.cancel_again_s, self._stop_again)

    async def _stop_again(self) -> None:
        session = self._stage.session
        if session.state is State.PAYING and session.cancel_asked and session.order is not None:
            self._stage.aside(partial(self._stop_payment, session.order.order_id))

    async def _settle(self, order: Order, outcome: payment.PaymentResult | AskError) -> None:
        session = self._stage.session
        if isinstance(outcome, payment.PaymentResult) and outcome.status == "success":
            await self._succeed(order, outcome)
            return
        REFUSED()
        state, message, certain = _reading(outcome)
        session.in_doubt = not certain
        log.info("order %s: payment %s (%s)", order.order_id, state, _reason(outcome))
        if session.cancel_asked and certain:
            await self._visits.leave("cancelled", phrases.PAYMENT_CANCELLED, Step.CALL_OFF)
            return
        self._stage.light(TROUBLE_LIGHT)
        session.hush()
        code = outcome.code if isinstance(outcome, AskError) else outcome.error_code
        if not (code in _OUTDATED and await self._reconsider()):
            session.step(Step.REFUSE)
            session.prompt = Prompt(state, message)
        await self._stage.show()

    async def _reconsider(self) -> bool:
        """Show the order again as it can be had now; False where the menu knows of no change."""
        session = self._stage.session
        try:
            changed = await self._ordering.renew()
        except AskError as error:
            log.warning("the cart could not be brought up to date: %s", error)
            return False
        if not changed:
            return False
        session.step(Step.RECONSIDER)
        session.order = session.prompt = None  # what is paid next is another order
        session.warning = " ".join(changed)
        return True

    async def _succeed(self, order: Order, paid: payment.PaymentResult) -> None:
        session = self._stage.session
        if paid.amount_charged != order.cart.total:
            log.error("order %s: %s was charged, %s was due", order.order_id, paid.amount_charged, order.cart.total)
        session.step(Step.SUCCEED)
        session.hush()
        session.said = phrases.PRINTING
        session.in_doubt = False
        session.paid = paid
        session.receipt_address = self._stage.address(paid.receipt_url)
        session.receipt = ui.ReceiptInfo(
            order_id=order.order_id,
            transaction_id=paid.transaction_id or "",
            total=paid.amount_charged,
            currency=self._currency,
            link=paid.receipt_url,
            loyalty_points_earned=paid.loyalty_points_earned,
            printed=None,
        )
        PAID()
        self._stage.light(PAID_LIGHT)
        self._stage.aside(partial(self._print, order, paid))
        self._visits.end_soon("receipt", "finished", self._stage.timing.unprinted_receipt_s, self._time_is_up)
        await self._stage.show()
        PAID_SHOWN()

    # -- the receipt --------------------------------------------------------------------------------------

    async def _print(self, order: Order, paid: payment.PaymentResult) -> Deed:
        problem: str | None = None
        try:
            await self._stage.ask(PRINT_RECEIPT, order.to_print(paid))
        except AskError as error:
            log.warning("order %s: no printed receipt: %s", order.order_id, error)
            problem = phrases.print_trouble(error)
        PRINT_ANSWERED()
        return lambda: self._report_print(problem)

    async def _report_print(self, problem: str | None) -> None:
        session = self._stage.session
        if session.state is not State.RECEIPT or session.receipt is None:
            return
        session.receipt = msgspec.structs.replace(session.receipt, printed=problem is None, problem=problem)
        session.said = phrases.TAKE_RECEIPT if problem is None else None
        session.warning = None if problem is None else phrases.NO_RECEIPT
        timing = self._stage.timing
        seconds = timing.receipt_s if problem is None else timing.unprinted_receipt_s
        self._visits.end_soon("receipt", "finished", seconds, self._time_is_up)
        await self._stage.show()


def _reading(outcome: payment.PaymentResult | AskError) -> tuple[PromptState, str, bool]:
    """What a payment that didn't succeed is for the customer, and whether nothing was charged for sure.

    A PaymentResult is the payment agent's own word on it. A refusal may say only that nobody knows yet: then a
    further try tells, or a clerk.
    """
    if isinstance(outcome, payment.PaymentResult) and outcome.status == "cancelled":
        return "cancelled", phrases.PAYMENT_CANCELLED, True
    answered = isinstance(outcome, payment.PaymentResult)
    code = outcome.code if isinstance(outcome, AskError) else outcome.error_code or ""
    match code:
        case ErrorCode.PAYMENT_DECLINED:
            return "declined", phrases.DECLINED, True
        case ErrorCode.PAYMENT_TIMEOUT:
            return "timeout", phrases.NO_TAP, True
        case ErrorCode.UNAVAILABLE:
            return "failed", phrases.PAYMENT_UNAVAILABLE, answered
        case _ if answered or code in _OUTDATED:
            return "failed", phrases.PAYMENT_FAILED, True
        case _:
            return "failed", phrases.PAYMENT_UNKNOWN, False


def _reason(outcome: payment.PaymentResult | AskError) -> str:
    return str(outcome) if isinstance(outcome, AskError) else outcome.error or "no reason given"


async def _nothing() -> None:
    """The answer to a cancel leads to nothing: the payment's own answer does."""
