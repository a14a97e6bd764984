"""Whatever a customer, the neighbours and kills do, in any order: cart, session, order and file stay sound.

Visits, ordering and checkout are the real ones on a stage without a bus: neighbours answer as each step says, asides
wait until a step lets them end, and a kill leaves the file and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.agents.orchestrator.attending import Attention
from edge.agents.orchestrator.cart import MOST_LINES, MOST_PIECES
from edge.agents.orchestrator.checkout import Checkout
from edge.agents.orchestrator.keeping import Kept, _decoder, _encoder
from edge.agents.orchestrator.order import Order
from edge.agents.orchestrator.ordering import Ordering
from edge.agents.orchestrator.resuming import Resuming, way_on
from edge.agents.orchestrator.screens import render
from edge.agents.orchestrator.session import Session
from edge.agents.orchestrator.states import AWAITING_CUSTOMER, State, Step
from edge.agents.orchestrator.surroundings import Surroundings
from edge.agents.orchestrator.timing import Deed, Timers, Timing
from edge.agents.orchestrator.visits import Visits, clock_s
from edge.bus.deadline import boot_id
from edge.contract import input as customer
from edge.contract import menu, payment
from edge.contract.errors import AskError, ErrorCode
from edge.contract.money import Money, total
from tests.edge.agents.orchestrator.stand_ins import DISHES, paid, unpaid

ITEMS = st.sampled_from([101, 201, 301, 401, 999])
QUANTITIES = st.sampled_from([1, 2, 60, 0, 99])
WAYS = st.sampled_from([(), ("Extra Cheese",), ("No Onions", "Extra Cheese"), ("Truffles",)])
MADE = st.one_of(st.tuples(st.just(101), WAYS), st.tuples(st.sampled_from([101, 102, 201, 301]), st.just(())))
Work = Callable[[], Coroutine[Any, Any, Deed]]


class Neighbours:
    """The menu, at hand; nothing is suggested."""

    async def dish(self, item_id: int) -> menu.ItemDetails:
        if item_id not in DISHES:
            raise AskError(ErrorCode.MENU_NOT_FOUND, "no such dish")
        return DISHES[item_id]

    async def search(self, query: str, tags: Any = (), limit: int = 10) -> list[menu.FoundItem]:
        return []

    async def popular(self, limit: int) -> list[menu.FoundItem]:
        return []

    async def suggestions(self, cart: Any, party_size: int, diets: Any) -> tuple[Any, ...]:
        return ()


class Insisting:
    """Asks once: nobody dies here."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def ask(self, command: Any, ask: Any, patience_s: float) -> Any:
        return await self._stage.ask(command, ask)


class Stage:
    """A stage without a bus. `disk` is what a kill leaves."""

    def __init__(self) -> None:
        self.session = Session()
        self.neighbours: Any = Neighbours()
        self.insisting: Any = Insisting(self)
        self.timing = Timing()
        self.timers = Timers(self.deeds_append)
        self.attention = Attention()
        self.around = Surroundings()
        self.deeds: list[Deed] = []
        self.asides: list[tuple[Session, Work]] = []
        self.answers: list[Any] = []  # to what is asked next
        self.asked: list[payment.ProcessPayment] = []
        self.disk = b""
        self.journey = 0

    def deeds_append(self, deed: Deed) -> None:
        self.deeds.append(deed)

    @property
    def open(self) -> bool:
        return not self.around.missing

    async def ask(self, command: Any, ask: Any) -> Any:
        if isinstance(ask, payment.ProcessPayment):
            kept = _decoder.decode(self.disk).session.order
            assert kept is not None, "payment was asked for before the order was on disk"
            assert (kept.order_id, kept.cart) == (self.session.order.order_id, self.session.order.cart)  # type: ignore[union-attr]  # while a payment is asked for there is one
            self.asked.append(ask)
        answer = self.answers.pop(0) if self.answers else AskError(ErrorCode.UNAVAILABLE, "nobody there")
        if isinstance(answer, AskError):
            raise answer
        return answer

    async def say(self, event: Any, payload: Any) -> None: ...

    async def show(self) -> None:
        render(self.session, "USD", self.around, now_s=clock_s())

    def aside(self, work: Work) -> None:
        self.asides.append((self.session, work))

    def light(self, ask: Any) -> None: ...

    def begin_journey(self) -> None:
        self.journey += 1

    def end_journey(self) -> None: ...

    def address(self, receipt_url: str | None) -> str | None:
        return f"https://kiosk.example{receipt_url}"

    async def keep(self) -> None:
        self.disk = _encoder.encode(Kept(self.session, "s", None, boot=boot_id()))


class Machine(RuleBasedStateMachine):
    """One kiosk."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stage = Stage()
        self.charged: dict[str, Order] = {}
        self.people()

    def people(self) -> None:
        self.visits = Visits(self.stage, "kiosk-001")
        self.ordering = Ordering(self.stage)
        self.checkout = Checkout(self.stage, self.visits, self.ordering, "USD")

    def teardown(self) -> None:
        self.stage.timers.clear()
        self.loop.close()

    def do(self, deed: Coroutine[Any, Any, Any]) -> Any:
        async def do_and_keep() -> Any:
            done = await deed
            await self.stage.keep()  # as the agent does after each deed; a kill before it is a kill a step earlier
            return done

        return self.loop.run_until_complete(do_and_keep())

    @property
    def session(self) -> Session:
        return self.stage.session

    @rule()
    def come(self) -> None:
        self.do(self.visits.arrive(1))

    @rule()
    def go(self) -> None:
        self.do(self.visits.miss())

    @initialize(begins=st.integers(0, 3))
    def begin(self, begins: int) -> None:
        """Some begin further along, so that the way to the money is walked as often as the shop window."""
        if begins:
            self.come()
            self.add((101, ("Extra Cheese",)), begins)
        if begins > 1:
            self.review()
        if begins > 2:
            self.pay()

    @precondition(lambda self: self.session.state in AWAITING_CUSTOMER)
    @rule(made=MADE, quantity=QUANTITIES)
    def add(self, made: tuple[int, tuple[str, ...]], quantity: int) -> None:
        item, way = made
        action = customer.CartAction(action="add", item_id=item, quantity=quantity, customizations=list(way))
        self.do(self.ordering.act(action))

    @precondition(lambda self: self.session.cart)
    @rule(made=MADE, quantity=QUANTITIES, removes=st.booleans())
    def change(self, made: tuple[int, tuple[str, ...]], quantity: int, removes: bool) -> None:
        item, way = made
        verb: Any = "remove" if removes else "update_qty"
        action = customer.CartAction(action=verb, item_id=item, quantity=quantity, customizations=list(way))
        self.do(self.ordering.act(action))

    @precondition(lambda self: self.session.cart)
    @rule(nth=st.integers(0, 3))
    def remove_a_line(self, nth: int) -> None:
        lines = self.session.cart.lines
        self.ordering.set_quantity(lines[nth % len(lines)], 0)
        self.do(self.stage.show())

    @rule(item=ITEMS)
    def look(self, item: int) -> None:
        self.do(self.ordering.select(item))

    @rule(card=st.sampled_from(["A", "B"]))
    def show_loyalty(self, card: str) -> None:
        if self.session.state in AWAITING_CUSTOMER:
            self.session.loyalty_id = card
            self.do(self.stage.show())

    @rule()
    def back(self) -> None:
        self.ordering.back()
        self.do(self.stage.show())

    @precondition(lambda self: self.session.cart)
    @rule()
    def review(self) -> None:
        self.checkout.review()
        self.do(self.stage.show())

    @precondition(lambda self: self.session.state in (State.CONFIRMING, State.REFUSED, State.PAYING))
    @rule()
    def pay(self) -> None:
        before, order = self.session.state, self.session.order
        self.do(self.checkout.pay())
        if self.session.state is State.PAYING and before is not State.PAYING:
            assert self.session.order is not None
            assert before is State.CONFIRMING or self.session.order == order
            assert self.session.order.cart == self.session.cart

    @rule()
    def cancel(self) -> None:
        before = self.session.state
        self.do(self.checkout.cancel())
        assert self.session.state is State.PAYING or before is not State.PAYING

    @rule()
    def done(self) -> None:
        self.do(self.checkout.done())

    @rule()
    def rest(self) -> None:
        self.do(self.visits.rest())

    @rule(reader=st.booleans(), missing=st.sampled_from([(), ("menu",)]))
    def surround(self, reader: bool, missing: tuple[str, ...]) -> None:
        self.stage.around = Surroundings(missing=missing, reader=reader)
        self.do(self.visits.review_service())

    @precondition(lambda self: self.stage.asides)
    @rule(
        nth=st.integers(-3, 3),
        outcome=st.sampled_from(["paid", "declined", "cancelled", "doubt", "sold out"]),
        late=st.booleans(),
    )
    def let_an_aside_end(self, nth: int, outcome: str, late: bool) -> None:
        self.end_aside(nth % len(self.stage.asides), outcome, late=late)

    def end_aside(self, nth: int, outcome: str, *, late: bool) -> None:
        session, work = self.stage.asides.pop(nth)
        order = session.order
        amount = order.cart.total if order is not None else Money(0)
        if order is not None and order.order_id in self.charged:
            outcome = "paid"  # the payment agent's journal answers as before
        self.stage.answers = [
            {
                "paid": paid(amount),
                "declined": unpaid(code=ErrorCode.PAYMENT_DECLINED),
                "cancelled": unpaid("cancelled"),
                "doubt": AskError(ErrorCode.TIMEOUT, "no answer"),
                "sold out": AskError(ErrorCode.ITEM_OUT_OF_STOCK, "sold out"),
            }[outcome]
            if "_take_payment" in repr(work)
            else payment.CancelResult(cancelled=late)
        ]
        if session is not self.session and "_take_payment" in repr(work):
            return  # its session is over: it was asked for before that
        charging = "_take_payment" in repr(work) and outcome == "paid" and order is not None
        if charging and order is not None:
            self.charged.setdefault(order.order_id, order)
        deed = self.do(work())
        if session is self.session:
            self.do(deed())
        if charging and session is self.session:
            assert self.session.state is State.RECEIPT

    @rule(late=st.booleans())
    def be_killed(self, late: bool) -> None:
        """Everything in memory goes; the disk stays."""
        if not self.stage.disk:
            return
        before, old = self.session, self.stage
        old.timers.clear()
        self.stage = Stage()
        self.stage.around, self.stage.disk = old.around, old.disk
        self.people()
        kept = _decoder.decode(old.disk)
        assert kept.session.cart == before.cart
        way = self.loop.run_until_complete(self.judge(kept, -1.0 if late else 120.0))
        if way.name != "ANEW":
            self.stage.session = kept.session
        self.do(Resuming(self.stage, self.visits, self.ordering, self.checkout).go_on(way))
        if before.state is State.PAYING:
            assert self.session.state is State.PAYING
            assert self.session.order == before.order
            assert any("_take_payment" in repr(work) for _, work in self.stage.asides)
            assert self.session.cancel_asked is (late or before.cancel_asked)
        elif before.state is State.RECEIPT:
            assert (self.session.state, self.session.receipt) == (State.RECEIPT, before.receipt)
        elif before.state in AWAITING_CUSTOMER:
            assert late or (self.session.state, self.session.cart) == (before.state, before.cart)
            assert not late or self.session.state is State.GOODBYE

    @precondition(lambda self: self.session.state is State.PAYING)
    @rule(outcome=st.sampled_from(["paid", "declined", "cancelled", "doubt", "sold out"]))
    def be_answered(self, outcome: str) -> None:
        """The payment's answer, before anything else that is awaited."""
        asides = self.stage.asides
        asides.sort(key=lambda aside: aside[0] is self.session and "_take_payment" in repr(aside[1]))
        self.end_aside(-1, outcome, late=False)

    async def judge(self, kept: Kept, resume_s: float) -> Any:
        return way_on(kept, clock_s(), resume_s)

    @invariant()
    def the_cart_is_sound(self) -> None:
        cart = self.session.cart
        assert cart.pieces <= MOST_PIECES
        assert len(cart.lines) <= MOST_LINES
        assert all(line.quantity >= 1 for line in cart.lines)
        ways = [(line.item_id, frozenset(line.customizations)) for line in cart.lines]
        assert len(set(ways)) == len(ways)
        assert cart.total == total([Money(line.price.minor * line.quantity) for line in cart.lines])

    @invariant()
    def the_state_fits_the_cart(self) -> None:
        if self.session.state in (State.CART, State.CONFIRMING, State.PAYING, State.REFUSED, State.RECEIPT):
            assert self.session.cart
        if self.session.state in (State.ATTRACT, State.GREETING, State.BROWSING, State.OUT_OF_SERVICE):
            assert not self.session.cart

    @invariant()
    def the_order_is_what_the_customer_saw(self) -> None:
        session = self.session
        if session.state in (State.PAYING, State.REFUSED, State.RECEIPT):
            assert session.order is not None
            assert session.order.cart == session.cart
        if session.state is State.RECEIPT and session.order is not None:
            assert session.order.order_id in self.charged

    @invariant()
    def one_payment_at_a_time(self) -> None:
        waiting = [work for of, work in self.stage.asides if of is self.session and "_take_payment" in repr(work)]
        assert len(waiting) == (self.session.state is State.PAYING)

    @invariant()
    def nobody_can_pay_who_has_no_reader(self) -> None:
        actions = render(self.session, "USD", self.stage.around).suggested_actions
        if not self.stage.around.can_pay and not self.session.in_doubt:
            assert not {"Checkout", "Pay", "Try again"} & set(actions)

    @invariant()
    def the_screen_can_be_drawn_and_the_session_kept(self) -> None:
        render(self.session, "USD", self.stage.around)
        kept = Kept(self.session, "s", None)
        assert _decoder.decode(_encoder.encode(kept)) == kept
        assert msgspec.json.decode(_encoder.encode(kept))["session"]["state"] == self.session.state
        assert self.session.allows(Step.LEAVE) or self.session.state not in AWAITING_CUSTOMER


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=100, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
