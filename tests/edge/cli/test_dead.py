"""`kiosk bus dead` on a real server, with commands that really died."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from edge.bus import Client, EmbeddedServer, NATSAgentBase, does
from edge.bus.dead import graves
from edge.contract import menu, payment
from edge.contract.envelope import DEADLINE, REPLY_TO, NATSMessage
from edge.contract.subjects import MENU_SEARCH, PAYMENT_CANCEL, PAYMENT_PROCESS

from .conftest import Kiosk

QUERY = {"command": "search", "query": "soup"}


class Waiter(NATSAgentBase):
    """Counts what it is asked."""

    name = "menu"
    asked = 0

    @does(MENU_SEARCH)
    async def search(self, _: menu.Search) -> menu.SearchResult:
        self.asked += 1
        return menu.SearchResult(items=[])


class Till(NATSAgentBase):
    """Takes no payment at all."""

    name = "payment"

    @does(PAYMENT_CANCEL)
    async def cancel(self, _: payment.CancelPayment) -> payment.CancelResult:
        raise NotImplementedError


@pytest.fixture
async def waiter(nats_server: EmbeddedServer) -> AsyncIterator[Waiter]:
    agent = Waiter(nats_server.url)
    await agent.connect()
    yield agent
    await agent.close()


async def die(bus: Client, subject: str, payload: dict[str, object], records: int = 1) -> NATSMessage:
    """Ask what is too late already, and wait for its record."""
    ask = bus.message(payload)
    late = {REPLY_TO: bus.nc.new_inbox(), DEADLINE: "1000"}
    await bus.nc.publish(subject, ask.to_json().encode(), headers=late)
    async with asyncio.timeout(20):
        while len([grave async for grave in graves(bus)]) < records:
            await bus.settle()
    return ask


async def test_nothing_died(kiosk: Kiosk, nats_server: EmbeddedServer, bus: Client) -> None:
    done = await kiosk("bus", "dead", "--url", nats_server.url)
    assert (done.code, done.out.strip()) == (0, "nothing was given up on")


async def test_a_record_is_listed_shown_replayed_and_gone(
    kiosk: Kiosk, nats_server: EmbeddedServer, bus: Client, waiter: Waiter
) -> None:
    ask = await die(bus, MENU_SEARCH.subject, dict(QUERY))
    where = {"KIOSK_BUS_URL": nats_server.url}
    listed = await kiosk("bus", "dead", **where)
    assert listed.code == 0, listed.err
    assert MENU_SEARCH.subject in listed.out
    assert "after its deadline" in listed.out
    record = json.loads((await kiosk("bus", "dead", "--json", **where)).out)
    assert (record["reason"], record["agent"]) == ("expired", "menu")
    shown = json.loads((await kiosk("bus", "dead", "show", str(record["number"]), **where)).out)
    assert shown["message"] == vars(ask)
    assert waiter.asked == 0

    replayed = await kiosk("bus", "dead", "replay", str(record["number"]), **where)
    assert replayed.code == 0, replayed.err
    assert json.loads(replayed.out)["status"] == "success"
    assert waiter.asked == 1
    assert "nothing" in (await kiosk("bus", "dead", **where)).out


async def test_a_replay_that_nobody_answers_keeps_the_record(
    kiosk: Kiosk, nats_server: EmbeddedServer, bus: Client, waiter: Waiter
) -> None:
    await die(bus, MENU_SEARCH.subject, dict(QUERY))
    await waiter.close()
    done = await kiosk("bus", "dead", "replay", "1", KIOSK_BUS_URL=nats_server.url)
    assert done.code == 1
    assert "UNAVAILABLE" in done.err
    assert len([grave async for grave in graves(bus)]) == 1


async def test_a_payment_is_not_asked_again_without_a_word(
    kiosk: Kiosk, nats_server: EmbeddedServer, bus: Client
) -> None:
    till = Till(nats_server.url)
    await till.connect()
    await die(bus, PAYMENT_PROCESS.subject, {"command": "process_payment"})
    done = await kiosk("bus", "dead", "replay", "1", KIOSK_BUS_URL=nats_server.url)
    await till.close()
    assert done.code == 1
    assert "payment" in done.out + done.err
    assert len([grave async for grave in graves(bus)]) == 1


async def test_forgetting_wants_to_know_which(
    kiosk: Kiosk, nats_server: EmbeddedServer, bus: Client, waiter: Waiter
) -> None:
    for count in (1, 2, 3):
        await die(bus, MENU_SEARCH.subject, dict(QUERY), count)
    where = {"KIOSK_BUS_URL": nats_server.url}
    assert (await kiosk("bus", "dead", "forget", **where)).code == 2
    assert (await kiosk("bus", "dead", "forget", "77", **where)).code == 1
    assert (await kiosk("bus", "dead", "forget", "2", **where)).code == 0
    assert [grave.number async for grave in graves(bus)] == [1, 3]
    assert (await kiosk("bus", "dead", "forget", "--all", **where)).code == 0
    assert [grave.number async for grave in graves(bus)] == []
