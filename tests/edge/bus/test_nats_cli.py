"""Section 10.2, line by line, with the real `nats` command line: beside nobody, and beside our agents.

Its first line starts a server in a container; here that is a nats-server of the test's own with JetStream, the same
program without Docker, in the oldest version we support and the newest.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest

from edge.agents.menu.agent import MenuAgent
from edge.agents.menu.catalogue import Menu
from edge.bus import Client, EmbeddedServer, NATSAgentBase, hears
from edge.bus.streams import ensure_consumer, ensure_streams
from edge.contract.envelope import NATSMessage, envelope_faults
from edge.contract.streams import CONSUMERS, STREAMS
from edge.contract.subjects import MENU_SEARCH, PERSON_DETECTED
from edge.contract.vision import PersonDetected

DOCUMENTS = Path(__file__).resolve().parents[3] / "docs" / "contract"
WAIT_S = 30

# The specification's words.
PUB = """nats pub kiosk.vision.person_detected '{"msg_id":"test","payload":{"event":"person_detected"}}'"""
SUB = """nats sub "kiosk.>\""""
REPLY = """nats reply kiosk.agent.menu.search '{"payload":{"status":"success","items":[]}}'"""
REQ = """nats req kiosk.agent.menu.search '{"payload":{"command":"search","query":"burger"}}'"""


def find_nats() -> Path:
    """The `nats` CLI: $KIOSK_NATS_CLI, the one that `make setup-test` installs, or the one on PATH; else a skip."""
    named = os.environ.get("KIOSK_NATS_CLI")
    for candidate in [named] if named else [str(Path(sys.prefix) / "bin" / "nats"), shutil.which("nats")]:
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    pytest.skip("no `nats` command: make setup-test installs it where Go is new enough, or set KIOSK_NATS_CLI")


@dataclass
class Terminal:
    """A shell where the `nats` command finds the test's server."""

    environment: dict[str, str]

    async def type(self, line: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_shell(
            f"exec {line}",  # the command itself, so that ending it ends what runs
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def run(self, line: str) -> str:
        """Type the line, wait for its end, and give back what it said."""
        process = await self.type(line)
        said, _ = await asyncio.wait_for(process.communicate(), WAIT_S)
        assert process.returncode == 0, said.decode()
        return said.decode()

    @contextlib.asynccontextmanager
    async def running(self, line: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Type the line, which runs until it is stopped."""
        process = await self.type(line)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.communicate(), WAIT_S)


@pytest.fixture
def terminal(each_server: EmbeddedServer, tmp_path: Path) -> Terminal:
    home = tmp_path / "home"
    home.mkdir()
    program = find_nats()
    return Terminal(
        {
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),  # no context of the user's
            "NATS_URL": each_server.url,
        }
    )


@pytest.fixture
async def client(each_server: EmbeddedServer) -> AsyncIterator[Client]:
    client = Client(each_server.url, name="test")
    await client.connect(wait_s=10, setup=True)
    yield client
    await client.close()


@pytest.fixture
async def menu_agent(each_server: EmbeddedServer) -> AsyncIterator[MenuAgent]:
    agent = MenuAgent(each_server.url, Menu.load())
    await agent.connect()
    yield agent
    await agent.close()


class Orchestrator(NATSAgentBase):
    """Only hears who comes."""

    name = "orchestrator"

    def __init__(self, nats_url: str) -> None:
        super().__init__(nats_url)
        self.heard: asyncio.Queue[PersonDetected] = asyncio.Queue()

    @hears(PERSON_DETECTED)
    async def notice(self, event: PersonDetected) -> None:
        await self.heard.put(event)


async def said_until(process: asyncio.subprocess.Process, words: str) -> str:
    """What the process said up to the line with `words`."""
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(WAIT_S):
        while words not in said:
            line = await process.stdout.readline()
            assert line, f"ended without saying {words!r}: {said}"
            said += line.decode()
    return said


async def listening(url: str, process: asyncio.subprocess.Process) -> None:
    """Return once `nats sub` hears: its first line comes before that."""
    nc = await nats.connect(url)
    heard = asyncio.create_task(said_until(process, "kiosk.probe"))
    try:
        async with asyncio.timeout(WAIT_S):
            while not heard.done():
                await nc.publish("kiosk.probe", b"{}")
                await asyncio.wait({heard}, timeout=0.1)
        await heard
    finally:
        heard.cancel()
        await nc.close()


async def answered(url: str, subject: str) -> None:
    """Return once somebody answers on `subject`."""
    nc = await nats.connect(url)
    try:
        async with asyncio.timeout(WAIT_S):
            while True:
                with contextlib.suppress(nats.errors.NoRespondersError, nats.errors.TimeoutError):
                    await nc.request(subject, b"{}", timeout=0.2)
                    return
    finally:
        await nc.close()


def json_in(said: str) -> dict[str, Any]:
    """The message that the CLI printed below its own words."""
    value = json.loads(said[said.index("\n{") :])
    assert isinstance(value, dict)
    return value


async def test_the_lines_as_written_beside_nobody(each_server: EmbeddedServer, terminal: Terminal) -> None:
    async with terminal.running(SUB) as subscriber, terminal.running(REPLY):
        await listening(each_server.url, subscriber)
        await answered(each_server.url, MENU_SEARCH.subject)
        assert json_in(await terminal.run(REQ)) == {"payload": {"status": "success", "items": []}}
        await said_until(subscriber, '"command":"search","query":"burger"')
        assert "Published" in await terminal.run(PUB)
        said = await said_until(subscriber, '{"msg_id":"test","payload":{"event":"person_detected"}}')
        assert PERSON_DETECTED.subject in said


async def test_the_lines_as_written_beside_our_agents(
    each_server: EmbeddedServer, terminal: Terminal, menu_agent: MenuAgent
) -> None:
    async with terminal.running(SUB) as subscriber:
        await listening(each_server.url, subscriber)
        reply = NATSMessage.from_json(json.dumps(json_in(await terminal.run(REQ))))
        await said_until(subscriber, '"command":"search","query":"burger"')
        await terminal.run(PUB)
        await said_until(subscriber, '{"msg_id":"test","payload":{"event":"person_detected"}}')
    assert envelope_faults(reply) == []
    assert reply.payload["status"] == "success"
    assert "Burger" in reply.payload["items"][0]["name"]
    assert reply.payload["total_matches"] >= len(reply.payload["items"]) > 0


async def test_a_published_event_is_kept_and_heard(
    each_server: EmbeddedServer, terminal: Terminal, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    agent = Orchestrator(each_server.url)
    await agent.connect()
    try:
        with caplog.at_level(logging.WARNING, logger="edge"):
            await terminal.run(PUB)
            assert await asyncio.wait_for(agent.heard.get(), WAIT_S) == PersonDetected()
            await client.publish(PERSON_DETECTED, PersonDetected(confidence=0.5))
            assert (await asyncio.wait_for(agent.heard.get(), WAIT_S)).confidence == 0.5
        assert not caplog.records
    finally:
        await agent.close()
    kept = [message async for message in client.stored(PERSON_DETECTED.subject)]
    assert [message.payload["event"] for message in kept] == ["person_detected", "person_detected"]
    assert [message.msg_id == "test" for message in kept] == [True, False]


async def test_nats_reply_answers_our_request(each_server: EmbeddedServer, terminal: Terminal, client: Client) -> None:
    async with terminal.running(REPLY):
        await answered(each_server.url, MENU_SEARCH.subject)
        answer = await client.request(MENU_SEARCH.subject, {"command": "search", "query": "burger"})
    assert answer == {"payload": {"status": "success", "items": []}}


async def test_agents_are_found_as_micro_services(terminal: Terminal, menu_agent: MenuAgent) -> None:
    assert "menu" in await terminal.run("nats micro ls")
    info = await terminal.run("nats micro info menu")
    for subject in (MENU_SEARCH.subject, "kiosk.agent.menu.details"):
        assert subject in info


async def test_streams_made_from_the_documents_are_the_contracts(
    terminal: Terminal, each_server: EmbeddedServer, caplog: pytest.LogCaptureFixture
) -> None:
    for stream in STREAMS:
        await terminal.run(f"nats stream add --config '{DOCUMENTS}/streams/{stream['name']}.json'")
    for consumer in CONSUMERS.values():
        file = f"KIOSK_COMMANDS.{consumer['durable_name']}.json"
        await terminal.run(f"nats consumer add KIOSK_COMMANDS --config '{DOCUMENTS}/streams/{file}'")
    client = Client(each_server.url, name="test")
    await client.connect(wait_s=10)
    try:
        with caplog.at_level(logging.INFO, logger="edge.bus.streams"):
            await ensure_streams(client.js)
            for agent in CONSUMERS:
                await ensure_consumer(client.js, agent)
        assert not caplog.records  # nothing made, nothing drifted
    finally:
        await client.close()
