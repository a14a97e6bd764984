"""Commands that were given up on: after a crash, too late, or claimed by nobody; and what is no dead letter."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from nats.aio.msg import Msg

from edge.bus import Client, EmbeddedServer
from edge.bus.dead import Undertaker, envelope_of, forget, graves
from edge.bus.deadline import Deadline
from edge.bus.streams import ensure_consumer
from edge.contract.dead import DeadCommand
from edge.contract.envelope import NATSMessage
from edge.contract.examples import ASKS
from edge.contract.streams import COMMANDS_STREAM, CONSUMERS, DEAD_STREAM
from edge.contract.subjects import COMMANDS, MENU_SEARCH, PAYMENT_PROCESS, PRINT_RECEIPT, Command
from tests.edge.bus.counting import PATIENCE_S, Tally, ask_of, connected, durable, emptied, outcome, plain, running
from tests.edge.bus.faults.processes import processes

ACK_WAIT_S = 0.6


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server redelivers after a moment, not after 5 and 30 s."""
    for wanted in CONSUMERS.values():
        monkeypatch.setitem(wanted, "ack_wait", int(ACK_WAIT_S * 1_000_000_000))


@contextlib.asynccontextmanager
async def undertaken(nats_url: str) -> AsyncIterator[Undertaker]:
    """An Undertaker at work, on a connection of its own."""
    async with connected(nats_url, "monitor") as client:
        undertaker = Undertaker(client)
        working = asyncio.create_task(undertaker.run())
        try:
            yield undertaker
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working


async def buried(bus: Client) -> list[DeadCommand]:
    return [grave.command async for grave in graves(bus)]


async def until_buried(bus: Client, count: int) -> list[DeadCommand]:
    """The records, once there are `count`."""
    async with asyncio.timeout(PATIENCE_S):
        while len(found := await buried(bus)) < count:
            await bus.settle()
    return found


async def left_to_bury(bus: Client) -> int:
    """How many of the server's own reports the Undertaker has still to deal with."""
    subjects = (await bus.js.stream_info(DEAD_STREAM["name"], subjects_filter="$JS.>")).state.subjects
    return sum((subjects or {}).values())


# -- an agent that dies at work ------------------------------------------------------------------------------------


async def test_a_command_whose_agent_was_killed_is_done_by_another(each_server: EmbeddedServer) -> None:
    url, tally = each_server.url, Tally()
    async with connected(url) as asker, processes(url, "menu", ack_wait_s=ACK_WAIT_S, hangs=True) as (victim,):
        asking = asyncio.create_task(asker.request(MENU_SEARCH, ask_of(MENU_SEARCH), timeout=PATIENCE_S))
        await victim.until_begun()
        async with running(url, tally, "menu"):
            await victim.kill()
            assert (await asking).status == "success"
            await emptied(asker)
            assert tally.begun == victim.begun


@pytest.mark.parametrize("command", [MENU_SEARCH, PRINT_RECEIPT], ids=lambda command: command.subject)
async def test_a_command_that_kills_its_agents_is_given_up_after_max_deliver(
    each_server: EmbeddedServer, command: Command[Any, Any]
) -> None:
    url, agent = each_server.url, command.done_by
    most = CONSUMERS[agent]["max_deliver"]
    async with (
        undertaken(url),
        connected(url) as asker,
        processes(url, agent, most + 1, ack_wait_s=ACK_WAIT_S, hangs=True) as crew,
    ):
        asking = asyncio.create_task(outcome(asker.request(command, ask_of(command), timeout=PATIENCE_S)))
        left = list(crew)
        for _ in range(most):
            begun = [asyncio.create_task(each.until_begun()) for each in left]
            await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
            for task in begun:
                task.cancel()
            (victim,) = [each for each in left if each.begun]
            left.remove(victim)
            await victim.kill()
        (record,) = await until_buried(asker, 1)
        assert (record.reason, record.deliveries, record.agent, record.subject) == (
            "given_up",
            most,
            agent,
            command.subject,
        )
        await emptied(asker)
        assert {msg_id for each in crew for msg_id in each.begun} == {envelope_of(record).msg_id}
        assert [each.begun for each in left] == [[]]
        asking.cancel()


async def test_a_payment_whose_agent_was_killed_is_never_done_again(each_server: EmbeddedServer) -> None:
    url, tally = each_server.url, Tally()
    async with (
        undertaken(url),
        connected(url) as asker,
        processes(url, "payment", ack_wait_s=ACK_WAIT_S, hangs=True) as (victim,),
    ):
        asking = asyncio.create_task(outcome(asker.request(PAYMENT_PROCESS, ask_of(PAYMENT_PROCESS), timeout=3)))
        await victim.until_begun()
        async with running(url, tally, "payment"):
            await victim.kill()
            (record,) = await until_buried(asker, 1)
            assert (record.reason, record.deliveries) == ("given_up", 1)
            assert envelope_of(record).payload["order_id"] == ASKS[PAYMENT_PROCESS.subject]["order_id"]
            await emptied(asker)
            await asker.request(PAYMENT_PROCESS, ask_of(PAYMENT_PROCESS))
            assert await asking == "TIMEOUT"
            assert len(tally.begun) == 1
            assert victim.begun == [envelope_of(record).msg_id]
            assert victim.begun != tally.begun


async def test_a_payment_alone_on_the_kiosk_is_given_up_when_its_agent_is_back(each_server: EmbeddedServer) -> None:
    """One instance of each agent, as kiosks have: nobody is there to take over."""
    url, tally = each_server.url, Tally()
    async with undertaken(url), connected(url) as asker:
        async with processes(url, "payment", ack_wait_s=ACK_WAIT_S, hangs=True) as (victim,):
            asking = asyncio.create_task(outcome(asker.request(PAYMENT_PROCESS, ask_of(PAYMENT_PROCESS), timeout=1)))
            await victim.until_begun()
            await victim.kill()
        assert await asking == "UNAVAILABLE"
        async with running(url, tally, "payment"):
            (record,) = await until_buried(asker, 1)
            assert (record.reason, record.deliveries) == ("given_up", 1)
            await emptied(asker)
        assert tally.begun == []


async def test_a_closing_agent_gives_back_what_it_did_not_begin(
    each_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONSUMERS["menu"], "ack_wait", 120_000_000_000)  # it isn't time that brings them back
    url, first, second = each_server.url, Tally(), Tally()
    async with connected(url) as asker:
        async with running(url, first, "menu", at_once=1) as (leaving,):
            first.hold.clear()
            asking = [
                asyncio.create_task(asker.request(MENU_SEARCH, ask_of(MENU_SEARCH), timeout=PATIENCE_S))
                for _ in range(5)
            ]
            await first.until(lambda: len(first.begun) == 1)
            async with asyncio.timeout(PATIENCE_S):
                while (await asker.js.consumer_info("KIOSK_COMMANDS", "menu-agent-consumer")).num_ack_pending < 5:
                    await asker.settle()
            first.hold.set()
            first.hold.clear()  # the first ends; the next begins and is held
            await first.until(lambda: len(first.begun) == 2)
            async with running(url, second, "menu"):
                await leaving.close()
                await asyncio.gather(*asking)
                await emptied(asker)
        assert len(first.ended) == 1
        # What was held in the middle is begun again elsewhere (at least once); what had not begun, begins once.
        assert set(second.begun) & set(first.begun) == {first.begun[1]}
        assert len(second.begun) == len(set(second.begun)) == 4


# -- too late, or nobody there -------------------------------------------------------------------------------------


async def test_a_command_that_nobody_took_is_unclaimed(each_server: EmbeddedServer) -> None:
    async with connected(each_server.url, "monitor") as bus:
        undertaker = Undertaker(bus)
        asks = []
        for command in COMMANDS:
            ask = NATSMessage.create(bus.session_id, ASKS[command.subject])
            asks.append(ask)
            await bus.nc.publish(
                command.subject, ask.to_json().encode(), headers=durable("nowhere", Deadline.within(-1))
            )
        young = NATSMessage.create(bus.session_id, ASKS[MENU_SEARCH.subject])
        await bus.nc.publish(
            MENU_SEARCH.subject, young.to_json().encode(), headers=durable("nowhere", Deadline.within(60))
        )
        await bus.nc.publish(MENU_SEARCH.subject, young.to_json().encode())  # live: no dead letter, ever
        await bus.settle()
        assert await undertaker.sweep() == 0  # all are young yet
        assert await undertaker.sweep(older_than_s=0) == len(COMMANDS)
        assert await undertaker.sweep(older_than_s=0) == 0
        found = await buried(bus)
        assert {record.reason for record in found} == {"unclaimed"}
        assert [(record.subject, record.agent) for record in found] == [(c.subject, c.done_by) for c in COMMANDS]
        assert [envelope_of(record) for record in found] == asks
        assert (await bus.js.stream_info(COMMANDS_STREAM["name"])).state.messages == 2


async def test_a_record_belongs_to_the_commands_session_and_trace(bus: Client) -> None:
    ask = NATSMessage.create("3f8c9a8e-2f5f-4b7e-9d2c-0a4b1c2d3e4f", ASKS[MENU_SEARCH.subject])
    await bus.nc.publish(MENU_SEARCH.subject, ask.to_json().encode(), headers=durable("nowhere", Deadline.within(-1)))
    await bus.settle()
    async with running(bus.url, Tally(), "menu"):
        (record,) = await until_buried(bus, 1)
    stored = NATSMessage.from_json((await bus.js.get_last_msg(DEAD_STREAM["name"], "kiosk.dead.menu")).data or b"")
    assert (stored.session_id, stored.trace_id) == (ask.session_id, ask.trace_id)
    assert record.reason == "expired"
    (grave,) = [grave async for grave in graves(bus)]
    await forget(bus, grave.number)
    assert await buried(bus) == []


# -- what is no dead letter ----------------------------------------------------------------------------------------


async def test_a_live_askers_copy_that_nobody_acknowledged_is_cleared_away(each_server: EmbeddedServer) -> None:
    """Its asker was answered, or timed out, where it asked: there is nothing to replay."""
    url = each_server.url
    got: asyncio.Queue[Msg] = asyncio.Queue()
    async with undertaken(url), connected(url) as asker, plain(url) as forgetful, plain(url) as stranger:
        await ensure_consumer(asker.js, "menu")
        wanted = CONSUMERS["menu"]
        await forgetful.subscribe(wanted["deliver_subject"], queue=wanted["deliver_group"], cb=got.put)
        await forgetful.flush()
        await stranger.publish(MENU_SEARCH.subject, json.dumps({"payload": ASKS[MENU_SEARCH.subject]}).encode())
        for _ in range(wanted["max_deliver"]):
            await asyncio.wait_for(got.get(), PATIENCE_S)
        await emptied(asker)
        async with asyncio.timeout(PATIENCE_S):
            while await left_to_bury(asker):
                await asker.settle()
        assert await buried(asker) == []


async def test_a_report_from_before_a_restart_buries_nothing_that_came_after(nats_server: EmbeddedServer) -> None:
    """KIOSK_COMMANDS is memory and counts from one again; the reports are on the disk, and name a number."""
    tally = Tally()
    async with connected(nats_server.url) as asker:
        async with processes(nats_server.url, "payment", ack_wait_s=ACK_WAIT_S, hangs=True) as (victim,):
            asking = asyncio.create_task(outcome(asker.request(PAYMENT_PROCESS, ask_of(PAYMENT_PROCESS), timeout=1)))
            await victim.until_begun()
            await victim.kill()
            await asking
        async with running(nats_server.url, tally, "payment"):
            async with asyncio.timeout(PATIENCE_S):
                while not await left_to_bury(asker):
                    await asker.settle()
    await nats_server.kill()
    await nats_server.start()
    async with connected(nats_server.url) as asker, running(nats_server.url, tally, "payment"):
        tally.hold.clear()
        asking = asyncio.create_task(outcome(asker.request(PAYMENT_PROCESS, ask_of(PAYMENT_PROCESS))))
        await tally.until(lambda: len(tally.begun) == 1)
        async with undertaken(nats_server.url):
            (record,) = await until_buried(asker, 1)
            async with asyncio.timeout(PATIENCE_S):
                while await left_to_bury(asker):
                    await asker.settle()
        assert record.message is None, "a command at work was recorded as dead"
        assert (await asker.js.stream_info(COMMANDS_STREAM["name"])).state.messages == 1
        tally.hold.set()
        assert await asking == "success"
