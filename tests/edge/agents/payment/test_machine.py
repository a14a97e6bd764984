"""The payment machine against a model of a shop: whatever fails at whatever moment, the books agree.

The agent, its journal, the bank and its ledger are real, and driven without the bus: hypothesis chooses what
customers do, what goes wrong at the bank, and at which crash point the agent dies. Dying is an exception that
nothing catches, after which all is opened anew from what is on the disk.
"""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.agents.payment import crashes
from edge.agents.payment.agent import PaymentAgent
from edge.agents.payment.states import OPEN, State
from edge.bus.client import current
from edge.contract.envelope import NATSMessage
from edge.contract.errors import AskError
from edge.contract.input import CardTap
from edge.contract.payment import CancelPayment, PaymentResult
from edge.contract.session import SessionEnded, SessionStarted
from tests.edge.agents.payment.shop import DECLINED_CARD, GOOD_CARD, FaultyGateway, Shop, order

T = TypeVar("T")

POINTS = sorted(name for name in vars(crashes) if name.isupper())
PAYING = [name for name in POINTS if name not in ("REFERENCE_WRITTEN", "CANCEL_ASKED", "SESSION_END_HEARD")]
LEAVING = ["SESSION_END_HEARD", "REFUND_WRITTEN", "REFUND_ANSWERED"]
FAULTS = ("loses_the_ask", "loses_the_answer", "settle_fails", "refund_fails", "charges_wrongly", "comes_late")
# Where hypothesis shall look oftenest: money is at stake with a good card that nobody takes away.
CARDS = st.sampled_from([GOOD_CARD] * 5 + [DECLINED_CARD, None])
CANCELS = st.sampled_from(["no"] * 6 + ["before", "after"])
End = Literal["paid", "not paid", "not known"]


class Died(BaseException):
    """The power is gone."""


def _die() -> None:
    raise Died


@contextmanager
def dying_at(point: str | None) -> Iterator[None]:
    """Whoever passes `point` dies."""
    if point is None:
        yield
        return
    before: Callable[[], None] = getattr(crashes, point)
    setattr(crashes, point, _die)
    try:
        yield
    finally:
        setattr(crashes, point, before)


class Payments(RuleBasedStateMachine):
    """One kiosk, one customer after the other; `told` is what each order's customer last heard of it."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        # In memory where there is such a folder: it dies by exception, not by power.
        memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a folder of our own in it
        self.folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        self.shop = Shop(Path(self.folder.name), "nats://nowhere:4222")
        self.told: dict[str, End] = {}
        self.taken: set[str] = set()  # orders whose customers left with what they paid for
        self.session = str(uuid.uuid4())
        self.orders = 0
        self.order_id = ""
        self.last_message: NATSMessage | None = None
        self.faults: frozenset[str] = frozenset()
        self.agent: PaymentAgent | None = None
        self.gateway: FaultyGateway | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        try:
            self.balance()
        finally:
            self.run(self.shut())
            self.runner.close()
            self.folder.cleanup()

    # -- the kiosk ----------------------------------------------------------------------------------------

    async def shut(self) -> None:
        if self.agent is not None:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await self.agent.till.close()
            self.agent = None

    async def start(self) -> None:
        """Open everything from what is on the disk."""
        await self.shut()
        late = self.gateway.late if self.gateway else []
        self.gateway = FaultyGateway(self.shop.bank())
        self.gateway.late = late
        self.agent = self.shop.agent(self.gateway)
        self.break_what_is_broken()
        await self.agent.till.open()

    def break_what_is_broken(self) -> None:
        for fault in FAULTS:
            setattr(self.gateway, fault, fault in self.faults)

    async def survive(self, work: Coroutine[Any, Any, T], point: str | None) -> T | None:
        """Do it; who dies of it starts again."""
        with dying_at(point):
            try:
                return await work
            except Died:
                pass
        await self.start()
        return None

    async def hear(self, message: NATSMessage, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        token = current.set(message)
        try:
            return await work()
        finally:
            current.reset(token)

    # -- customers ----------------------------------------------------------------------------------------

    @initialize()
    def open_the_shop(self) -> None:
        self.run(self.start())
        self.new_order()

    def new_order(self) -> None:
        self.orders += 1
        self.order_id = f"order-{self.orders}"

    @rule(
        card=CARDS,
        cancels=CANCELS,
        twice=st.booleans(),
        again=st.booleans(),
        point=st.sampled_from([None] * 6 + PAYING),
    )
    def pay(self, card: str | None, cancels: str, twice: bool, again: bool, point: str | None) -> None:
        """Ask for the order's payment: a new try, or (`again`) the last message once more."""
        message = self.last_message if again and self.last_message else NATSMessage.create(self.session, {})
        self.last_message = message
        told = self.run(self.survive(self.try_to_pay(message, card, cancels, twice), point))
        if told is not None:
            self.told[self.order_id] = told
        elif self.told.get(self.order_id) != "paid":
            self.told[self.order_id] = "not known"

    async def try_to_pay(self, message: NATSMessage, card: str | None, cancels: str, twice: bool) -> End:
        agent = self.agent
        assert agent is not None
        ask = order(self.order_id)
        asks = [asyncio.create_task(self.hear(message, lambda: agent.process(ask))) for _ in range(2 if twice else 1)]
        begun = asyncio.create_task(self.shop.journal.begun.get())
        try:
            await asyncio.wait({*asks, begun}, return_when=asyncio.FIRST_COMPLETED, timeout=20)
            won = None
            if cancels == "before":
                won = (await agent.cancel(CancelPayment(order_id=self.order_id))).cancelled
            if card is not None:
                await agent.take_tap(CardTap(reader="r", card=card))
            if cancels == "after" or card is None:
                won = (await agent.cancel(CancelPayment(order_id=self.order_id))).cancelled
            ends = [await self.outcome(asked) for asked in asks]
        finally:
            begun.cancel()
            for asked in asks:
                asked.cancel()
            await asyncio.gather(begun, *asks, return_exceptions=True)
        assert len(set(ends)) == 1, "who asks twice is answered alike"
        if won:
            assert ends[0] != "paid", "a cancel that won is a payment that lost"
        return ends[0]

    async def outcome(self, asked: asyncio.Task[PaymentResult]) -> End:
        try:
            result = await asyncio.wait_for(asked, 20)
        except AskError as error:
            return "not known" if "not known" in error.message else "not paid"
        return "paid" if result.status == "success" else "not paid"

    @rule(point=st.sampled_from([None] * 3 + LEAVING))
    def leave(self, point: str | None) -> None:
        """The customer goes, with what they paid for or without; the next one comes."""
        paid = self.told.get(self.order_id) == "paid"
        if paid:
            self.taken.add(self.order_id)
        event = SessionEnded(reason="completed" if paid else "timeout", duration_seconds=1)
        agent = self.agent
        assert agent is not None
        message = NATSMessage.create(self.session, {})
        self.run(self.survive(self.hear(message, lambda: agent.bid_farewell(event)), point))
        self.session = str(uuid.uuid4())
        self.last_message = None
        self.new_order()
        self.run(self.greet())

    async def greet(self) -> None:
        agent = self.agent
        assert agent is not None
        message = NATSMessage.create(self.session, {})
        await self.hear(message, lambda: agent.greet(SessionStarted(kiosk_id="k")))

    # -- what goes wrong, and is mended -------------------------------------------------------------------

    @rule(faults=st.frozensets(st.sampled_from(FAULTS), min_size=1, max_size=2))
    def something_breaks(self, faults: frozenset[str]) -> None:
        self.faults = faults
        self.break_what_is_broken()

    @precondition(lambda self: self.faults)
    @rule()
    def all_is_mended(self) -> None:
        self.something_breaks(frozenset())

    @rule()
    def what_was_late_arrives(self) -> None:
        assert self.gateway is not None
        self.run(self.gateway.arrive())

    @rule(point=st.sampled_from([None, "DOUBT_WRITTEN", "DOUBT_ANSWERED", "REFUND_WRITTEN", "REFUND_ANSWERED"]))
    def look_after(self, point: str | None) -> None:
        agent = self.agent
        assert agent is not None
        left = [session for session, empty_handed in agent._over.items() if empty_handed]
        self.run(self.survive(agent.till.reconcile(left=left.__contains__), point))

    @rule()
    def restart(self) -> None:
        self.run(self.start())

    # -- the promise --------------------------------------------------------------------------------------

    @invariant()
    def nobody_is_charged_twice(self) -> None:
        kept = [key.rpartition("/")[0] for key in self.shop.kept()]
        assert len(kept) == len(set(kept))
        approved = [key.rpartition("/")[0] for key, _ in self.shop.approved()]
        assert len(approved) == len(set(approved)), "not even for a moment"

    @invariant()
    def who_took_what_they_paid_for_has_paid(self) -> None:
        assert self.taken <= {key.rpartition("/")[0] for key in self.shop.kept()}

    @rule()
    def balance(self) -> None:
        """Mend all, let the customer go, and close the books."""
        if self.agent is None:
            return
        self.something_breaks(frozenset())
        self.leave(None)
        self.run(self.start())
        agent = self.agent
        assert agent is not None
        self.run(agent.till.reconcile(unclaimed_s=0))
        self.what_was_late_arrives()
        kept = {key.rpartition("/")[0] for key in self.shop.kept()}
        assert kept == self.taken, "charged is who left with their order, and nobody else"
        journal = {attempt.key: attempt for attempt in self.run(agent.till.journal.latest(1000))}
        assert not {key for key, attempt in journal.items() if attempt.state in OPEN | {State.REFUNDING}}
        captured = {key for key, attempt in journal.items() if attempt.state is State.CAPTURED}
        assert captured == set(self.shop.kept()), "journal and ledger agree"


TestPayments = pytest.mark.timeout(300)(Payments.TestCase)
TestPayments.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
