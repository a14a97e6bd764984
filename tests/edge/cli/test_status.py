"""`kiosk bus status` on a real server."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.bus import EmbeddedServer, NATSAgentBase, does
from edge.contract import menu
from edge.contract.streams import STREAMS
from edge.contract.subjects import DEAD, MENU_SEARCH

from .conftest import Kiosk


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
    await agent.request(MENU_SEARCH, menu.Search(query="soup"))
    yield agent
    await agent.close()


def where(server: EmbeddedServer) -> tuple[str, ...]:
    return ("--url", server.url, "--server-monitor-url", server.monitor_url)


async def test_it_shows_everything(kiosk: Kiosk, nats_server: EmbeddedServer, waiter: Waiter) -> None:
    done = await kiosk("bus", "status", "--agent", "menu", *where(nats_server))
    assert done.code == 0, done.out + done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("nats-server 2.")
    assert "2 connections" in lines[0]
    for stream in STREAMS:
        assert any(line.startswith(stream["name"]) for line in lines)
    rows = {line.split()[0]: line.split() for line in lines if line.split()}
    assert rows["menu"][1:3] == ["1", "1.0.0"]
    assert rows["vision"][1] == "no"
    assert rows["KIOSK_EVENTS"][-1] == "0%"
    counted = [line.split() for line in lines if line.startswith(MENU_SEARCH.subject)]
    assert [(row[1], row[2]) for row in counted] == [("agent", "1"), ("asker", "1")]
    assert "nothing is wrong" in done.out


async def test_as_json(kiosk: Kiosk, nats_server: EmbeddedServer, waiter: Waiter) -> None:
    done = await kiosk("bus", "status", "--json", "--agent", "menu", *where(nats_server))
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["healthy"], found["alerts"], found["bus_problem"], found["server_problem"]) == (True, [], None, None)
    assert found["server"]["connections"] == 2
    assert found["agents"]["menu"]["presence"] == "up"
    assert found["agents"]["menu"]["queue"]["made"] is True
    assert found["agents"]["menu"]["instances"][0]["version"] == "1.0.0"
    (asker,) = (row for row in found["latency"] if row["seen_by"] == "asker")
    assert (asker["agent"], asker["count"], asker["unanswered"]) == ("menu", 1, 0)
    assert 0 < asker["p50_ms"] <= asker["p95_ms"] <= asker["p99_ms"]


async def test_what_is_wrong_is_listed_and_exits_1(kiosk: Kiosk, nats_server: EmbeddedServer, waiter: Waiter) -> None:
    await waiter.js.publish(DEAD.format(agent="menu"), b"{}")
    done = await kiosk("bus", "status", *where(nats_server))
    assert done.code == 1
    assert "the payment agent is not running" in done.out
    assert "1 command of menu given up on" in done.out
    found = json.loads((await kiosk("bus", "status", "--json", *where(nats_server))).out)
    assert found["healthy"] is False
    assert {"KioskAgentDown", "KioskDeadLetters"} <= {alert["alert"] for alert in found["alerts"]}
    assert found["agents"]["menu"]["dead_letters"] == 1


async def test_without_the_monitoring_port_it_shows_what_it_can(
    kiosk: Kiosk, nats_server: EmbeddedServer, waiter: Waiter
) -> None:
    closed = "http://127.0.0.1:1"
    done = await kiosk("bus", "status", "--agent", "menu", "--url", nats_server.url, "--server-monitor-url", closed)
    assert done.code == 1  # it was named, so it should answer
    assert "KIOSK_EVENTS" in done.out
    assert f"{closed} does not answer" in done.out
    assert "Traceback" not in done.err


async def test_a_monitoring_port_that_was_not_named_may_be_missing(
    kiosk: Kiosk, nats_server: EmbeddedServer, waiter: Waiter
) -> None:
    done = await kiosk("bus", "status", "--agent", "menu", "--url", nats_server.url)
    assert done.code == 0, done.out


async def test_an_unknown_agent_is_refused(kiosk: Kiosk, nats_server: EmbeddedServer) -> None:
    done = await kiosk("bus", "status", "--agent", "cook", *where(nats_server))
    assert done.code == 2
    assert "there is no agent 'cook'" in done.err


async def test_addresses_and_agents_come_from_the_configuration(
    kiosk: Kiosk, nats_server: EmbeddedServer, waiter: Waiter, tmp_path: Path
) -> None:
    file = tmp_path / "kiosk.toml"
    file.write_text(
        f'[bus]\nurl = "{nats_server.url}"\n\n[monitor]\nserver_url = "{nats_server.monitor_url}"\nagents = ["menu"]\n'
    )
    done = await kiosk("bus", "status", "--config", str(file))
    assert done.code == 0, done.out + done.err
    assert "connections" in done.out


async def test_watching_follows_the_server_down_and_up(nats_server: EmbeddedServer, waiter: Waiter) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge", "bus", "status", "--watch", "--json", "--agent", "menu", *where(nats_server)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"NO_COLOR": "1"},
    )
    assert process.stdout is not None
    try:

        async def until(*, healthy: bool) -> None:
            assert process.stdout is not None
            async with asyncio.timeout(30):
                while json.loads(await process.stdout.readline())["healthy"] != healthy:
                    pass

        await until(healthy=True)
        await nats_server.kill()
        await until(healthy=False)
        await nats_server.start()
        await until(healthy=True)
    finally:
        process.terminate()
        await process.communicate()
