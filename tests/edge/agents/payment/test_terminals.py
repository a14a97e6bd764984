"""Stripe's and SumUp's terminals through their SDKs, against simulated servers of their APIs: one suite for both."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import stripe

from edge.agents.payment import till as till_module
from edge.agents.payment.gateway import GatewayError, NotCharged
from edge.agents.payment.journal import Attempt, Journal
from edge.agents.payment.simulated.stripe import SimulatedStripe
from edge.agents.payment.simulated.sumup import SimulatedSumup
from edge.agents.payment.states import State, Why
from edge.agents.payment.stripe_terminal import StripeTerminal
from edge.agents.payment.sumup_reader import SumupReader
from edge.agents.payment.till import DoubtRemains, Till
from edge.agents.payment.waiting import CardWait
from edge.bus import Client
from edge.contract.money import Money
from tests.edge.agents.payment.shop import Shop, order, tap
from tests.edge.agents.payment.terminals import BEGINS, NAMES, REQUESTS, Terminal
from tests.edge.agents.payment.test_agent import asking, cancelled


@pytest.fixture(params=NAMES)
async def terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Terminal]:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)  # between the SDK's own tries
    terminal = Terminal(request.param)
    await terminal.start()
    yield terminal
    await terminal.stop()


@pytest.fixture
async def till(terminal: Terminal, tmp_path: Path) -> AsyncIterator[Till]:
    till = Till(Journal(tmp_path / "journal.db"), terminal.gateway())
    await till.open()
    yield till
    await till.journal.close()


async def begun(till: Till) -> Attempt:
    return await till.journal.begin(
        "order-1", amount=Money(2647), fingerprint="f", lines=(), loyalty_card=None, session_id="s"
    )


class Conversation:
    """A customer at the terminal."""

    def __init__(self, till: Till, attempt: Attempt, patience_s: float = 30) -> None:
        self.wait = CardWait()
        self.task = asyncio.create_task(till.converse(attempt, self.wait, patience_s))

    async def end(self) -> Attempt:
        return await asyncio.wait_for(self.task, 20)


async def asked(till: Till, terminal: Terminal) -> Conversation:
    conversation = Conversation(till, await begun(till))
    await asyncio.wait_for(terminal.server.asks_for_card(), 10)
    return conversation


async def test_a_card_at_the_terminal_pays(till: Till, terminal: Terminal) -> None:
    conversation = await asked(till, terminal)
    terminal.server.tap()
    paid = await conversation.end()
    assert paid.state is State.CAPTURED
    assert paid.reference
    assert terminal.charged() == {"order-1/1": 2647}
    assert not conversation.wait.cancel(), "too late"


async def test_a_declined_card_may_be_followed_by_another(till: Till, terminal: Terminal) -> None:
    conversation = await asked(till, terminal)
    terminal.server.tap(declined="insufficient_funds")
    assert (await conversation.end()).state is State.DECLINED
    conversation = await asked(till, terminal)
    terminal.server.tap()
    assert (await conversation.end()).state is State.CAPTURED
    assert terminal.charged() == {"order-1/2": 2647}


async def test_a_cancel_clears_the_terminal(till: Till, terminal: Terminal) -> None:
    conversation = await asked(till, terminal)
    assert conversation.wait.cancel()
    ended = await conversation.end()
    assert (ended.state, ended.why) == (State.CANCELLED, Why.CUSTOMER)
    with pytest.raises(RuntimeError, match="asks for no card"):
        terminal.server.tap()
    assert terminal.charged() == {}


async def test_a_cancel_that_loses_to_the_card_says_so(till: Till, terminal: Terminal) -> None:
    """The card is there while the cancel is on its way."""
    conversation = await asked(till, terminal)
    stops = {"stripe": "clear", "sumup": "terminate"}[terminal.name]
    go_on = terminal.held(stops)
    retrieve = None if terminal.name == "stripe" else terminal.held("retrieve")
    assert conversation.wait.cancel()
    if retrieve is not None:
        retrieve()
    async with asyncio.timeout(10):
        while terminal.server.serving.line.asked[f"{stops}"] == 0:
            await asyncio.wait([conversation.task], timeout=0.01)
    terminal.server.tap()
    await asyncio.wait([conversation.task], timeout=0.05)
    go_on()
    ended = await conversation.end()
    kept = terminal.charged()
    if ended.state is State.CAPTURED:
        assert kept == {"order-1/1": 2647}
    else:
        assert (ended.state, ended.why, kept) == (State.CANCELLED, Why.CUSTOMER, {})


async def test_a_terminal_that_nobody_comes_to_is_cleared(till: Till, terminal: Terminal) -> None:
    conversation = Conversation(till, await begun(till), patience_s=0.1)
    ended = await conversation.end()
    assert (ended.state, ended.why) == (State.CANCELLED, Why.NO_TAP)
    assert terminal.charged() == {}
    conversation = await asked(till, terminal)  # and free for the next
    terminal.server.tap()
    assert (await conversation.end()).state is State.CAPTURED


async def test_the_terminals_own_cancel_button_ends_it(till: Till, terminal: Terminal) -> None:
    conversation = await asked(till, terminal)
    terminal.server.press_cancel()
    assert (await conversation.end()).state is State.CANCELLED
    assert terminal.charged() == {}


@pytest.mark.parametrize("fault", ["loses_answer", "loses_request", "fails", "fails_after"])
@pytest.mark.parametrize("number", range(5))
async def test_whatever_is_lost_the_customer_pays_once_or_not_at_all(
    till: Till, terminal: Terminal, fault: str, number: int
) -> None:
    if number >= len(REQUESTS[terminal.name]):
        return
    request = REQUESTS[terminal.name][number]
    line = terminal.server.serving.line
    faulty: set[str] = getattr(line, fault)
    conversation = Conversation(till, await begun(till), patience_s=5)
    if request != BEGINS[terminal.name] and request != "create":
        await asyncio.wait_for(terminal.server.asks_for_card(), 10)
    faulty.add(request)
    waiting = asyncio.create_task(terminal.server.asks_for_card())
    await asyncio.wait({waiting, conversation.task}, timeout=1, return_when=asyncio.FIRST_COMPLETED)
    if waiting.done() and not conversation.task.done():
        terminal.server.tap()
    waiting.cancel()
    with contextlib.suppress(DoubtRemains):
        await conversation.end()
    faulty.discard(request)
    terminal.a_minute_passes()
    await till.reconcile()
    settled = await till.journal.last("order-1")
    assert settled is not None
    assert settled.state in (State.CAPTURED, State.CANCELLED, State.DECLINED)
    assert terminal.charged() == ({"order-1/1": 2647} if settled.state is State.CAPTURED else {})


@pytest.mark.parametrize("tapped", [False, True])
async def test_a_new_start_settles_what_the_old_one_left_at_the_terminal(
    till: Till, terminal: Terminal, tapped: bool
) -> None:
    conversation = await asked(till, terminal)
    conversation.task.cancel()
    await asyncio.gather(conversation.task, return_exceptions=True)
    if tapped:
        terminal.server.tap()
    again = Till(till.journal, terminal.gateway())
    terminal.a_minute_passes()
    await again.open()
    settled = await till.journal.last("order-1")
    assert settled is not None
    if tapped and terminal.name == "sumup":  # SumUp charges when the card is there; Stripe only held the amount
        assert (settled.state, terminal.charged()) == (State.CAPTURED, {"order-1/1": 2647})
    else:
        assert (settled.state, terminal.charged()) == (State.CANCELLED, {})
    with pytest.raises(RuntimeError, match="asks for no card"):
        terminal.server.tap()


async def test_what_was_never_handed_to_the_terminal_charged_nothing(till: Till, terminal: Terminal) -> None:
    assert isinstance(await till.gateway.settle("order-1/1", None), NotCharged)


async def test_somebody_elses_payment_is_never_stopped(till: Till, terminal: Terminal) -> None:
    """Odoo's trap: a late cancel hits the next customer."""
    conversation = await asked(till, terminal)
    terminal.server.press_cancel()
    first = await conversation.end()
    conversation = await asked(till, terminal)
    await till.gateway.cancel(first.key, first.reference)
    terminal.server.tap()
    assert (await conversation.end()).state is State.CAPTURED
    assert terminal.charged() == {"order-1/2": 2647}


@pytest.mark.parametrize("fault", [None, "loses_answer", "fails_after", "fails"])
async def test_a_charge_is_given_back_once(till: Till, terminal: Terminal, fault: str | None) -> None:
    conversation = await asked(till, terminal)
    terminal.server.tap()
    paid = await conversation.end()
    line = terminal.server.serving.line
    if fault is not None:
        getattr(line, fault).add("refund")
    await till.refund(paid, Why.LEFT)
    if fault is not None:
        getattr(line, fault).clear()
    if isinstance(terminal.server, SimulatedStripe):
        terminal.server.forget_keys()  # a kiosk that was off for a day
    await till.reconcile()
    settled = await till.journal.last("order-1")
    assert settled is not None
    assert settled.state is State.REFUNDED
    assert terminal.charged() == {}
    await till.gateway.refund(paid.key, paid.reference or "")  # and once more changes nothing


async def test_a_wrong_key_is_said_at_the_start(terminal: Terminal) -> None:
    with pytest.raises(GatewayError, match="refuses the key or the reader"):
        await terminal.gateway("wrong").open()


async def test_without_the_service_the_kiosk_starts_all_the_same(
    terminal: Terminal, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = terminal.gateway()
    await terminal.server.serving.stop()
    await gateway.open()
    assert "can't be asked now" in caplog.text


async def test_an_offline_reader_charges_nothing(till: Till, terminal: Terminal) -> None:
    terminal.server.offline = True
    try:
        ended = await Conversation(till, await begun(till)).end()
    except DoubtRemains:
        terminal.server.offline = False
        terminal.a_minute_passes()
        await till.reconcile()
        last = await till.journal.last("order-1")
        assert last is not None
        ended = last
    assert (ended.state, ended.why) == (State.CANCELLED, Why.UNREACHED)
    assert terminal.charged() == {}


async def test_a_terminal_that_does_not_stop_leaves_a_doubt_not_a_lie(
    till: Till, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not isinstance(terminal.server, SimulatedSumup):
        return  # Stripe confirms a cancel
    monkeypatch.setattr(till_module, "_STOP_LIMIT_S", 0.05)
    terminal.server.termination_is_lost = True
    conversation = await asked(till, terminal)
    conversation.wait.cancel()
    with pytest.raises(DoubtRemains, match="may begin this payment yet"):
        await conversation.end()
    terminal.server.tap()  # the customer pays after all
    await till.reconcile()
    settled = await till.journal.last("order-1")
    assert settled is not None
    assert (settled.state, terminal.charged()) == (State.CAPTURED, {"order-1/1": 2647})


async def test_through_the_bus(bus: Client, shop: Shop, terminal: Terminal, caplog: pytest.LogCaptureFixture) -> None:
    """From the orchestrator's ask to the receipt; and nothing of the card on the way."""
    caplog.set_level(logging.DEBUG)
    await shop.open(terminal.gateway())
    paying = asking(bus, order())
    await asyncio.wait_for(terminal.server.asks_for_card(), 10)
    await tap(bus)  # the kiosk's own reader takes no payment
    await tap(bus, loyalty_id="LOYALTY123")
    assert not await cancelled(bus, "no such order")
    terminal.server.tap()
    paid = await paying
    assert (paid.status, paid.amount_charged, paid.loyalty_points_earned) == ("success", Money(2647), 26)
    assert terminal.charged() == {"order-1/1": 2647}
    paying = asking(bus, order("order-2"))
    await asyncio.wait_for(terminal.server.asks_for_card(), 10)
    assert await cancelled(bus, "order-2")
    assert (await paying).status == "cancelled"
    for told in (caplog.text, (shop.folder / "payment" / "journal.db").read_bytes().decode(errors="replace")):
        assert "4242" not in told
        assert "VISA" not in told
        assert terminal.server.api_key not in told


@pytest.mark.parametrize("currency", ["JPY", "KWD", "HUF"])
async def test_a_currency_without_hundredths_is_refused(terminal: Terminal, currency: str) -> None:
    """12.99 must not become 1,299 yen."""
    gateway = terminal.gateway()
    assert isinstance(gateway, StripeTerminal | SumupReader)
    gateway._currency = currency
    if terminal.name == "stripe" and currency == "HUF":
        await gateway.open()  # Stripe counts forints in hundredths, SumUp doesn't
    else:
        with pytest.raises(GatewayError, match="smallest unit isn't a hundredth"):
            await gateway.open()
