"""The journal: what it promises, whatever is asked of it and whenever it ends."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.agents.payment.journal import Attempt, Journal, JournalError
from edge.agents.payment.prices import Line
from edge.agents.payment.states import LEGAL, State, Why
from edge.contract.envelope import is_uuid4
from edge.contract.money import Money

LINES = (
    Line("Volcano Burger", 1, Money(1449), ("Extra Cheese",), 101),
    Line("Jalapeños", 2, Money(599), item_id=401),
)
ORDERS = st.sampled_from(["order-1", "order-2"])
# Written once more, by what the words mean: money only after the gateway was asked, once, and given back once.
FOLLOWS = {
    State.INTENT: {State.AUTHORISING, State.CANCELLED},
    State.AUTHORISING: {State.CAPTURED, State.DECLINED, State.CANCELLED, State.IN_DOUBT},
    State.IN_DOUBT: {State.CAPTURED, State.DECLINED, State.CANCELLED},
    State.CAPTURED: {State.REFUNDING},
    State.REFUNDING: {State.REFUNDED},
}
WITH_WHY = {State.CANCELLED, State.REFUNDING, State.REFUNDED}
ENDS_THE_ORDER = {State.CAPTURED, State.REFUNDING, State.REFUNDED}
GOES_ON = {State.INTENT, State.AUTHORISING, State.IN_DOUBT}


async def begun(journal: Journal, order_id: str = "order-1", **more: str) -> Attempt:
    return await journal.begin(
        order_id, amount=Money(2647), fingerprint="f", lines=LINES, loyalty_card="LOYALTY123", **more
    )


async def captured(journal: Journal, order_id: str = "order-1", **more: str) -> Attempt:
    authorising = await journal.move(await begun(journal, order_id, **more), State.AUTHORISING)
    return await journal.move(authorising, State.CAPTURED, reference="ref")


OLD_JOURNAL = """
CREATE TABLE attempts (
    key TEXT PRIMARY KEY, order_id TEXT NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL,
    amount_minor INTEGER NOT NULL, fingerprint TEXT NOT NULL, lines TEXT NOT NULL, loyalty_card TEXT,
    transaction_id TEXT, begun_at TEXT NOT NULL, ended_at TEXT, UNIQUE (order_id, number)
);
CREATE INDEX open_attempts ON attempts (state) WHERE ended_at IS NULL;
INSERT INTO attempts VALUES
    ('o-paid/1', 'o-paid', 1, 'paid', 1198, 'f', '[["Cola", 2, 599, ["No Ice"]]]', NULL, 'txn',
     '2026-11-01T10:00:00.000+00:00', '2026-11-01T10:00:05.000+00:00'),
    ('o-doubtful/1', 'o-doubtful', 1, 'charging', 1198, 'f', '[]', NULL, NULL, '2026-11-01T10:01:00.000+00:00', NULL),
    ('o-late/1', 'o-late', 1, 'timed_out', 1198, 'f', '[]', NULL, NULL,
     '2026-11-01T10:02:00.000+00:00', '2026-11-01T10:02:28.000+00:00');
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "not" / "there" / "journal.db"


async def test_an_attempt_is_kept_as_it_was(path: Path) -> None:
    journal = Journal(path)
    await journal.open()
    authorising = await journal.move(await begun(journal, session_id="s", ask_id="a"), State.AUTHORISING)
    await journal.show_loyalty(authorising, "LOYALTY456")
    paid = await journal.claim(await journal.move(authorising, State.CAPTURED, reference="ref"))
    await journal.close()
    again = Journal(path)
    await again.open()
    kept = await again.last("order-1")
    assert kept == paid == await again.asked("order-1", "a") == (await again.of_session("s"))[0]
    assert (kept.state, kept.amount, kept.lines) == (State.CAPTURED, Money(2647), LINES)
    assert (kept.loyalty_card, kept.reference, kept.fingerprint, kept.claimed) == ("LOYALTY456", "ref", "f", True)
    assert is_uuid4(kept.transaction_id)
    assert kept.ended_at is not None
    assert kept.ended_at >= kept.begun_at
    assert kept.begun_at.tzinfo is not None
    states = [(state, why) for _, state, why in await again.history(kept.key)]
    assert states == [(State.INTENT, None), (State.AUTHORISING, None), (State.CAPTURED, None)]
    await again.close()


async def test_what_is_written_is_committed_when_the_call_returns(path: Path) -> None:
    journal = Journal(path)
    await journal.open()
    await begun(journal)
    other = sqlite3.connect(path)
    try:
        assert other.execute("SELECT state FROM attempts").fetchall() == [("intent",)]
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
    paid = await captured(journal)
    with pytest.raises(JournalError, match="order-1 is captured already"):
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
        if held and held[-1].state in GOES_ON | ENDS_THE_ORDER:
            with pytest.raises(JournalError, match="already"):
                self.runner.run(begun(self.journal, order_id))
        else:
            held.append(self.runner.run(begun(self.journal, order_id)))

    @rule(order_id=ORDERS, which=st.integers(0, 3), state=st.sampled_from(State))
    def move(self, order_id: str, which: int, state: State) -> None:
        held = self.held.get(order_id, [])
        if which >= len(held):
            return
        reference = "ref" if state is State.CAPTURED else None
        moving = self.journal.move(held[which], state, Why.LEFT if state in WITH_WHY else None, reference=reference)
        if which == len(held) - 1 and state in FOLLOWS.get(held[which].state, ()):
            held[which] = self.runner.run(moving)
        else:
            with pytest.raises(JournalError, match="can't become"):
                self.runner.run(moving)

    @rule(order_id=ORDERS)
    def go_on(self, order_id: str) -> None:
        """As an order mostly goes, so that the far states are come to."""
        held = self.held.get(order_id, [])
        after = {State.INTENT: State.AUTHORISING, State.AUTHORISING: State.CAPTURED, State.CAPTURED: State.REFUNDING}
        if held and held[-1].state in after:
            state = after[held[-1].state]
            why = Why.LEFT if state in WITH_WHY else None
            held[-1] = self.runner.run(self.journal.move(held[-1], state, why, reference="ref"))

    @rule()
    def restart(self) -> None:
        self.runner.run(self.journal.close())
        self.journal = Journal(self.journal.path)
        self.runner.run(self.journal.open())

    @invariant()
    def it_holds_what_was_written(self) -> None:
        for order_id, held in self.held.items():
            assert self.runner.run(self.journal.last(order_id)) == (held[-1] if held else None)
            assert len({attempt.key for attempt in held}) == len(held)
            assert not {attempt.state for attempt in held[:-1]} - {State.DECLINED, State.CANCELLED}
            for attempt in held:
                noted = [state for _, state, _ in self.runner.run(self.journal.history(attempt.key))]
                assert noted[0] is State.INTENT
                assert noted[-1] is attempt.state
                assert all(after in FOLLOWS[before] for before, after in itertools.pairwise(noted))
                assert noted.count(State.CAPTURED) <= 1
        left = {attempt.key for attempt in self.runner.run(self.journal.unfinished())}
        assert left == {held[-1].key for held in self.held.values() if held and held[-1].state in GOES_ON}


TestAttempts = Attempts.TestCase
TestAttempts.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_the_table_says_what_the_words_mean() -> None:
    assert {state: set(after) for state, after in LEGAL.items() if after} == FOLLOWS


async def test_a_charge_has_a_reference_and_giving_up_a_reason(path: Path) -> None:
    journal = Journal(path)
    await journal.open()
    authorising = await journal.move(await begun(journal), State.AUTHORISING)
    with pytest.raises(JournalError, match="without the gateway's reference"):
        await journal.move(authorising, State.CAPTURED)
    with pytest.raises(JournalError, match="cancelled without a reason"):
        await journal.move(authorising, State.CANCELLED)
    with pytest.raises(JournalError, match="declined with a reason"):
        await journal.move(authorising, State.DECLINED, Why.LEFT)
    await journal.remember(authorising, "remembered")
    assert (await journal.move(authorising, State.CAPTURED)).reference == "remembered"
    await journal.close()


async def test_what_nobody_claimed_is_found_until_somebody_does(path: Path) -> None:
    journal = Journal(path)
    await journal.open()
    paid = await captured(journal)
    assert await journal.unclaimed(0) == [paid]
    assert await journal.unclaimed(60) == []
    await journal.claim(paid)
    assert await journal.unclaimed(0) == []
    await journal.close()


async def test_a_session_that_is_over_is_closed_unless_its_charge_was_never_heard_of(path: Path) -> None:
    journal = Journal(path)
    await journal.open()
    heard = await journal.claim(await captured(journal, "order-1", session_id="one"))
    unheard = await captured(journal, "order-2", session_id="two")
    here = await journal.claim(await captured(journal, "order-3", session_id="three"))
    await journal.close_sessions(but="three")
    closed = [(await journal.attempt(each.key)).closed for each in (heard, unheard, here)]
    assert closed == [True, False, False]
    await journal.close_session("three")
    assert (await journal.attempt(here.key)).closed
    await journal.close()


async def test_a_journal_of_the_first_version_is_taken_over(path: Path) -> None:
    path.parent.mkdir(parents=True)
    old = sqlite3.connect(path)
    old.executescript(OLD_JOURNAL)
    old.close()
    journal = Journal(path)
    await journal.open()
    paid, doubtful, late = [await journal.last(order) for order in ("o-paid", "o-doubtful", "o-late")]
    assert paid is not None
    assert (paid.state, paid.transaction_id, paid.reference, paid.claimed) == (State.CAPTURED, "txn", "txn", True)
    assert paid.lines == (Line("Cola", 2, Money(599), ("No Ice",), 0),)
    assert doubtful is not None
    assert doubtful.state is State.AUTHORISING
    assert await journal.unfinished() == [doubtful]
    assert late is not None
    assert (late.state, late.why) == (State.CANCELLED, Why.NO_TAP)
    await journal.close()
    await journal.open()  # and once only
    assert await journal.last("o-paid") == paid
    await journal.close()


async def test_a_journal_of_a_later_version_is_left_alone(path: Path) -> None:
    path.parent.mkdir(parents=True)
    later = sqlite3.connect(path)
    later.execute("PRAGMA user_version = 99")
    later.close()
    journal = Journal(path)
    with pytest.raises(JournalError, match="of version 99"):
        await journal.open()
    await journal.close()
