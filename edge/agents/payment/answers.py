"""What is answered about an attempt that ended: section 7.3's shape, and section 8.1's fields beside its `error`."""

from __future__ import annotations

from edge.agents.payment.journal import Attempt
from edge.agents.payment.states import State, Why
from edge.contract.errors import ErrorCode
from edge.contract.money import MINOR_UNITS, Money
from edge.contract.payment import PaymentResult

_DECLINED = (ErrorCode.PAYMENT_DECLINED, "The card was declined")
_NOT_REACHED = (ErrorCode.UNAVAILABLE, "The payment service could not be reached; nothing was charged")
_FAILURES: dict[Why, tuple[ErrorCode, str]] = {
    Why.NO_TAP: (ErrorCode.PAYMENT_TIMEOUT, "No card was tapped in time"),
    Why.UNREACHED: _NOT_REACHED,
    Why.STOPPED: (ErrorCode.UNAVAILABLE, "Payment was stopped; nothing was charged"),
    Why.SOLD_OUT: (ErrorCode.ITEM_OUT_OF_STOCK, "Something was sold out meanwhile; nothing was charged"),
    Why.WRONG_AMOUNT: (ErrorCode.UNAVAILABLE, "A wrong amount was charged and is given back"),
}
_GIVEN_BACK = "The charge is given back"


def loyalty_points(attempt: Attempt) -> int:
    """One for each full unit of money, rounded half up (the specification's 24.99 earns 25); none without a card."""
    if attempt.loyalty_card is None:
        return 0
    return (attempt.amount.minor + MINOR_UNITS // 2) // MINOR_UNITS


def paid(attempt: Attempt, receipt_url: str | None) -> PaymentResult:
    """The answer about a charged order."""
    return PaymentResult(
        status="success",
        transaction_id=attempt.transaction_id,
        amount_charged=attempt.amount,
        loyalty_points_earned=loyalty_points(attempt),
        receipt_url=receipt_url,
        error=None,
    )


def unpaid(attempt: Attempt) -> PaymentResult:
    """The answer about an attempt that ended without a charge, or whose charge is given back."""
    if attempt.state is State.DECLINED:
        return failed(*_DECLINED)
    if attempt.why in _FAILURES:
        return failed(*_FAILURES[attempt.why])
    return PaymentResult(
        status="cancelled",
        transaction_id=None,
        amount_charged=Money(0),
        loyalty_points_earned=0,
        receipt_url=None,
        error=None if attempt.state is State.CANCELLED else _GIVEN_BACK,
    )


def failed(code: ErrorCode, words: str) -> PaymentResult:
    """Nothing is charged, and why: to a reader of section 7.3 and to one of section 8.1."""
    return PaymentResult(
        status="failed",
        transaction_id=None,
        amount_charged=Money(0),
        loyalty_points_earned=0,
        receipt_url=None,
        error=words,
        error_code=code,
        error_message=words,
        retryable=code.retryable,
    )
