"""What is answered about an attempt."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from edge.agents.payment import answers
from edge.agents.payment.journal import Attempt, State
from edge.contract.money import Money
from edge.contract.wire import to_fields


def attempt(state: State, minor: int = 2499, loyalty_card: str | None = "LOYALTY123") -> Attempt:
    return Attempt(
        key="order-1/1",
        order_id="order-1",
        state=state,
        amount=Money(minor),
        fingerprint="f",
        lines=(),
        loyalty_card=loyalty_card,
        transaction_id="txn" if state is State.PAID else None,
        begun_at=datetime.now(UTC),
        ended_at=datetime.now(UTC),
    )


@pytest.mark.parametrize(
    ("minor", "points"), [(2499, 25), (2450, 25), (2449, 24), (50, 1), (49, 0), (0, 0), (2550, 26)]
)
def test_points_are_whole_units_rounded_half_up(minor: int, points: int) -> None:
    assert answers.loyalty_points(attempt(State.PAID, minor)) == points
    assert answers.loyalty_points(attempt(State.PAID, minor, loyalty_card=None)) == 0


def test_a_payments_answer_is_the_specifications() -> None:
    fields = to_fields(answers.paid(attempt(State.PAID), "/receipts/txn.pdf"))
    assert float(fields.pop("amount_charged")) == 24.99
    assert fields == {
        "status": "success",
        "transaction_id": "txn",
        "loyalty_points_earned": 25,
        "receipt_url": "/receipts/txn.pdf",
        "error": None,
    }


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.DECLINED, "PAYMENT_DECLINED"),
        (State.TIMED_OUT, "PAYMENT_TIMEOUT"),
        (State.NOT_CHARGED, "UNAVAILABLE"),
    ],
)
def test_a_failure_has_the_fields_of_both_sections(state: State, code: str) -> None:
    fields = to_fields(answers.unpaid(attempt(state)))
    assert fields["status"] == "failed"
    assert (fields["error_code"], fields["retryable"]) == (code, True)
    assert fields["error"] == fields["error_message"] != ""
    assert (fields["transaction_id"], float(fields["amount_charged"]), fields["loyalty_points_earned"]) == (
        None,
        0,
        0,
    )


def test_a_cancel_is_no_error() -> None:
    fields = to_fields(answers.unpaid(attempt(State.CANCELLED)))
    assert (fields["status"], fields["error"]) == ("cancelled", None)
    assert not {"error_code", "error_message", "retryable"} & fields.keys()
