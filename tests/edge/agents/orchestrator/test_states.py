"""What may follow what."""

from __future__ import annotations

from collections.abc import Iterator

from edge.agents.orchestrator.states import AWAITING_CUSTOMER, LAYOUTS, MEANS, TRANSITIONS, State, Step, after


def moves() -> Iterator[tuple[State, Step, bool, State]]:
    """Every move there is, with an empty cart and with a filled one."""
    for state, step in TRANSITIONS:
        for filled in (False, True):
            to = after(state, step, filled=filled)
            if to is not None:
                yield state, step, filled, to


def reachable(start: State) -> set[State]:
    found = {start}
    while True:
        more = {to for state, _, _, to in moves() if state in found} - found
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
    assert set(MEANS) == {*State, *Step}


def test_only_the_payments_answer_leads_on_from_paying() -> None:
    leading_on = {step for state, step in TRANSITIONS if state is State.PAYING}
    assert leading_on == {Step.SUCCEED, Step.REFUSE, Step.CALL_OFF, Step.RECONSIDER}
    assert State.PAYING not in AWAITING_CUSTOMER


def test_nobody_pays_without_having_seen_the_order() -> None:
    assert {state for state, step in TRANSITIONS if step is Step.PAY} == {State.CONFIRMING, State.REFUSED}
    assert {state for state, _, _, to in moves() if to is State.RECEIPT is not state} == {State.PAYING}


def test_the_order_is_fixed_once_a_payment_began() -> None:
    for state in (State.PAYING, State.REFUSED, State.RECEIPT, State.GOODBYE):
        assert after(state, Step.ADD, filled=True) is None
        assert after(state, Step.EDIT, filled=True) is None
        assert State.CART not in {to for each, _, _, to in moves() if each is state}


def test_wherever_the_customer_is_awaited_they_can_leave() -> None:
    for state in AWAITING_CUSTOMER:
        for filled in (False, True):
            assert after(state, Step.LEAVE, filled=filled) is State.GOODBYE
            assert after(state, Step.EXPIRE, filled=filled) is State.GOODBYE


def test_a_countdown_comes_before_every_end_by_itself() -> None:
    ending = {state for state, step in TRANSITIONS if step is Step.EXPIRE}
    assert ending == {state for state, step in TRANSITIONS if step is Step.WARN}
    assert all(to is state for state, step, _, to in moves() if step is Step.WARN)


def test_the_cart_of_a_state_is_what_its_name_says() -> None:
    """An empty cart is greeted and browsed with; only a filled one is reviewed and paid."""
    known = {State.GREETING: False, State.BROWSING: False, State.CART: True, State.CONFIRMING: True}
    for state, step, filled, to in moves():
        if step is Step.BROWSE and known.get(state, filled) is not filled:
            continue  # such a cart can't be there
        if step in (Step.BROWSE, Step.EDIT, Step.REVIEW, Step.RECONSIDER):
            assert to not in ((State.CART, State.CONFIRMING) if not filled else (State.GREETING, State.BROWSING))


def test_a_closed_kiosk_serves_nobody_until_it_is_open() -> None:
    assert [(step, to) for state, step, filled, to in moves() if state is State.OUT_OF_SERVICE and filled] == [
        (Step.OPEN, State.ATTRACT)
    ]
    assert {state for state, _, _, to in moves() if to is State.OUT_OF_SERVICE} == {State.ATTRACT}
