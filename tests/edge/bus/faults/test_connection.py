"""A connection that is cut, stalls, or is thrown out by the server; agents come back for ever."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from pathlib import Path
from typing import Any

import pytest
from nats.aio.msg import Msg

from edge.bus import EmbeddedServer, connection
from edge.bus import client as bus_client
from edge.bus.dead import graves
from edge.contract.envelope import NATSMessage
from edge.contract.examples import ASKS
from edge.contract.streams import CONSUMERS
from edge.contract.subjects import MENU_SEARCH, PAYMENT_PROCESS, PERSON_DETECTED, PRINT_RECEIPT, Command
from edge.contract.vision import PersonDetected
from tests.edge.bus.counting import PATIENCE_S, Counting, Tally, ask_of, connected, emptied, outcome, plain, running
from tests.edge.bus.faults.proxy import Proxy

FLOOD_CHUNK = 256 * 1024


async def until_connected(agent: Counting, *, connected: bool = True) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while agent.client.connected != connected:
            await agent.client.wait_for_reconnect(0.02)


@pytest.mark.usefixtures("specified_pace")
async def test_the_connection_has_the_settings_of_section_2_3(nats_server: EmbeddedServer) -> None:
    async with running(nats_server.url, Tally(), "menu") as (agent,):
        options = agent.nc.options
        assert (options["reconnect_time_wait"], options["max_reconnect_attempts"]) == (2, -1)
        assert (options["allow_reconnect"], options["connect_timeout"]) == (True, 5)


async def test_an_attempt_that_fails_leaves_no_connection_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tunnel whose far end goes down: it takes connections, and says nothing more."""
    monkeypatch.setattr(connection, "RECONNECT_WAIT_S", 0.005)
    greeted, left = asyncio.Event(), asyncio.Event()

    async def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if greeted.is_set():
            writer.write_eof()
            await reader.read()
            left.set()
        else:
            writer.write(b'INFO {"server_id": "it", "version": "2.10.26", "max_payload": 1048576}\r\n')
            await reader.readuntil(b"PING\r\n")
            writer.write(b"PONG\r\n")
            await writer.drain()
            await greeted.wait()
        writer.close()

    gc.disable()  # it would close them some day
    try:
        async with await asyncio.start_server(taken, "127.0.0.1", 0) as server:
            nc = await connection.connect(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}", name="menu")
            greeted.set()
            async with asyncio.timeout(PATIENCE_S):
                await left.wait()
            await nc.close()
    finally:
        gc.enable()


async def test_an_agent_never_gives_up_on_its_server(
    nats_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nats-py's own default ends after 60 tries."""
    monkeypatch.setattr(connection, "RECONNECT_WAIT_S", 0.005)
    tally = Tally()
    async with running(nats_server.url, tally, "menu") as (agent,):
        await nats_server.kill()
        (server,) = agent.nc._server_pool
        async with asyncio.timeout(PATIENCE_S):
            while server.reconnects < 65:
                await agent.client.wait_for_reconnect(0.02)
        await nats_server.start()
        await until_connected(agent)
        async with connected(nats_server.url) as asker:
            await asker.request(MENU_SEARCH, ask_of(MENU_SEARCH), timeout=PATIENCE_S)
    assert len(tally.begun) == 1


@pytest.mark.parametrize("command", [MENU_SEARCH, PAYMENT_PROCESS], ids=lambda command: command.subject)
async def test_a_command_at_work_survives_a_cut_and_is_answered_once(
    each_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, command: Command[Any, Any]
) -> None:
    monkeypatch.setitem(CONSUMERS["menu"], "ack_wait", 500_000_000)  # so that it comes again while it is at work
    tally = Tally()
    tally.hold.clear()
    async with (
        Proxy.before(each_server.url) as proxy,
        running(proxy.url, tally, command.done_by) as (agent,),
        connected(each_server.url) as asker,
    ):
        asking = asyncio.create_task(asker.request(command, ask_of(command), timeout=PATIENCE_S))
        await tally.until(lambda: len(tally.begun) == 1)
        for _ in range(3):
            before = agent.nc.stats["reconnects"]
            await proxy.cut()
            async with asyncio.timeout(PATIENCE_S):
                while agent.nc.stats["reconnects"] == before:
                    await agent.client.wait_for_reconnect(0.02)
            await until_connected(agent)
        tally.hold.set()
        assert (await asking).status == "success"
        await emptied(asker)
        assert len(tally.begun) == 1
        assert [grave async for grave in graves(asker)] == []


async def test_a_command_that_comes_again_while_it_is_at_work_is_not_begun_again(
    each_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server hears nothing of the agent for longer than ack_wait; the agent hears the server."""
    monkeypatch.setitem(CONSUMERS["menu"], "ack_wait", 300_000_000)
    tally = Tally()
    tally.hold.clear()
    async with (
        Proxy.before(each_server.url) as proxy,
        running(proxy.url, tally, "menu"),
        connected(each_server.url) as asker,
    ):
        asking = asyncio.create_task(asker.request(MENU_SEARCH, ask_of(MENU_SEARCH), timeout=PATIENCE_S))
        await tally.until(lambda: len(tally.begun) == 1)
        proxy.to_server.clear()
        async with asyncio.timeout(PATIENCE_S):
            while not (await asker.js.consumer_info("KIOSK_COMMANDS", "menu-agent-consumer")).num_redelivered:
                await asker.settle()
        proxy.go_on()
        tally.hold.set()
        assert (await asking).status == "success"
        await emptied(asker)
        assert len(tally.begun) == 1


async def test_an_answer_lost_with_the_connection_is_said_again_not_done_again(
    nats_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CONSUMERS["menu"], "ack_wait", 500_000_000)
    tally = Tally()
    tally.hold.clear()
    async with (
        Proxy.before(nats_server.url) as proxy,
        running(proxy.url, tally, "menu"),
        connected(nats_server.url) as asker,
    ):
        asking = asyncio.create_task(asker.request(MENU_SEARCH, ask_of(MENU_SEARCH), timeout=PATIENCE_S))
        await tally.until(lambda: len(tally.begun) == 1)
        proxy.to_server.clear()  # answer and acknowledgement get this far
        tally.hold.set()
        await tally.until(lambda: len(tally.ended) == 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asking), 0.2)
        await proxy.cut()
        proxy.go_on()
        assert (await asking).status == "success"
        await emptied(asker)
        assert len(tally.begun) == 1


async def test_an_asker_that_is_cut_off_hears_so_in_time_and_asks_again(nats_server: EmbeddedServer) -> None:
    tally = Tally()
    tally.hold.clear()
    async with (
        Proxy.before(nats_server.url) as proxy,
        running(nats_server.url, tally, "hardware"),
        connected(proxy.url) as asker,
    ):
        asking = asyncio.create_task(outcome(asker.request(PRINT_RECEIPT, ask_of(PRINT_RECEIPT), timeout=1)))
        await tally.until(lambda: len(tally.begun) == 1)
        proxy.stall()
        tally.hold.set()
        await tally.until(lambda: len(tally.ended) == 1)
        assert await asking in {"TIMEOUT", "UNAVAILABLE"}
        proxy.go_on()
        await proxy.cut()
        await asker.request(PRINT_RECEIPT, ask_of(PRINT_RECEIPT), timeout=PATIENCE_S)
        assert len(tally.begun) == 2


async def test_what_is_asked_while_cut_off_is_not_done_after_its_asker_left(nats_server: EmbeddedServer) -> None:
    tally = Tally()
    async with (
        Proxy.before(nats_server.url) as proxy,
        running(nats_server.url, tally, "hardware"),
        connected(proxy.url) as asker,
    ):
        await asker.request(PRINT_RECEIPT, ask_of(PRINT_RECEIPT))
        proxy.stall()  # new connections hang as well
        await proxy.cut()
        async with asyncio.timeout(PATIENCE_S):
            while asker.connected:
                await asker.wait_for_reconnect(0.02)
        asks = [outcome(asker.request(PRINT_RECEIPT, ask_of(PRINT_RECEIPT), timeout=0.2)) for _ in range(3)]
        asks.append(
            outcome(asker.request(PRINT_RECEIPT.subject, ASKS[PRINT_RECEIPT.subject], timeout=0.2)),
        )
        assert set(await asyncio.gather(*asks)) == {"UNAVAILABLE"}
        proxy.go_on()
        await asker.request(PRINT_RECEIPT, ask_of(PRINT_RECEIPT), timeout=PATIENCE_S)
        await emptied(asker)
        assert len(tally.begun) == 2


async def test_an_event_whose_acknowledgement_was_cut_off_is_stored_once(
    each_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent twice with one msg_id; the stream keeps one. Whoever listens beside the stream hears both."""
    monkeypatch.setattr(bus_client, "_PUBLISH_TIMEOUT_S", 0.5)
    heard: list[str] = []

    async def on_event(msg: Msg) -> None:
        heard.append(NATSMessage.from_json(msg.data).msg_id)

    async with (
        connected(each_server.url, "witness") as witness,
        Proxy.before(each_server.url) as proxy,
        connected(proxy.url) as speaker,
    ):
        await witness.nc.subscribe(PERSON_DETECTED.subject, cb=on_event)
        await witness.settle()
        proxy.to_client.clear()
        publishing = asyncio.create_task(speaker.publish(PERSON_DETECTED, PersonDetected()))
        async with asyncio.timeout(PATIENCE_S):
            while not [message async for message in witness.stored()]:
                await witness.settle()
        assert not publishing.done()
        await proxy.cut()
        proxy.go_on()
        await asyncio.wait_for(publishing, PATIENCE_S)
        await witness.settle()
        (stored,) = [message async for message in witness.stored()]
        assert heard == [stored.msg_id, stored.msg_id]


async def unacknowledged(nats_url: str) -> str:
    """What a publish says whose acknowledgement never comes; the next one goes through."""
    async with Proxy.before(nats_url) as proxy, connected(proxy.url) as speaker:
        proxy.stall()
        try:
            with pytest.raises(connection.PublishFailed) as failed:
                await speaker.publish(PERSON_DETECTED, PersonDetected())
        finally:
            proxy.go_on()
        await speaker.publish(PERSON_DETECTED, PersonDetected())
        return str(failed.value)


async def test_a_publish_that_is_never_acknowledged_says_so(
    nats_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_client, "_PUBLISH_TIMEOUT_S", 0.1)
    assert f"{PERSON_DETECTED.subject} was not acknowledged" in await unacknowledged(nats_server.url)


async def test_a_publish_that_is_never_acknowledged_says_why(
    nats_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_client, "_PUBLISH_TIMEOUT_S", 0.1)
    assert (await unacknowledged(nats_server.url)).endswith("no answer")


class Strict(EmbeddedServer):
    """Cuts off whoever leaves a megabyte unread."""

    def _config(self) -> str:
        return super()._config() + 'max_pending: 1MB\nwrite_deadline: "300ms"\n'


async def test_a_slow_consumer_is_thrown_out_and_comes_back(tmp_path: Path) -> None:
    tally = Tally()
    async with (
        Strict(tmp_path / "nats") as server,
        Proxy.before(server.url) as proxy,
        running(proxy.url, tally, "menu") as (agent,),
        connected(server.url) as asker,
    ):

        async def ignore(_: Msg) -> None:
            """It is the proxy that doesn't read."""

        await agent.nc.subscribe("flood", cb=ignore)
        await agent.client.settle()
        connections = proxy.connections
        proxy.to_client.clear()
        log = tmp_path / "nats" / "nats-server.log"
        async with asyncio.timeout(PATIENCE_S):
            while "Slow Consumer" not in log.read_text(encoding="utf-8"):
                await asker.nc.publish("flood", bytes(FLOOD_CHUNK))
                await asker.settle()
        proxy.to_client.set()
        async with asyncio.timeout(PATIENCE_S):
            while proxy.connections == connections:
                await agent.client.wait_for_reconnect(0.02)
        await until_connected(agent)
        await asker.request(MENU_SEARCH, ask_of(MENU_SEARCH), timeout=PATIENCE_S)
        async with plain(server.url) as stranger:
            ask = json.dumps({"payload": ASKS[MENU_SEARCH.subject]}).encode()
            with contextlib.suppress(TimeoutError):
                await stranger.request(MENU_SEARCH.subject, ask, timeout=PATIENCE_S)
        await emptied(asker)
        assert len(tally.begun) == 2
