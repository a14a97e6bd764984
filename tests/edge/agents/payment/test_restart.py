"""What a crash leaves behind: settled by asking the gateway, never by charging again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from edge.agents.payment import agent as module
from edge.agents.payment import crashes, till
from edge.agents.payment.journal import JournalError
from edge.agents.payment.states import State
from edge.bus import Client
from edge.bus.crashing import CRASH_AT, STOP_AT, crash_points
from edge.contract.errors import AskError
from edge.contract.session import SessionEnded
from edge.contract.subjects import PAYMENT_PROCESS, SESSION_ENDED
from tests.edge.agents.payment.shop import FaultyGateway, Shop, order, tap
from tests.edge.agents.payment.test_agent import asking, waiting

POINTS = [name for name in crash_points() if name.startswith("payment.")]
CHARGED_BY_THEN = {
    "payment.gateway-answered",
    "payment.outcome-written",
    "payment.receipt-written",
    "payment.claim-written",
    "payment.doubt-written",
    "payment.doubt-answered",
    "payment.refund-written",
    "payment.refund-answered",
    "payment.session-end-heard",
}
DOUBTS = {"payment.doubt-written", "payment.doubt-answered"}
LEAVING = {"payment.session-end-heard", "payment.refund-written", "payment.refund-answered"}
OF_A_TERMINAL = {"payment.reference-written", "payment.cancel-asked"}  # see test_terminals.py


@asynccontextmanager
async def agent_process(shop: Shop, *more: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """An agent in a process of its own, on the bus."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.edge.agents.payment.dying", shop.nats_url, str(shop.folder), *more),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def die(bus: Client, shop: Shop, point: str) -> None:
    """An agent takes an order, from asking to the customer's leaving, and dies at `point`."""
    more = ["deaf"] if point in DOUBTS else []
    async with agent_process(shop, *more, **{CRASH_AT: point}) as process:
        asked = asking(bus, order(loyalty_card="LOYALTY123"))
        died = asyncio.create_task(process.wait())
        async with asyncio.timeout(20):
            while not died.done():
                await tap(bus)
                if asked.done() and point in LEAVING:
                    await bus.publish(SESSION_ENDED, SessionEnded(reason="timeout", duration_seconds=1))
                await asyncio.wait([died], timeout=0.05)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    assert process.returncode == -signal.SIGKILL


def test_every_point_of_a_payment_is_here() -> None:
    assert set(POINTS) == {name for name in crash_points() if name.startswith("payment.")}
    assert len(POINTS) == len([name for name in vars(crashes) if name.isupper()])
    assert set(POINTS) >= CHARGED_BY_THEN | LEAVING | DOUBTS | OF_A_TERMINAL


@pytest.mark.parametrize("point", [point for point in POINTS if point not in OF_A_TERMINAL])
async def test_after_a_kill_the_customer_has_paid_once_or_not_at_all(bus: Client, shop: Shop, point: str) -> None:
    await die(bus, shop, point)
    charged = point in CHARGED_BY_THEN
    assert len(shop.approved()) == (1 if charged else 0)
    gateway = FaultyGateway(shop.bank())
    await shop.open(gateway)
    gives_back = point in ("payment.refund-written", "payment.refund-answered")
    settled = "refunded" if gives_back else "captured" if charged else "cancelled"
    assert shop.states() == [settled]
    asked = asking(bus, order(loyalty_card="LOYALTY123"))
    if not charged:
        await shop.journal.next_begun()
        await tap(bus)
    answer = await asked
    assert gateway.charges_asked == (0 if charged else 1)
    assert len(shop.approved()) == 1
    if gives_back:
        assert (answer.status, shop.kept()) == ("cancelled", [])
    else:
        assert (answer.status, answer.loyalty_points_earned, len(shop.kept())) == ("success", 26, 1)
        assert answer.receipt_url is not None


@pytest.mark.parametrize("point", ["payment.gateway-answered", "payment.outcome-written", "payment.claim-written"])
async def test_who_left_while_the_agent_was_dead_gets_their_money_back(bus: Client, shop: Shop, point: str) -> None:
    await die(bus, shop, point)
    await shop.open()
    assert len(shop.kept()) == 1
    await bus.publish(SESSION_ENDED, SessionEnded(reason="timeout", duration_seconds=1))
    await shop.journal.reached(State.REFUNDED)
    assert shop.kept() == []
    assert (await bus.request(PAYMENT_PROCESS, order())).status == "cancelled"
    assert len(shop.approved()) == 1


async def test_a_charge_that_nobody_asks_for_after_a_crash_is_given_back(bus: Client, shop: Shop) -> None:
    await die(bus, shop, "payment.outcome-written")
    await shop.open(unclaimed_s=0)
    await shop.journal.reached(State.REFUNDED)
    assert (shop.states(), shop.kept()) == (["refunded"], [])


async def test_a_neighbour_can_be_killed_at_a_point_while_the_agent_stands_still(bus: Client, shop: Shop) -> None:
    """How the crash matrix kills server and gateway at every step."""
    async with agent_process(shop, **{STOP_AT: "payment.authorising-written"}) as process:
        asked = asking(bus, order())
        async with asyncio.timeout(20):
            while _state_of(process.pid) != "T":
                await tap(bus)
                await asyncio.wait([asked], timeout=0.05)
            assert shop.states() == ["authorising"]
            os.kill(process.pid, signal.SIGCONT)
            assert (await asked).status == "success"


def _state_of(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123 - a line of the kernel's
        return file.read().rpartition(")")[2].split()[0]


async def test_a_hung_gateway_leaves_a_doubt_that_the_next_start_settles(
    bus: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LEAVING_S", 0.05)
    hung = FaultyGateway(shop.bank())
    hung.hangs_after_charging = True
    agent = await shop.open(hung)
    asked = await waiting(bus, shop)
    await tap(bus)
    await asyncio.wait_for(hung.charged.wait(), 10)
    await agent.close()
    asked.cancel()
    assert shop.states() == ["authorising"]

    away = FaultyGateway(shop.bank())
    away.settle_fails = True
    agent = await shop.open(away)  # starts all the same
    assert shop.states() == ["in_doubt"]
    with pytest.raises(AskError, match="not known yet"):
        await bus.request(PAYMENT_PROCESS, order())
    await agent.close()

    await shop.open()
    assert shop.states() == ["captured"]
    assert (await bus.request(PAYMENT_PROCESS, order())).status == "success"
    assert len(shop.approved()) == 1


async def test_a_gateway_that_hangs_is_asked_what_became_of_it(
    bus: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(till, "GATEWAY_LIMIT_S", 0.2)
    gateway = FaultyGateway(shop.bank())
    gateway.hangs_after_charging = True
    await shop.open(gateway)
    asked = await waiting(bus, shop)
    await tap(bus)
    assert (await asked).status == "success"
    assert len(shop.approved()) == 1


async def test_a_doubt_is_settled_without_being_asked_once_the_gateway_answers(bus: Client, shop: Shop) -> None:
    gateway = FaultyGateway(shop.bank())
    gateway.loses_the_answer = gateway.settle_fails = True
    await shop.open(gateway, reconcile_s=0.02)
    asked = await waiting(bus, shop)
    await tap(bus)
    with pytest.raises(AskError, match="not known yet"):
        await asked
    gateway.settle_fails = False
    await shop.journal.reached(State.CAPTURED)
    assert (await bus.request(PAYMENT_PROCESS, order())).status == "success"
    assert gateway.charges_asked == 1


async def test_a_second_agent_on_the_same_journal_does_not_start(bus: Client, shop: Shop) -> None:
    await shop.open()
    second = shop.agent()
    with pytest.raises(JournalError, match="in use by another payment agent"):
        await second.connect()
    assert not second.ready
