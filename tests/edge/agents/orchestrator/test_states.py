"""What may follow what."""

from __future__ import annotations

from edge.agents.orchestrator.states import AWAITING_CUSTOMER, LAYOUTS, TRANSITIONS, State, Step, after


def reachable(start: State) -> set[State]:
    found = {start}
    while True:
        more = {to for (state, _), to in TRANSITIONS.items() if state in found} - found
        if not more:
            return found
        found |= more


def test_every_state_can_be_reached_and_left_for_the_next_customer() -> None:
    assert reachable(State.ATTRACT) == set(State)
    for state in State:
        assert State.ATTRACT in reachable(state), state


def test_every_state_has_a_layout_and_every_step_a_use() -> None:
    assert set(LAYOUTS) == set(State)
    assert {step for _, step in TRANSITIONS} == set(Step)


def test_only_the_payments_answer_leads_on_from_paying() -> None:
    leading_on = {step for state, step in TRANSITIONS if state is State.PAYING}
    assert leading_on == {Step.SUCCEED, Step.REFUSE, Step.CALL_OFF, Step.RECONSIDER}
    assert State.PAYING not in AWAITING_CUSTOMER


def test_nobody_pays_without_having_seen_the_order() -> None:
    assert {state for state, step in TRANSITIONS if step is Step.PAY} == {State.CONFIRMING, State.REFUSED}
    assert {state for (state, step), to in TRANSITIONS.items() if to is State.RECEIPT} == {State.PAYING}


def test_the_order_is_fixed_once_a_payment_began() -> None:
    for state in (State.PAYING, State.REFUSED, State.RECEIPT, State.GOODBYE):
        assert after(state, Step.ADD) is None
        assert after(state, Step.EDIT) is None
        assert State.BROWSING not in {to for (each, _), to in TRANSITIONS.items() if each is state}


def test_wherever_the_customer_is_awaited_they_can_leave() -> None:
    assert all(after(state, Step.LEAVE) is State.GOODBYE for state in AWAITING_CUSTOMER)
