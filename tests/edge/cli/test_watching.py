"""`kiosk bus watch`: what it shows of whom."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from edge.bus import Client, EmbeddedServer
from edge.bus.history import REPLAY_OF
from edge.contract.envelope import NATSMessage
from edge.contract.subjects import MENU_SEARCH, SPEECH_START, TOUCH, TRANSCRIPT

from .conftest import Kiosk

WAIT_S = 40
Lines = Callable[[], Awaitable[str]]


@pytest.fixture
async def bare(nats_server: EmbeddedServer) -> AsyncIterator[Client]:
    client = Client(nats_server.url, name="test")
    await client.connect(wait_s=10)
    yield client
    await client.close()


@asynccontextmanager
async def watching(server: EmbeddedServer, *arguments: str, subject: str = "kiosk.>") -> AsyncIterator[Lines]:
    """`kiosk bus watch` at work: subscribed. What this yields waits for its next line."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge", "bus", "watch", "--url", server.url, *arguments),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"NO_COLOR": "1", "TZ": "UTC"},
    )
    out = process.stdout
    assert out is not None
    try:
        async with asyncio.timeout(WAIT_S), aiohttp.ClientSession() as web:
            while subject not in await _subscribed(web, server):
                assert process.returncode is None

        async def line() -> str:
            text = await asyncio.wait_for(out.readline(), WAIT_S)
            return text.decode().rstrip("\n")

        yield line
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _subscribed(web: aiohttp.ClientSession, server: EmbeddedServer) -> list[str]:
    """What the command line's connection has subscribed to, by the server's own word."""
    async with web.get(f"{server.monitor_url}/connz?subs=1") as answer:
        connections = (await answer.json())["connections"]
    return [
        subject
        for each in connections
        if each.get("name") != "test"
        for subject in each.get("subscriptions_list") or []
    ]


async def say(
    bus: Client, subject: str, payload: dict[str, object], trace: str | None = None, **headers: str
) -> NATSMessage:
    message = NATSMessage.create(str(uuid.uuid4()), payload, trace)
    await bus.nc.publish(
        subject, message.to_json().encode(), headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    return message


async def test_a_line_has_time_ids_subject_and_what_is_said(nats_server: EmbeddedServer, bare: Client) -> None:
    async with watching(nats_server, "--count", "5") as line:
        said = await say(bare, TRANSCRIPT.subject, {"event": "transcript", "text": "a burger", "confidence": 0.92})
        start = f"{said.timestamp[11:23]}  {said.session_id[:8]} {said.trace_id[:8]}  "
        assert await line() == f"{start}kiosk.voice.transcript       says “a burger” (92%)"
        await say(bare, MENU_SEARCH.subject, {"command": "search", "query": "soup", "tags": ["hot"], "limit": 3})
        assert (await line()).endswith('kiosk.agent.menu.search      command=search query=soup tags=["hot"] limit=3')
        await bare.nc.publish(TOUCH.subject, b"junk")
        assert "malformed: not JSON" in await line()
        await say(bare, TOUCH.subject, {"event": "touch", "action": "pay"}, Kiosk_Replay_Of="x")
        assert (await line()).endswith("kiosk.input.touch            (replay) touches pay")
        # Anybody's words are shown, not obeyed.
        await say(bare, TRANSCRIPT.subject, {"event": "transcript", "text": "a\x1b[31m\nb", "confidence": 1})
        assert (await line()).endswith("says “a\\x1b[31m\\x0ab” (100%)")
        assert await line() == ""


async def test_json_lines_hold_everything(nats_server: EmbeddedServer, bare: Client) -> None:
    async with watching(nats_server, "--json", "--count", "2") as line:
        said = await say(bare, SPEECH_START.subject, {"event": "speech_start"}, **{REPLAY_OF.replace("-", "_"): "id"})
        assert json.loads(await line()) == {"subject": SPEECH_START.subject, "replay_of": "id", **vars(said)}
        await bare.nc.publish(TOUCH.subject, b"[]")
        assert set(json.loads(await line())) == {"subject", "malformed"}
        assert await line() == ""


@pytest.mark.parametrize("by", ["--trace", "--session"])
async def test_only_what_is_asked_for_is_shown_and_counted(nats_server: EmbeddedServer, bare: Client, by: str) -> None:
    wanted = NATSMessage.create(str(uuid.uuid4()), {"event": "speech_start"}, str(uuid.uuid4()))
    beginning = (wanted.trace_id if by == "--trace" else wanted.session_id)[:9].upper()
    arguments = (SPEECH_START.subject, by, beginning, "--json", "--count", "2")
    async with watching(nats_server, *arguments, subject=SPEECH_START.subject) as line:
        for _ in range(2):
            await say(bare, SPEECH_START.subject, {"event": "speech_start"})
            await bare.nc.publish(TOUCH.subject, wanted.to_json().encode())
            await bare.nc.publish(SPEECH_START.subject, b"junk")
            await bare.nc.publish(SPEECH_START.subject, wanted.to_json().encode())
        for _ in range(2):
            assert json.loads(await line()) == {"subject": SPEECH_START.subject, **vars(wanted)}
        assert await line() == ""


@pytest.mark.parametrize("what", ["xyz", "3f8c9a8e2f5f", "3f8c9a8e-2f5f-4b7e-9d2c-0a4b1c2d3e4f0"])
async def test_what_cant_be_an_id_is_refused(kiosk: Kiosk, what: str) -> None:
    done = await kiosk("bus", "watch", "--trace", what)
    assert done.code == 2
    assert "is no id" in done.err
    assert "--trace" in done.err
