"""A server that is started late, killed, or hangs. Twenty kills under load are proofs/kills.py."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from edge.bus import Client, EmbeddedServer
from edge.bus import client as bus_client
from edge.bus.streams import ensure_consumer, ensure_streams
from edge.contract.envelope import NATSMessage
from edge.contract.examples import ASKS
from edge.contract.streams import COMMANDS_STREAM, CONSUMERS, STREAMS
from edge.contract.subjects import MENU_SEARCH, PAYMENT_PROCESS, PERSON_DETECTED, PERSON_LEFT, Command
from edge.contract.vision import PersonDetected, PersonLeft
from tests.edge.bus.counting import (
    PATIENCE_S,
    Tally,
    ask_of,
    connected,
    counting,
    durable,
    emptied,
    outcome,
    running,
)


async def test_agents_started_before_the_server_wait_for_it(tmp_path: Path) -> None:
    server, tally = EmbeddedServer(tmp_path / "nats"), Tally()
    await server.start()
    await server.stop()  # its address is known now, and nobody is there
    agents = [counting(name, server.url, tally) for name in CONSUMERS]
    connecting = [asyncio.create_task(agent.connect()) for agent in agents]
    await asyncio.wait(connecting, timeout=0.3)
    assert not any(task.done() for task in connecting)
    await server.start()
    try:
        await asyncio.wait_for(asyncio.gather(*connecting), PATIENCE_S)
        async with connected(server.url) as asker:
            await asker.request(MENU_SEARCH, ask_of(MENU_SEARCH))
        assert len(tally.begun) == 1
    finally:
        await asyncio.gather(*(agent.close() for agent in agents))
        await server.stop()


async def test_many_that_come_together_make_the_streams_once(each_server: EmbeddedServer) -> None:
    """What a stream being made reserves is no reason for the others to think that there is no room for it."""
    clients = [Client(each_server.url, name=f"client{number}") for number in range(8)]
    await asyncio.gather(*(client.connect(wait_s=10) for client in clients))
    try:
        await asyncio.gather(*(ensure_streams(client.js) for client in clients))
        await asyncio.gather(*(ensure_consumer(client.js, "menu") for client in clients))
        assert {info.config.name for info in await clients[0].js.streams_info()} == {
            stream["name"] for stream in STREAMS
        }
    finally:
        await asyncio.gather(*(client.close() for client in clients))


async def test_a_killed_server_takes_what_it_held_and_nothing_is_done_twice(each_server: EmbeddedServer) -> None:
    """One command at work, one waiting behind it, one whose agent is down; all were in the server's memory."""
    tally = Tally()
    tally.hold.clear()
    async with running(each_server.url, tally, "menu", at_once=1), connected(each_server.url) as asker:
        for _ in range(20):
            await asker.publish(PERSON_DETECTED, PersonDetected())
        asking = [
            asyncio.create_task(outcome(asker.request(MENU_SEARCH, ask_of(MENU_SEARCH), timeout=PATIENCE_S)))
            for _ in range(2)
        ]
        orphan = NATSMessage.create(asker.session_id, ASKS[PAYMENT_PROCESS.subject])
        await asker.nc.publish(PAYMENT_PROCESS.subject, orphan.to_json().encode(), headers=durable("nowhere", None))
        await tally.until(lambda: len(tally.begun) == 1)
        async with asyncio.timeout(PATIENCE_S):
            while (await asker.js.stream_info(COMMANDS_STREAM["name"])).state.messages < 3:
                await asker.settle()
        await each_server.kill()
        await each_server.start()
        async with asyncio.timeout(PATIENCE_S):
            while not asker.connected:
                await asker.wait_for_reconnect(0.05)
        tally.hold.set()
        # Both were in the agent's hands already: it ends them, and the answers find their asker.
        assert await asyncio.gather(*asking) == ["success", "success"]
        async with running(each_server.url, tally, "payment"):
            await asker.request(PAYMENT_PROCESS, ask_of(PAYMENT_PROCESS))
            await asker.request(MENU_SEARCH, ask_of(MENU_SEARCH), timeout=PATIENCE_S)
            await emptied(asker)
        assert not tally.twice
        assert len(tally.begun) == 4
        assert orphan.msg_id not in tally.begun  # KIOSK_COMMANDS is memory (section 4.2)
        assert len([message async for message in asker.stored()]) == 20  # KIOSK_EVENTS is not


async def test_one_speakers_events_keep_their_order_across_a_kill(
    each_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_client, "_PUBLISH_TIMEOUT_S", 0.5)  # after which what was on its way is sent again
    async with connected(each_server.url) as speaker:
        said: list[float] = []

        async def speak() -> None:
            for number in range(200):
                await speaker.publish(PERSON_LEFT, PersonLeft(duration_seconds=number))
                said.append(number)

        speaking = asyncio.create_task(speak())
        async with asyncio.timeout(PATIENCE_S):
            while len(said) < 50:
                await speaker.settle()
        await each_server.kill()
        await each_server.start()
        await asyncio.wait_for(speaking, PATIENCE_S)
        stored = [message.payload["duration_seconds"] async for message in speaker.stored()]
    assert stored == said == [float(number) for number in range(200)]


async def test_an_asker_hears_in_time_that_the_server_is_away(nats_server: EmbeddedServer) -> None:
    tally = Tally()
    async with running(nats_server.url, tally, "menu"), connected(nats_server.url) as asker:
        await asker.request(MENU_SEARCH, ask_of(MENU_SEARCH))
        await nats_server.kill()
        began_s = time.monotonic()
        asks = [outcome(asker.request(MENU_SEARCH, ask_of(MENU_SEARCH), timeout=0.5)) for _ in range(10)]
        asks += [outcome(asker.request(MENU_SEARCH.subject, ASKS[MENU_SEARCH.subject], timeout=0.5)) for _ in range(10)]
        assert set(await asyncio.gather(*asks)) <= {"UNAVAILABLE", "TIMEOUT"}
        assert time.monotonic() - began_s < 10
        await nats_server.start()
        async with asyncio.timeout(PATIENCE_S):
            while await outcome(asker.request(MENU_SEARCH, ask_of(MENU_SEARCH), timeout=1)) != "success":
                pass
        await emptied(asker)
        assert not tally.twice


@pytest.mark.parametrize("command", [MENU_SEARCH, PAYMENT_PROCESS], ids=lambda command: command.subject)
async def test_a_server_that_hangs_makes_nothing_be_done_twice(
    each_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, command: Command[Any, Any]
) -> None:
    """Stopped for longer than ack_wait, it gives out again what was acknowledged meanwhile: to the same instance."""
    ack_wait_s = 0.4
    monkeypatch.setitem(CONSUMERS[command.done_by], "ack_wait", int(ack_wait_s * 1_000_000_000))
    tally = Tally()
    tally.hold.clear()
    async with running(each_server.url, tally, command.done_by), connected(each_server.url) as asker:
        asking = [asyncio.create_task(asker.request(command, ask_of(command), timeout=PATIENCE_S)) for _ in range(20)]
        await tally.until(lambda: len(tally.begun) == 20)
        process = each_server._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        try:
            tally.hold.set()  # answers and acknowledgements pile up before the server's door
            await tally.until(lambda: len(tally.ended) == 20)
            assert await outcome(asker.request(command, ask_of(command), timeout=2 * ack_wait_s)) in {
                "TIMEOUT",
                "UNAVAILABLE",
            }
        finally:
            process.send_signal(signal.SIGCONT)
        for answer in await asyncio.gather(*asking):
            assert answer.status == "success"
        await emptied(asker)
        assert not tally.twice
