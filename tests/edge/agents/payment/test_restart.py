"""What a crash leaves behind: settled by asking the gateway, never by charging again."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

from edge.agents.payment import agent as module
from edge.agents.payment.journal import JournalError
from edge.bus import Client
from edge.contract.errors import AskError
from edge.contract.subjects import PAYMENT_PROCESS
from tests.edge.agents.payment.dying import WHENS
from tests.edge.agents.payment.shop import FaultyGateway, Shop, order, tap
from tests.edge.agents.payment.test_agent import asking, waiting


async def die(bus: Client, shop: Shop, when: str) -> None:
    """An agent in a process of its own takes an order and is killed at `when`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.edge.agents.payment.dying",
        shop.nats_url,
        str(shop.folder),
        when,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"ready\n"
        asked = asking(bus, order(loyalty_card="LOYALTY123"))
        async with asyncio.timeout(20):
            while when != "waiting" and process.returncode is None:
                await tap(bus)
                await asyncio.wait([asyncio.ensure_future(process.wait())], timeout=0.05)
            await process.wait()
        asked.cancel()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("when", WHENS)
async def test_after_a_kill_the_customer_has_paid_once_or_not_at_all(bus: Client, shop: Shop, when: str) -> None:
    await die(bus, shop, when)
    charged = when == "after the charge"
    assert shop.states() == ["waiting" if when == "waiting" else "charging"]
    assert len(shop.approved()) == (1 if charged else 0)
    gateway = FaultyGateway(shop.bank())
    await shop.open(gateway)
    assert shop.states() == ["paid" if charged else "not_charged"]
    asked = asking(bus, order(loyalty_card="LOYALTY123"))
    if not charged:
        await shop.journal.next_begun()
        await tap(bus)
    paid = await asked
    assert (paid.status, paid.loyalty_points_earned) == ("success", 26)
    assert paid.receipt_url is not None
    assert gateway.charges_asked == (0 if charged else 1)
    assert len(shop.approved()) == 1


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
    assert shop.states() == ["charging"]

    away = FaultyGateway(shop.bank())
    away.lookup_fails = True
    agent = await shop.open(away)  # starts all the same
    with pytest.raises(AskError, match="not known yet"):
        await bus.request(PAYMENT_PROCESS, order())
    await agent.close()

    await shop.open()
    assert shop.states() == ["paid"]
    assert (await bus.request(PAYMENT_PROCESS, order())).status == "success"
    assert len(shop.approved()) == 1


async def test_a_gateway_that_hangs_is_looked_up(bus: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GATEWAY_LIMIT_S", 0.2)
    gateway = FaultyGateway(shop.bank())
    gateway.hangs_after_charging = True
    await shop.open(gateway)
    asked = await waiting(bus, shop)
    await tap(bus)
    assert (await asked).status == "success"
    assert len(shop.approved()) == 1


async def test_a_second_agent_on_the_same_journal_does_not_start(bus: Client, shop: Shop) -> None:
    await shop.open()
    second = shop.agent()
    with pytest.raises(JournalError, match="in use by another payment agent"):
        await second.connect()
    assert not second.ready
