"""The journal: what it promises, whatever is asked of it and whenever it ends."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.agents.payment.journal import OPEN, Attempt, Journal, JournalError, State
from edge.agents.payment.prices import Line
from edge.contract.money import Money

LINES = (Line("Volcano Burger", 1, Money(1449), ("Extra Cheese",)), Line("Jalapeños", 2, Money(599)))
ORDERS = st.sampled_from(["order-1", "order-2"])
ENDED = [state for state in State if state not in OPEN]
FOLLOWS = {  # written once more, by what the words mean: money only after the gateway was called, and once
    State.WAITING: {State.TIMED_OUT, State.CANCELLED, State.NOT_CHARGED},
    State.CHARGING: {State.PAID, State.DECLINED, State.NOT_CHARGED},
}


async def begun(journal: Journal, order_id: str = "order-1") -> Attempt:
    return await journal.begin(order_id, amount=Money(2647), fingerprint="f", lines=LINES, loyalty_card="LOYALTY123")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "not" / "there" / "journal.db"


async def test_an_attempt_is_kept_as_it_was(path: Path) -> None:
    journal = Journal(path)
    await journal.open()
    charging = await journal.charging(await begun(journal), "LOYALTY456")
    paid = await journal.end(charging, State.PAID, "txn")
    await journal.close()
    again = Journal(path)
    await again.open()
    kept = await again.last("order-1")
    await again.close()
    assert kept == paid
    assert (kept.state, kept.amount, kept.lines) == (State.PAID, Money(2647), LINES)
    assert (kept.loyalty_card, kept.transaction_id, kept.fingerprint) == ("LOYALTY456", "txn", "f")
    assert kept.ended_at is not None
    assert kept.ended_at >= kept.begun_at
    assert kept.begun_at.tzinfo is not None


async def test_what_is_written_is_committed_when_the_call_returns(path: Path) -> None:
    journal = Journal(path)
    await journal.open()
    await begun(journal)
    other = sqlite3.connect(path)
    try:
        assert other.execute("SELECT state FROM attempts").fetchall() == [("waiting",)]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        other.close()
    synchronous = await journal._database.read(lambda own: own.execute("PRAGMA synchronous").fetchone()[0])
    await journal.close()
    assert synchronous == 2  # FULL: each commit is on the disk


async def test_one_agent_at_a_time_has_it(path: Path) -> None:
    first, second = Journal(path), Journal(path)
    await first.open()
    with pytest.raises(JournalError, match="in use by another payment agent"):
        await second.open()
    await first.close()
    await second.open()
    await second.close()


async def test_what_is_no_journal_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database, but long enough to be read as one" * 100)
    journal = Journal(path)
    with pytest.raises(JournalError, match=r"journal\.db can't be used: file is not a database"):
        await journal.open()
    await journal.close()
    blocked = Journal(path / "below" / "journal.db")
    with pytest.raises(JournalError, match="can't be used"):
        await blocked.open()
    await blocked.close()


async def test_two_attempts_at_once_are_one(path: Path) -> None:
    journal = Journal(path)
    await journal.open()
    outcomes = await asyncio.gather(*(begun(journal) for _ in range(5)), return_exceptions=True)
    await journal.close()
    assert sum(isinstance(each, Attempt) for each in outcomes) == 1
    assert sum(isinstance(each, JournalError) for each in outcomes) == 4


async def test_a_paid_order_is_never_begun_again(path: Path) -> None:
    journal = Journal(path)
    await journal.open()
    paid = await journal.end(await journal.charging(await begun(journal), None), State.PAID, "txn")
    with pytest.raises(JournalError, match="order-1 is paid already"):
        await begun(journal)
    assert await journal.last("order-1") == paid
    await journal.close()


class Attempts(RuleBasedStateMachine):
    """A journal and what it should hold: each order's states, the latest last."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Journal(Path(self.folder.name) / "journal.db")
        self.runner.run(self.journal.open())
        self.held: dict[str, list[Attempt]] = {}

    def teardown(self) -> None:
        self.runner.run(self.journal.close())
        self.runner.close()
        self.folder.cleanup()

    @rule(order_id=ORDERS)
    def begin(self, order_id: str) -> None:
        held = self.held.setdefault(order_id, [])
        if held and (held[-1].state in OPEN or held[-1].state is State.PAID):
            with pytest.raises(JournalError, match="already"):
                self.runner.run(begun(self.journal, order_id))
        else:
            held.append(self.runner.run(begun(self.journal, order_id)))

    @rule(order_id=ORDERS, which=st.integers(0, 3))
    def charge(self, order_id: str, which: int) -> None:
        held = self.held.get(order_id, [])
        if which >= len(held):
            return
        if which == len(held) - 1 and held[which].state is State.WAITING:
            held[which] = self.runner.run(self.journal.charging(held[which], None))
        else:
            with pytest.raises(JournalError, match="can't become charging"):
                self.runner.run(self.journal.charging(held[which], None))

    @rule(order_id=ORDERS, which=st.integers(0, 3), state=st.sampled_from(ENDED))
    def end(self, order_id: str, which: int, state: State) -> None:
        held = self.held.get(order_id, [])
        if which >= len(held):
            return
        transaction_id = "txn" if state is State.PAID else None
        ending = self.journal.end(held[which], state, transaction_id)
        if which == len(held) - 1 and state in FOLLOWS.get(held[which].state, ()):
            held[which] = self.runner.run(ending)
        else:
            with pytest.raises(JournalError, match="can't become"):
                self.runner.run(ending)

    @rule(order_id=ORDERS)
    def pay(self, order_id: str) -> None:
        held = self.held.get(order_id, [])
        if held and held[-1].state is State.WAITING:
            charging = self.runner.run(self.journal.charging(held[-1], "LOYALTY456"))
            held[-1] = self.runner.run(self.journal.end(charging, State.PAID, "txn"))

    @rule()
    def restart(self) -> None:
        self.runner.run(self.journal.close())
        self.journal = Journal(self.journal._path)
        self.runner.run(self.journal.open())

    @invariant()
    def it_holds_what_was_written(self) -> None:
        for order_id, held in self.held.items():
            assert self.runner.run(self.journal.last(order_id)) == (held[-1] if held else None)
            assert len({attempt.key for attempt in held}) == len(held)
            assert [attempt.state for attempt in held[:-1]].count(State.PAID) == 0
        left = {attempt.key for attempt in self.runner.run(self.journal.unfinished())}
        assert left == {held[-1].key for held in self.held.values() if held and held[-1].state in OPEN}


TestAttempts = Attempts.TestCase
TestAttempts.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize(("state", "transaction_id"), [(State.PAID, None), (State.DECLINED, "txn")])
async def test_a_payment_has_a_transaction_and_nothing_else_has(
    path: Path, state: State, transaction_id: str | None
) -> None:
    journal = Journal(path)
    await journal.open()
    charging = await journal.charging(await begun(journal), None)
    with pytest.raises(JournalError, match="transaction id"):
        await journal.end(charging, state, transaction_id)
    await journal.close()
