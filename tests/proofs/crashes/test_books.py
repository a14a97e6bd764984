"""Each thing that can be wrong with money is found, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge.agents.payment.sandbox.bank import Bank
from edge.contract.money import Money
from proofs.crashes.books import Books, Charge, Told, Verdict, judge, read_journal, read_ledger

CHARGE = Charge("order/1", 1299, stands=True)
ROW = {
    "key": "order/1",
    "order_id": "order",
    "state": "captured",
    "amount_minor": 1299,
    "transaction_id": "t-1",
}
TOLD = Told("order", "t-1", 1299, printed=True)
GOOD = Books((CHARGE,), (ROW,), frozenset({"t-1"}), {"t-1": 1})


def kinds(verdict: Verdict) -> list[str]:
    return [words.partition(":")[0] for words in verdict.wrong]


def test_a_paid_order_is_good() -> None:
    assert judge(GOOD, [TOLD]).wrong == []


def test_nothing_at_all_is_good() -> None:
    assert judge(Books(), []).wrong == []


def test_what_was_given_back_is_good() -> None:
    back = Books((replace(CHARGE, stands=False),), ({**ROW, "state": "refunded"},))
    assert judge(back, []).wrong == []


def test_an_order_that_is_charged_twice_is_found() -> None:
    twice = replace(GOOD, charges=(CHARGE, Charge("order/2", 1299, stands=True)))
    assert "double charge" in kinds(judge(twice, [TOLD]))


def test_two_orders_for_one_meal_are_found() -> None:
    second = Charge("other/1", 1299, stands=True)
    rows = (ROW, {**ROW, "key": "other/1", "order_id": "other", "transaction_id": "t-2"})
    both = Books((CHARGE, second), rows, frozenset({"t-1", "t-2"}), {"t-1": 1, "t-2": 1})
    told = [TOLD, Told("other", "t-2", 1299, printed=True)]
    assert kinds(judge(both, told)) == ["double charge"]
    assert judge(both, told, meals=2).wrong == []


@pytest.mark.parametrize("state", ["cancelled", "in_doubt", "refunded", None])
def test_a_charge_that_the_journal_does_not_have_is_found(state: str | None) -> None:
    rows = () if state is None else ({**ROW, "state": state},)
    assert "charge without an order" in kinds(judge(replace(GOOD, attempts=rows), [TOLD]))


def test_a_charge_that_nobody_was_told_of_is_found() -> None:
    assert kinds(judge(GOOD, [])) == ["charge without an order"]


@pytest.mark.parametrize("charges", [(), (replace(CHARGE, stands=False),)])
def test_a_paid_order_without_its_charge_is_found(charges: tuple[Charge, ...]) -> None:
    assert "lost paid order" in kinds(judge(replace(GOOD, charges=charges), [TOLD]))


def test_a_paid_order_under_another_transaction_is_found() -> None:
    assert "lost paid order" in kinds(judge(GOOD, [replace(TOLD, transaction_id="t-9")]))


def test_a_paid_order_without_a_document_is_found() -> None:
    assert kinds(judge(replace(GOOD, documents=frozenset()), [TOLD])) == ["lost paid order"]


@pytest.mark.parametrize("paper", [{}, {"t-1": 2}])
def test_paper_that_is_missing_or_too_much_is_found(paper: dict[str, int]) -> None:
    assert kinds(judge(replace(GOOD, paper=paper), [TOLD])) == ["disagreement"]


def test_a_receipt_that_the_screen_does_not_call_printed_may_be_missing() -> None:
    assert judge(replace(GOOD, paper={}), [replace(TOLD, printed=False)]).wrong == []


def test_amounts_that_differ_are_found() -> None:
    assert kinds(judge(GOOD, [replace(TOLD, amount_minor=1300)])) == ["disagreement"]
    assert kinds(judge(replace(GOOD, charges=(replace(CHARGE, amount_minor=1),)), [TOLD])) == ["disagreement"]


@pytest.mark.parametrize("state", ["captured", "refunded"])
def test_a_journal_that_knows_more_than_the_gateway_is_found(state: str) -> None:
    assert kinds(judge(Books((), ({**ROW, "state": state},)), [])) == ["disagreement"]


def test_only_what_is_new_is_looked_at() -> None:
    old = GOOD.since(GOOD.keys)
    assert (old.charges, old.attempts) == ((), ())
    assert GOOD.since([]).charges == (CHARGE,)


@pytest.mark.parametrize(("state", "open_"), [("in_doubt", True), ("refunding", True), ("captured", False)])
def test_what_is_not_settled_is_named(state: str, open_: bool) -> None:
    assert bool(Books((), ({**ROW, "state": state},)).unsettled) == open_


async def test_the_sandboxs_ledger_is_read(tmp_path: Path) -> None:
    bank = Bank(tmp_path / "sandbox.ledger", {"declined"})
    await bank.charge("order/1", Money(1299), "declined")
    await bank.charge("order/2", Money(1299), "good")
    charge = await bank.charge("other/1", Money(599), "good")
    await bank.refund("other/1", getattr(charge, "reference", ""))
    await bank.close()
    assert read_ledger(tmp_path / "sandbox.ledger") == (
        Charge("order/2", 1299, stands=True),
        Charge("other/1", 599, stands=False),
    )


def test_the_terminals_ledger_is_read(tmp_path: Path) -> None:
    intents = {
        name: {"metadata": {"kiosk_attempt": f"{name}/1"}, "received": received, "refunded": refunded}
        for name, received, refunded in (("a", 500, 0), ("b", 0, 0), ("c", 700, 700))
    }
    path = tmp_path / "terminal.ledger"
    path.write_text(json.dumps({"intents": intents}))
    assert read_ledger(path) == (Charge("a/1", 500, stands=True), Charge("c/1", 700, stands=False))


def test_books_that_are_not_there_yet_are_empty(tmp_path: Path) -> None:
    assert read_ledger(tmp_path / "sandbox.ledger") == ()
    assert read_journal(tmp_path / "journal.sqlite") == ()
