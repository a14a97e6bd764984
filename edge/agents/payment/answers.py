"""What is answered about an attempt that ended."""

from __future__ import annotations

from edge.agents.payment.journal import Attempt, State
from edge.contract.errors import ErrorCode
from edge.contract.money import MINOR_UNITS, Money
from edge.contract.payment import PaymentResult

_FAILURES = {
    State.DECLINED: (ErrorCode.PAYMENT_DECLINED, "The card was declined"),
    State.TIMED_OUT: (ErrorCode.PAYMENT_TIMEOUT, "No card was tapped in time"),
    State.NOT_CHARGED: (ErrorCode.UNAVAILABLE, "The payment service could not be reached; nothing was charged"),
}


def loyalty_points(attempt: Attempt) -> int:
    """One for each full unit of money, rounded half up (the specification's 24.99 earns 25); none without a card."""
    if attempt.loyalty_card is None:
        return 0
    return (attempt.amount.minor + MINOR_UNITS // 2) // MINOR_UNITS


def paid(attempt: Attempt, receipt_url: str | None) -> PaymentResult:
    """The answer about a paid order."""
    return PaymentResult(
        status="success",
        transaction_id=attempt.transaction_id,
        amount_charged=attempt.amount,
        loyalty_points_earned=loyalty_points(attempt),
        receipt_url=receipt_url,
        error=None,
    )


def unpaid(attempt: Attempt) -> PaymentResult:
    """The answer about an attempt that ended without a payment."""
    if attempt.state is State.CANCELLED:
        return PaymentResult(
            status="cancelled",
            transaction_id=None,
            amount_charged=Money(0),
            loyalty_points_earned=0,
            receipt_url=None,
            error=None,
        )
    code, words = _FAILURES[attempt.state]
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
