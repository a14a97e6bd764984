"""`kiosk bus` on a real server."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator

import pytest

from edge.bus import Client, EmbeddedServer, NATSAgentBase, does
from edge.contract import menu
from edge.contract.envelope import NATSMessage, envelope_faults
from edge.contract.errors import AskError, ErrorCode
from edge.contract.subjects import MENU_SEARCH

from .conftest import Kiosk


class Waiter(NATSAgentBase):
    """Has nothing but soup."""

    name = "menu"

    @does(MENU_SEARCH)
    async def search(self, ask: menu.Search) -> menu.SearchResult:
        if ask.query != "soup":
            raise AskError(ErrorCode.MENU_NOT_FOUND, "No items match the search query")
        return menu.SearchResult(items=[])


@pytest.fixture
async def waiter(nats_server: EmbeddedServer) -> AsyncIterator[Waiter]:
    agent = Waiter(nats_server.url)
    await agent.connect()
    yield agent
    await agent.close()


async def test_status_shows_streams_and_agents(kiosk: Kiosk, nats_server: EmbeddedServer, waiter: Waiter) -> None:
    done = await kiosk("bus", "status", "--agent", "menu", "--url", nats_server.url)
    assert done.code == 0, done.err
    assert "KIOSK_EVENTS" in done.out
    assert [line.split()[:2] for line in done.out.splitlines() if line.split()[:1] == ["menu"]] == [["menu", "1"]]
    assert [line.split()[:2] for line in done.out.splitlines() if line.split()[:1] == ["vision"]] == [["vision", "no"]]


async def test_status_says_what_is_missing(kiosk: Kiosk, nats_server: EmbeddedServer) -> None:
    done = await kiosk("bus", "status", KIOSK_BUS_URL=nats_server.url)
    assert done.code == 1
    assert "missing" in done.out
    assert "Traceback" not in done.err


async def test_request_shows_the_answer(kiosk: Kiosk, nats_server: EmbeddedServer, waiter: Waiter) -> None:
    url = ("--url", nats_server.url)
    done = await kiosk("bus", "request", MENU_SEARCH.subject, '{"command":"search","query":"soup"}', *url)
    assert done.code == 0
    assert json.loads(done.out)["payload"] == {"status": "success", "items": [], "total_matches": 0}
    refused = await kiosk("bus", "request", MENU_SEARCH.subject, '{"command":"search","query":"x"}', *url)
    assert refused.code == 1
    assert json.loads(refused.out)["payload"]["error_code"] == "MENU_NOT_FOUND"


async def test_request_to_nobody_is_unavailable(kiosk: Kiosk, nats_server: EmbeddedServer) -> None:
    done = await kiosk("bus", "request", MENU_SEARCH.subject, "{}", "--url", nats_server.url)
    assert (done.code, done.out) == (1, "")
    assert "UNAVAILABLE: menu is not running" in done.err


async def test_what_is_no_json_is_said(kiosk: Kiosk, nats_server: EmbeddedServer) -> None:
    done = await kiosk("bus", "request", MENU_SEARCH.subject, "{burger}", "--url", nats_server.url)
    assert done.code == 2
    assert "not JSON" in done.err


async def test_publish_stores_a_proper_event_and_refuses_a_wrong_one(
    kiosk: Kiosk, nats_server: EmbeddedServer, bus: Client
) -> None:
    subject = "kiosk.vision.person_detected"
    done = await kiosk("bus", "publish", subject, '{"event":"person_detected"}', "--url", nats_server.url)
    assert done.code == 0, done.err
    stored = await bus.js.get_last_msg("KIOSK_EVENTS", subject)
    assert stored.data is not None
    assert envelope_faults(NATSMessage.from_json(stored.data)) == []
    wrong = await kiosk("bus", "publish", subject, '{"confidence":1}', "--url", nats_server.url)
    assert wrong.code == 1
    assert "`event` is missing" in wrong.err


async def test_watch_shows_messages_as_json_lines(nats_server: EmbeddedServer, bus: Client) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge", "bus", "watch", "--json", "--count", "2", "--url", nats_server.url),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ,
    )
    assert process.stdout is not None
    first = asyncio.create_task(process.stdout.readline())
    async with asyncio.timeout(30):
        while not first.done():  # until the watcher has subscribed
            await bus.publish("kiosk.voice.speech_start", {"event": "speech_start"})
            await asyncio.wait([first], timeout=0.1)
        await bus.nc.publish("kiosk.voice.speech_start", b"junk")
        second = await process.stdout.readline()
        assert await process.wait() == 0
    seen = json.loads(await first)
    assert (seen["subject"], seen["payload"]) == ("kiosk.voice.speech_start", {"event": "speech_start"})
    assert json.loads(second)["subject"] == "kiosk.voice.speech_start"


async def test_no_server_is_one_clear_line(kiosk: Kiosk) -> None:
    done = await kiosk("bus", "status", "--url", "nats://127.0.0.1:1")
    assert done.code == 1
    assert done.err.strip() == "kiosk: no NATS server answers at nats://127.0.0.1:1; is it running? (kiosk doctor)"


@pytest.mark.parametrize("command", [(), ("bus",), ("models",), ("doctor",), ("bus", "request"), ("models", "pull")])
async def test_help_teaches(kiosk: Kiosk, command: tuple[str, ...]) -> None:
    done = await kiosk(*command, "--help")
    assert done.code == 0
    assert "Usage: " in done.out
