"""What is answered about an attempt."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from edge.agents.payment import answers
from edge.agents.payment.journal import Attempt
from edge.agents.payment.states import State, Why
from edge.contract.money import Money
from edge.contract.wire import to_fields


def attempt(
    state: State, minor: int = 2499, loyalty_card: str | None = "LOYALTY123", why: Why | None = None
) -> Attempt:
    return Attempt(
        key="order-1/1",
        order_id="order-1",
        state=state,
        why=why,
        amount=Money(minor),
        fingerprint="f",
        lines=(),
        loyalty_card=loyalty_card,
        transaction_id="txn",
        reference="ref",
        session_id="",
        begun_at=datetime.now(UTC),
        ended_at=datetime.now(UTC),
        claimed=False,
        closed=False,
    )


@pytest.mark.parametrize(
    ("minor", "points"), [(2499, 25), (2450, 25), (2449, 24), (50, 1), (49, 0), (0, 0), (2550, 26)]
)
def test_points_are_whole_units_rounded_half_up(minor: int, points: int) -> None:
    assert answers.loyalty_points(attempt(State.CAPTURED, minor)) == points
    assert answers.loyalty_points(attempt(State.CAPTURED, minor, loyalty_card=None)) == 0


def test_a_payments_answer_is_the_specifications() -> None:
    fields = to_fields(answers.paid(attempt(State.CAPTURED), "/receipts/txn.pdf"))
    assert float(fields.pop("amount_charged")) == 24.99
    assert fields == {
        "status": "success",
        "transaction_id": "txn",
        "loyalty_points_earned": 25,
        "receipt_url": "/receipts/txn.pdf",
        "error": None,
    }


FAILURES = [
    (State.DECLINED, None, "PAYMENT_DECLINED", True),
    (State.CANCELLED, Why.NO_TAP, "PAYMENT_TIMEOUT", True),
    (State.CANCELLED, Why.UNREACHED, "UNAVAILABLE", True),
    (State.CANCELLED, Why.STOPPED, "UNAVAILABLE", True),
    (State.CANCELLED, Why.SOLD_OUT, "ITEM_OUT_OF_STOCK", False),
    (State.REFUNDING, Why.WRONG_AMOUNT, "UNAVAILABLE", True),
    (State.REFUNDED, Why.WRONG_AMOUNT, "UNAVAILABLE", True),
]


@pytest.mark.parametrize(("state", "why", "code", "retryable"), FAILURES)
def test_a_failure_has_the_fields_of_both_sections(state: State, why: Why | None, code: str, retryable: bool) -> None:
    fields = to_fields(answers.unpaid(attempt(state, why=why)))
    assert fields["status"] == "failed"
    assert (fields["error_code"], fields["retryable"]) == (code, retryable)
    assert fields["error"] == fields["error_message"] != ""
    assert (fields["transaction_id"], float(fields["amount_charged"]), fields["loyalty_points_earned"]) == (
        None,
        0,
        0,
    )


@pytest.mark.parametrize("why", [Why.CUSTOMER, Why.LEFT])
def test_a_cancel_is_no_error(why: Why) -> None:
    fields = to_fields(answers.unpaid(attempt(State.CANCELLED, why=why)))
    assert (fields["status"], fields["error"]) == ("cancelled", None)
    assert not {"error_code", "error_message", "retryable"} & fields.keys()


@pytest.mark.parametrize("state", [State.REFUNDING, State.REFUNDED])
@pytest.mark.parametrize("why", [Why.LEFT, Why.UNCLAIMED, Why.CLERK])
def test_what_is_given_back_counts_as_cancelled(state: State, why: Why) -> None:
    fields = to_fields(answers.unpaid(attempt(state, why=why)))
    assert (fields["status"], fields["error"], float(fields["amount_charged"])) == (
        "cancelled",
        "The charge is given back",
        0,
    )
    assert fields["loyalty_points_earned"] == 0
