"""Customers who leave, come back late, or whose messages come twice, late or in another order."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from edge.agents.payment.states import State, Why
from edge.bus import Client
from edge.contract.envelope import NATSMessage
from edge.contract.errors import AskError
from edge.contract.money import Money
from edge.contract.session import EndReason, SessionEnded, SessionStarted
from edge.contract.subjects import PAYMENT_PROCESS, SESSION_ENDED, SESSION_STARTED
from edge.contract.wire import to_fields, to_json
from tests.edge.agents.payment.shop import DECLINED_CARD, FaultyGateway, Shop, order, tap
from tests.edge.agents.payment.test_agent import asking, cancelled, heard_all, waiting


async def leave(bus: Client, reason: EndReason = "timeout") -> None:
    await bus.publish(SESSION_ENDED, SessionEnded(reason=reason, duration_seconds=1))


async def next_customer(bus: Client) -> None:
    bus.session_id = str(uuid.uuid4())
    await bus.publish(SESSION_STARTED, SessionStarted(kiosk_id="kiosk-001"))


async def in_doubt(bus: Client, shop: Shop, gateway: FaultyGateway) -> None:
    """A charge whose answer was lost, and the customer was told that nobody knows."""
    gateway.loses_the_answer = gateway.settle_fails = True
    asked = await waiting(bus, shop)
    await tap(bus)
    with pytest.raises(AskError, match="not known yet"):
        await asked


@pytest.mark.parametrize("reason", ["timeout", "cancelled"])
async def test_who_leaves_before_the_card_pays_nothing(bus: Client, shop: Shop, reason: EndReason) -> None:
    await shop.open()
    asked = await waiting(bus, shop)
    await leave(bus, reason)
    assert (await asked).status == "cancelled"
    await tap(bus)
    await heard_all(bus)
    assert shop.approved() == []


@pytest.mark.parametrize("reason", ["timeout", "cancelled"])
async def test_a_charge_that_is_found_after_the_customer_left_is_given_back(
    bus: Client, shop: Shop, reason: EndReason
) -> None:
    gateway = FaultyGateway(shop.bank())
    await shop.open(gateway, reconcile_s=0.02)
    await in_doubt(bus, shop, gateway)
    await leave(bus, reason)
    await heard_all(bus)
    assert shop.kept() == ["order-1/1"]
    gateway.settle_fails = False
    await shop.journal.reached(State.REFUNDED)
    assert shop.kept() == []
    assert (await shop.journal.history("order-1/1"))[-1][2] is Why.LEFT


async def test_who_leaves_while_the_gateway_is_asked_what_became_of_it_gets_it_back(bus: Client, shop: Shop) -> None:
    gateway = FaultyGateway(shop.bank())
    await shop.open(gateway, reconcile_s=0.02)
    await in_doubt(bus, shop, gateway)
    gateway.may_settle.clear()
    gateway.settle_fails = False
    await asyncio.wait_for(gateway.settling.wait(), 10)
    await leave(bus, "cancelled")
    await heard_all(bus)
    gateway.may_settle.set()
    await shop.journal.reached(State.REFUNDED)
    assert (await shop.journal.history("order-1/1"))[-1][2] is Why.LEFT


async def test_a_customer_who_leaves_while_the_card_is_charged_gets_it_back(bus: Client, shop: Shop) -> None:
    gateway = FaultyGateway(shop.bank())
    gateway.go_on.clear()
    await shop.open(gateway)
    asked = await waiting(bus, shop)
    await tap(bus)
    await asyncio.wait_for(gateway.called.wait(), 10)
    await leave(bus)
    await heard_all(bus)
    gateway.go_on.set()
    answer = await asked
    assert (answer.status, answer.amount_charged) == ("cancelled", Money(0))
    assert (shop.states(), shop.kept()) == (["refunded"], [])


@pytest.mark.parametrize("next_one_comes", [False, True])
async def test_who_left_while_the_agent_was_away_gets_their_money_back(
    bus: Client, shop: Shop, next_one_comes: bool
) -> None:
    """Also where the journal says that they were being told of the charge: whether they were, it doesn't know."""
    agent = await shop.open()
    asked = await waiting(bus, shop)
    await tap(bus)
    assert (await asked).status == "success"
    await agent.close()
    await leave(bus, "cancelled")
    if next_one_comes:
        await next_customer(bus)
    await shop.open()
    if next_one_comes:
        await next_customer(bus)
    await shop.journal.reached(State.REFUNDED)
    assert (await shop.journal.history("order-1/1"))[-1][2] is Why.LEFT
    assert shop.kept() == []


async def test_who_left_with_what_they_paid_for_while_the_agent_was_away_has_paid(bus: Client, shop: Shop) -> None:
    agent = await shop.open()
    asked = await waiting(bus, shop)
    await tap(bus)
    await asked
    await agent.close()
    await leave(bus, "completed")
    await shop.open(unclaimed_s=0, reconcile_s=0.02)
    async with asyncio.timeout(10):
        while await shop.journal.unclosed():
            await heard_all(bus)
    assert (shop.states(), shop.kept()) == (["captured"], ["order-1/1"])


async def test_who_leaves_with_what_they_paid_for_has_paid(bus: Client, shop: Shop) -> None:
    await shop.open(unclaimed_s=0, reconcile_s=0.02)
    asked = await waiting(bus, shop)
    await tap(bus)
    paid = await asked
    await leave(bus, "completed")
    await next_customer(bus)
    await leave(bus)
    await heard_all(bus)
    assert (shop.states(), shop.kept()) == (["captured"], ["order-1/1"])
    assert (await bus.request(PAYMENT_PROCESS, order())) == paid


async def test_a_charge_that_nobody_heard_of_is_given_back_when_the_next_customer_comes(
    bus: Client, shop: Shop
) -> None:
    gateway = FaultyGateway(shop.bank())
    await shop.open(gateway, reconcile_s=0.02)
    await in_doubt(bus, shop, gateway)
    gateway.settle_fails = False
    await shop.journal.reached(State.CAPTURED)
    await next_customer(bus)  # the end of the last session was never heard
    await shop.journal.reached(State.REFUNDED)
    assert shop.kept() == []


async def test_a_doubt_that_is_settled_while_the_customer_is_there_is_their_order(bus: Client, shop: Shop) -> None:
    gateway = FaultyGateway(shop.bank())
    await shop.open(gateway, reconcile_s=0.02)
    await in_doubt(bus, shop, gateway)
    gateway.settle_fails = False
    assert (await bus.request(PAYMENT_PROCESS, order())).status == "success"
    await leave(bus, "completed")
    await heard_all(bus)
    assert shop.kept() == ["order-1/1"]


async def test_a_refund_that_is_owed_is_tried_until_it_is_made(bus: Client, shop: Shop) -> None:
    gateway = FaultyGateway(shop.bank())
    gateway.refund_fails = True
    agent = await shop.open(gateway, reconcile_s=0.02)
    asked = await waiting(bus, shop)
    await tap(bus)
    await asked
    await leave(bus)
    await shop.journal.reached(State.REFUNDING)
    assert shop.kept() == ["order-1/1"]
    await agent.close()
    await shop.open()  # what is owed outlives the agent
    assert (shop.states(), shop.kept()) == (["refunded"], [])


async def test_a_wrong_amount_is_given_back(bus: Client, shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    gateway = FaultyGateway(shop.bank())
    gateway.charges_wrongly = True
    await shop.open(gateway)
    asked = await waiting(bus, shop)
    await tap(bus)
    answer = await asked
    assert (answer.status, answer.error_code) == ("failed", "UNAVAILABLE")
    assert (shop.states(), shop.kept()) == (["refunded"], [])
    assert "26.48 was charged, not 26.47" in caplog.text


# -- messages ------------------------------------------------------------------------------------------------


async def test_the_same_ask_again_is_the_same_attempt(bus: Client, shop: Shop) -> None:
    """A message that comes twice asks nobody for a second card; a customer who tries again does."""
    await shop.open()
    message = NATSMessage.create(bus.session_id, to_fields(order()))
    raw = to_json(
        {name: getattr(message, name) for name in ("msg_id", "timestamp", "session_id", "trace_id", "version")}
        | {"payload": message.payload}
    )
    asked = asyncio.create_task(bus.nc.request(PAYMENT_PROCESS.subject, raw, timeout=20))
    await shop.journal.next_begun()
    await tap(bus, DECLINED_CARD)
    first = NATSMessage.from_json((await asked).data).payload
    again = NATSMessage.from_json((await bus.nc.request(PAYMENT_PROCESS.subject, raw, timeout=20)).data).payload
    assert first == again
    assert first["error_code"] == "PAYMENT_DECLINED"
    assert shop.states() == ["declined"]
    tries_again = await waiting(bus, shop)
    await tap(bus)
    assert (await tries_again).status == "success"
    assert shop.states() == ["declined", "captured"]


async def test_an_ask_that_comes_after_its_session_ended_asks_nobody_for_a_card(bus: Client, shop: Shop) -> None:
    await shop.open()
    await leave(bus)
    await heard_all(bus)
    with pytest.raises(AskError, match="session has ended") as caught:
        await bus.request(PAYMENT_PROCESS, order())
    assert (caught.value.code, caught.value.retryable) == ("INVALID_REQUEST", False)
    assert shop.states() == []


async def test_a_cancel_that_comes_after_the_charge_changes_nothing(bus: Client, shop: Shop) -> None:
    await shop.open()
    asked = await waiting(bus, shop)
    await tap(bus)
    await asked
    assert not await cancelled(bus)
    assert shop.kept() == ["order-1/1"]


async def test_two_orders_of_two_sessions_are_two_charges(bus: Client, shop: Shop) -> None:
    await shop.open()
    for number in (1, 2):
        await next_customer(bus)
        asked = await waiting(bus, shop, order(f"order-{number}"))
        await tap(bus)
        assert (await asked).status == "success"
        await leave(bus, "completed")
    await heard_all(bus)
    assert shop.kept() == ["order-1/1", "order-2/1"]


async def test_nothing_of_a_card_is_in_journal_ledger_or_log(
    bus: Client, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even the token that stands for it on the bus."""
    caplog.set_level("DEBUG")
    agent = await shop.open()
    card = "c0ffee" * 10 + "abcd"
    asked = await waiting(bus, shop)
    await tap(bus, card)
    assert (await asked).status == "success"
    asked = asking(bus, order("order-2"))
    await shop.journal.next_begun()
    await tap(bus, DECLINED_CARD)
    await asked
    await agent.close()
    kept = [path for path in shop.folder.rglob("*") if path.is_file() and "nats" not in path.parts]
    assert {"journal.db", "ledger.db"} <= {path.name for path in kept}
    for secret in (card, DECLINED_CARD):
        assert secret not in caplog.text
        for path in kept:
            assert secret.encode() not in path.read_bytes(), path


async def test_a_charge_that_somebody_was_told_of_is_kept(bus: Client, shop: Shop) -> None:
    agent = await shop.open()
    asked = await waiting(bus, shop)
    await tap(bus)
    assert (await asked).status == "success"
    await agent.till.reconcile(unclaimed_s=0)
    attempt = await shop.journal.last("order-1")
    assert attempt is not None
    assert attempt.claimed
    assert (await agent.till.refund(attempt, Why.UNCLAIMED)).state is State.CAPTURED  # told between look and deed
    assert shop.kept() == ["order-1/1"]
