"""The monitor on a real server, with real agents that really die."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from time import perf_counter

import pytest
from nats.js import JetStreamContext

from edge.bus import Client, EmbeddedServer, NATSAgentBase, does
from edge.bus.keys import key_path, make_keys
from edge.bus.latency import ASKER, DURABLE, SUCCESS
from edge.bus.streams import ensure_streams
from edge.contract import menu
from edge.contract.streams import COMMANDS_STREAM, CONSUMERS, EVENTS_STREAM, STREAMS
from edge.contract.subjects import AGENTS, DEAD, MENU_SEARCH, PAYMENT_PROCESS
from edge.monitor import Monitor

from .conftest import PATIENCE_S, Watching
from .test_metrics import samples, value

ONLY_MENU = {"expected": ("menu",)}
Start = Callable[[EmbeddedServer], Awaitable[asyncio.subprocess.Process]]


class Waiter(NATSAgentBase):
    """Has nothing but soup."""

    name = "menu"

    @does(MENU_SEARCH)
    async def search(self, ask: menu.Search) -> menu.SearchResult:
        return menu.SearchResult(items=[])


@pytest.fixture
async def waiter(nats_server: EmbeddedServer) -> AsyncIterator[Waiter]:
    agent = Waiter(nats_server.url)
    await agent.connect()
    yield agent
    await agent.close()


@pytest.fixture
async def menu_process(tmp_path: Path) -> AsyncIterator[Start]:
    """The menu agent in a process of its own, as `kiosk run` makes it."""
    started: list[asyncio.subprocess.Process] = []

    async def start(server: EmbeddedServer) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge", "run", "menu", "--url", server.url, "--data-dir", str(tmp_path / "data")),
            stdout=asyncio.subprocess.PIPE,
        )
        started.append(process)
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while b"menu is up" not in await process.stdout.readline():
                assert process.returncode is None
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Counted:
    """A coroutine function that says when it was called `often` enough."""

    def __init__(self, work: Callable[..., Awaitable[None]], enough: int) -> None:
        self._work = work
        self._left = enough
        self.often = asyncio.Event()

    async def __call__(self, *args: object, **options: object) -> None:
        self._left -= 1
        if self._left <= 0:
            self.often.set()
        await self._work(*args, **options)


async def test_an_empty_server_gets_streams_and_queues(each_server: EmbeddedServer, watching: Watching) -> None:
    watched = await watching(each_server)
    await asyncio.wait_for(watched.monitor.set_up(), PATIENCE_S)
    client = watched.monitor.client
    for stream in STREAMS:
        await client.js.stream_info(stream["name"])
    for wanted in CONSUMERS.values():
        await client.js.consumer_info(COMMANDS_STREAM["name"], wanted["durable_name"])
    status, body = await watched.json("/healthz/streams")
    assert (status, body["problems"]) == (200, [])
    assert set(body["streams"]) == {stream["name"] for stream in STREAMS}


async def test_metrics_of_a_real_server(each_server: EmbeddedServer, watching: Watching) -> None:
    watched = await watching(each_server, **ONLY_MENU)
    agent = Waiter(each_server.url)
    await agent.connect()
    asker = Waiter(each_server.url)  # agents publish what they asked, too
    await asker.connect()
    await asker.request(MENU_SEARCH, menu.Search(query="soup"))
    await watched.until("/healthz", lambda status, _: status == 200)
    labels = {"agent": "menu", "command": MENU_SEARCH.subject, "way": "durable", "outcome": "success"}
    async with asyncio.timeout(PATIENCE_S):
        while True:
            status, text = await watched.get("/metrics")
            found = samples(text.encode())
            if value(found, "kiosk_agent_latency_ms_count", seen_by="agent", **labels):
                break
    assert status == 200
    assert value(found, "kiosk_agent_latency_ms_count", seen_by="agent", **labels) == 1
    assert value(found, "kiosk_agent_latency_ms_count", seen_by="asker", **labels) == 1
    assert value(found, "kiosk_agent_up", agent="menu") == 1
    assert value(found, "kiosk_agent_instances", agent="menu") == 2
    assert value(found, "nats_up") == value(found, "kiosk_healthy") == value(found, "nats_server_healthy") == 1
    assert (value(found, "nats_msgs_received") or 0) > 0
    assert value(found, "nats_slow_consumers") == 0
    assert (value(found, "nats_jetstream_limit_bytes", store="file")) == 2**30
    assert (value(found, "nats_server_in_msgs_total") or 0) > 0
    assert value(found, "kiosk_stream_up", stream=EVENTS_STREAM["name"]) == 1
    assert value(found, "kiosk_consumer_up", agent="menu") == 1
    assert value(found, "kiosk_dead_letters", agent="menu") == 0
    await asker.close()
    await agent.close()


async def test_a_killed_agent_makes_the_kiosk_unhealthy(
    nats_server: EmbeddedServer, watching: Watching, menu_process: Start
) -> None:
    watched = await watching(nats_server, **ONLY_MENU)
    process = await menu_process(nats_server)
    await watched.until("/healthz", lambda status, _: status == 200)
    assert (await watched.json("/healthz/agents/menu"))[1]["instances"][0]["version"] == "1.0.0"
    process.kill()
    body = await watched.until("/healthz", lambda status, _: status == 503)
    assert body["problems"] == ["menu is not running"]
    status, body = await watched.json("/healthz/agents/menu")
    assert (status, body["presence"]) == (503, "down")
    assert (await watched.json("/healthz/server"))[0] == (await watched.json("/healthz/streams"))[0] == 200
    assert value(samples((await watched.get("/metrics"))[1].encode()), "kiosk_agent_up", agent="menu") == 0
    await menu_process(nats_server)
    await watched.until("/healthz", lambda status, _: status == 200)


async def test_a_frozen_agent_does_not_count_as_up(
    nats_server: EmbeddedServer, watching: Watching, menu_process: Start
) -> None:
    watched = await watching(nats_server, **ONLY_MENU)
    process = await menu_process(nats_server)
    await watched.until("/healthz", lambda status, _: status == 200)
    os.kill(process.pid, signal.SIGSTOP)
    body = await watched.until("/healthz", lambda status, _: status == 503)
    assert body["problems"] == ["menu is there, but does not answer"]
    os.kill(process.pid, signal.SIGCONT)
    await watched.until("/healthz", lambda status, _: status == 200)


async def test_unknown_parts_and_agents_are_404(nats_server: EmbeddedServer, watching: Watching) -> None:
    watched = await watching(nats_server)
    for path in ("/healthz/kitchen", "/healthz/agents/cook"):
        status, body = await watched.json(path)
        assert status == 404
        assert "there are: " in body["problems"][0]
    status, body = await watched.json("/healthz/agents")
    assert status == 503
    assert set(body["agents"]) == set(AGENTS)


async def test_a_dead_server_is_503_and_its_return_is_seen(each_server: EmbeddedServer, watching: Watching) -> None:
    watched = await watching(each_server, expected=())
    await watched.until("/healthz", lambda status, _: status == 200)
    await each_server.kill()
    body = await watched.until("/healthz", lambda status, _: status == 503)
    assert "no NATS server answers" in body["server"]["problems"][0]
    status, text = await watched.get("/metrics")
    assert (status, value(samples(text.encode()), "nats_up")) == (200, 0)
    await each_server.start()
    # KIOSK_COMMANDS was in memory: healthy means that it is there again, with its queues.
    await watched.until("/healthz", lambda status, _: status == 200)
    await watched.monitor.client.js.consumer_info(COMMANDS_STREAM["name"], CONSUMERS["payment"]["durable_name"])


async def test_it_may_start_before_the_server(
    nats_server: EmbeddedServer, watching: Watching, caplog: pytest.LogCaptureFixture
) -> None:
    await nats_server.kill()
    watched = await watching(nats_server, expected=())
    assert (await watched.json("/healthz"))[0] == 503
    await nats_server.start()
    await asyncio.wait_for(watched.monitor.set_up(), PATIENCE_S)
    await watched.until("/healthz", lambda status, _: status == 200)


async def test_a_stream_that_vanishes_or_drifts_is_mended(nats_server: EmbeddedServer, watching: Watching) -> None:
    watched = await watching(nats_server, expected=())
    await asyncio.wait_for(watched.monitor.set_up(), PATIENCE_S)
    js = watched.monitor.client.js
    await js.delete_stream(COMMANDS_STREAM["name"])
    config = (await js.stream_info(EVENTS_STREAM["name"])).config
    config.max_msgs = 5
    await js.update_stream(config)
    await watched.until("/healthz/streams", lambda status, _: status == 200)
    async with asyncio.timeout(PATIENCE_S):
        while (await js.stream_info(EVENTS_STREAM["name"])).config.max_msgs != EVENTS_STREAM["max_msgs"]:
            pass
        for wanted in CONSUMERS.values():
            await js.consumer_info(COMMANDS_STREAM["name"], wanted["durable_name"])


async def test_what_a_look_finds_missing_is_mended_at_once(nats_server: EmbeddedServer, watching: Watching) -> None:
    watched = await watching(nats_server, expected=(), interval_s=3600)
    await asyncio.wait_for(watched.monitor.set_up(), PATIENCE_S)
    await watched.monitor.client.js.delete_stream(COMMANDS_STREAM["name"])
    await watched.until("/healthz/streams", lambda status, _: status == 503)
    await watched.until("/healthz/streams", lambda status, _: status == 200)


async def test_a_server_that_died_in_the_middle_is_not_waited_for(
    nats_server: EmbeddedServer, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, tries = asyncio.Event(), 0

    async def unanswered_once(js: JetStreamContext) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            asked.set()
            await asyncio.Event().wait()
        await ensure_streams(js)

    monkeypatch.setattr("edge.monitor.upkeep.ensure_streams", unanswered_once)
    watched = await watching(nats_server, expected=())
    await asyncio.wait_for(asked.wait(), PATIENCE_S)
    await nats_server.kill()
    await nats_server.start()
    await asyncio.wait_for(watched.monitor.set_up(), PATIENCE_S)


async def test_streams_that_can_not_be_made_are_said_once(
    nats_server: EmbeddedServer, watching: Watching, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = Counted(ensure_streams, 3)
    monkeypatch.setattr("edge.monitor.upkeep.ensure_streams", tried)
    monkeypatch.setattr("edge.monitor.upkeep._RETRY_S", 0.01)
    client = Client(nats_server.url)
    await client.connect(wait_s=10)
    await client.js.add_stream(name="ELSEWHERE", subjects=["kiosk.vision.>"])
    watched = await watching(nats_server, expected=())
    body = await watched.until(
        "/healthz/streams", lambda _, body: "refuses stream KIOSK_EVENTS" in str(body["problems"])
    )
    assert "the stream KIOSK_EVENTS is missing" in body["problems"]
    await asyncio.wait_for(tried.often.wait(), PATIENCE_S)
    said = [record for record in caplog.records if "refuses stream KIOSK_EVENTS" in record.getMessage()]
    assert len([record for record in said if record.name.endswith("upkeep")]) == 1
    await client.js.delete_stream("ELSEWHERE")
    await watched.until("/healthz", lambda status, _: status == 200)
    await client.close()


async def test_a_slow_command_is_an_alert_and_a_payment_may_wait(
    nats_server: EmbeddedServer, watching: Watching, waiter: Waiter, caplog: pytest.LogCaptureFixture
) -> None:
    watched = await watching(nats_server, **ONLY_MENU)
    await watched.until("/healthz", lambda status, _: status == 200)
    waiter.client.latency.observe(ASKER, PAYMENT_PROCESS.subject, DURABLE, SUCCESS, perf_counter() - 28)
    waiter.client.latency.observe(ASKER, MENU_SEARCH.subject, DURABLE, SUCCESS, perf_counter() - 3)
    await watched.until_raised("KioskAgentLatency")
    _, body = await watched.json("/alerts")
    assert [alert["labels"]["command"] for alert in body["alerts"]] == [MENU_SEARCH.subject]
    assert "more than 2000 ms" in body["alerts"][0]["text"]
    for _ in range(3):
        await watched.json("/healthz")
    said = [record.getMessage() for record in caplog.records if "KioskAgentLatency" in record.getMessage()]
    assert len(said) == 1


async def test_dead_letters_are_an_alert_until_they_are_gone(
    nats_server: EmbeddedServer, watching: Watching, caplog: pytest.LogCaptureFixture
) -> None:
    watched = await watching(nats_server, expected=())
    await asyncio.wait_for(watched.monitor.set_up(), PATIENCE_S)
    js = watched.monitor.client.js
    stored = await js.publish(DEAD.format(agent="payment"), b"{}")
    await watched.until_raised("KioskDeadLetters")
    found = samples((await watched.get("/metrics"))[1].encode())
    assert value(found, "kiosk_dead_letters", agent="payment") == 1
    await js.delete_msg(stored.stream, stored.seq)
    await watched.until_raised("KioskDeadLetters", raised=False)
    said = [record.getMessage() for record in caplog.records if "of payment given up on" in record.getMessage()]
    assert len(said) == 2
    assert said[1].startswith("over after")


async def test_jobs_run_with_the_monitors_client_and_again_after_a_fault(
    nats_server: EmbeddedServer, watching: Watching, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge.monitor.service._BACK_OFF_S", (0.0,))
    runs: list[bool] = []
    ran_again = asyncio.Event()

    async def collect(client: Client) -> None:
        await client.js.stream_info(COMMANDS_STREAM["name"])  # streams are made before jobs begin
        runs.append(client.connected)
        if len(runs) < 3:
            raise RuntimeError("dropped it")
        ran_again.set()
        await asyncio.Event().wait()

    watched = await watching(nats_server, jobs=[collect])
    await asyncio.wait_for(ran_again.wait(), PATIENCE_S)
    assert runs == [True, True, True]
    faults = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(faults) == 2
    assert "dropped it" in faults[0].getMessage()
    assert (await watched.json("/healthz/server"))[0] == 200


async def test_a_connection_that_was_closed_for_good_is_made_again(
    nats_server: EmbeddedServer, watching: Watching
) -> None:
    watched = await watching(nats_server, expected=())
    await watched.until("/healthz", lambda status, _: status == 200)
    await watched.monitor.client.nc.close()  # as nats-py does when the server puts us out
    await watched.until("/healthz", lambda status, _: status == 503)
    await watched.until("/healthz", lambda status, _: status == 200)


async def test_with_keys_it_makes_what_the_agents_may_not(watching: Watching, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    made = {key.user: key.public for key in await asyncio.to_thread(make_keys, keys)}
    async with EmbeddedServer(tmp_path / "nats", public_keys=made) as server:
        agent = Waiter(server.url)
        agent.client.key_file = key_path(keys, "menu")
        connecting = asyncio.create_task(agent.connect())  # waits for its streams
        watched = await watching(server, key_file=key_path(keys, "monitor"), **ONLY_MENU)
        await watched.until("/healthz", lambda status, _: status == 200)
        await asyncio.wait_for(connecting, PATIENCE_S)
        asker = Client(server.url, name="operator", key_file=key_path(keys, "operator"))
        await asker.connect(wait_s=10)
        assert await asker.request(MENU_SEARCH, menu.Search(query="soup")) == menu.SearchResult(items=[])
        labels = {"agent": "menu", "command": MENU_SEARCH.subject, "seen_by": "agent"}
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = samples((await watched.get("/metrics"))[1].encode())
                if value(found, "kiosk_agent_latency_ms_count", way="durable", outcome="success", **labels):
                    break
        await asker.close()
        await agent.close()
        await watched.monitor.close()


async def test_a_refused_key_is_said(
    nats_server: EmbeddedServer,
    watching: Watching,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tried = Counted(Client.connect, 3)
    monkeypatch.setattr(Client, "connect", functools.partialmethod(tried))
    monkeypatch.setattr("edge.monitor.service._AGAIN_S", 0.01)
    watched = await watching(nats_server, key_file=tmp_path / "monitor.nk")
    await asyncio.wait_for(tried.often.wait(), PATIENCE_S)
    body = await watched.until("/healthz", lambda _, body: "there is no key" in body["problems"][0])
    assert str(tmp_path / "monitor.nk") in body["server"]["problems"][0]
    assert len([record for record in caplog.records if "there is no key" in record.getMessage()]) == 1


async def test_a_taken_port_is_said(nats_server: EmbeddedServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monitor = Monitor(nats_server.url, port=port)
        with pytest.raises(OSError, match=str(port)):
            await monitor.connect()
        await monitor.close()


async def test_closing_gives_the_port_back_and_can_be_done_twice(
    nats_server: EmbeddedServer, watching: Watching
) -> None:
    watched = await watching(nats_server)
    url = watched.monitor.url
    await watched.monitor.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=1)
    await watched.monitor.close()
