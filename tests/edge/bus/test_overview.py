"""One look at the bus."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from edge.bus import BusUnreachable, Client, EmbeddedServer
from edge.bus.overview import overview
from edge.bus.streams import ensure_consumer, ensure_streams
from edge.contract.streams import COMMANDS_STREAM, CONSUMERS, DEAD_STREAM, EVENTS_STREAM, GIVEN_UP, STREAMS
from edge.contract.subjects import DEAD, MENU_SEARCH, PERSON_DETECTED
from edge.contract.vision import PersonDetected


async def connected(server: EmbeddedServer) -> Client:
    client = Client(server.url, name="test")
    await client.connect(wait_s=10)
    return client


async def test_an_empty_server_has_nothing_and_says_so(each_server: EmbeddedServer) -> None:
    client = await connected(each_server)
    seen = await overview(client)
    assert [stream.made for stream in seen.streams] == [False] * len(STREAMS)
    assert [queue.made for queue in seen.consumers] == [False] * len(CONSUMERS)
    assert seen.dead_letters is None
    assert re.fullmatch(r"2\.\d+\.\d+", seen.server_version)
    await client.close()


async def test_streams_queues_and_dead_letters_are_counted(each_server: EmbeddedServer) -> None:
    client = await connected(each_server)
    await ensure_streams(client.js)
    await ensure_consumer(client.js, "menu")
    for _ in range(3):
        await client.publish(PERSON_DETECTED, PersonDetected())
    for agent, count in (("menu", 2), ("payment", 1)):
        for _ in range(count):
            await client.js.publish(DEAD.format(agent=agent), b"{}")
    # The server's own advisories are in the stream as well, and are no dead letters.
    await client.js.publish(GIVEN_UP.replace(">", "test"), b"{}")
    for _ in range(4):
        await client.nc.publish(MENU_SEARCH.subject, b"{}")
    async with asyncio.timeout(30):  # nobody is told when they are stored
        while (await client.js.stream_info(COMMANDS_STREAM["name"])).state.messages < 4:
            pass
    seen = await overview(client)
    streams = {stream.name: stream for stream in seen.streams}
    events = streams[EVENTS_STREAM["name"]]
    assert (events.made, events.messages, events.max_messages) == (True, 3, 100_000)
    assert events.size_bytes > 0
    assert streams[DEAD_STREAM["name"]].messages == 4
    assert seen.dead_letters == {"menu": 2, "payment": 1}
    queue = next(queue for queue in seen.consumers if queue.agent == "menu")
    assert (queue.made, queue.waiting + queue.at_work) == (True, 4)
    assert seen.storage.file_bytes > 0
    assert seen.storage.memory_bytes > 0
    await client.close()


async def test_the_nearer_limit_says_how_full_a_stream_is(bus: Client) -> None:
    name = EVENTS_STREAM["name"]
    config = (await bus.js.stream_info(name)).config
    config.max_msgs, config.max_bytes = 4, 1_000_000
    await bus.js.update_stream(config)
    for _ in range(3):
        await bus.publish(PERSON_DETECTED, PersonDetected())
    events = next(stream for stream in (await overview(bus)).streams if stream.name == name)
    assert events.fill == 0.75
    config.max_msgs, config.max_bytes = 1000, events.size_bytes * 2
    await bus.js.update_stream(config)
    events = next(stream for stream in (await overview(bus)).streams if stream.name == name)
    assert events.fill == pytest.approx(0.5)
    config.max_msgs = config.max_bytes = -1
    await bus.js.update_stream(config)
    events = next(stream for stream in (await overview(bus)).streams if stream.name == name)
    assert (events.fill, events.max_messages, events.max_bytes) == (None, None, None)


async def test_a_server_that_is_gone_is_said_at_once(nats_server: EmbeddedServer, bus: Client) -> None:
    await nats_server.kill()
    with pytest.raises(BusUnreachable):
        await overview(bus)
    with pytest.raises(BusUnreachable, match="no NATS server answers"):
        await overview(bus)


class Bare(EmbeddedServer):
    """A server without JetStream."""

    def _config(self) -> str:
        return super()._config().partition("jetstream: {")[0]


async def test_a_server_without_jetstream_is_said(tmp_path: Path) -> None:
    async with Bare(tmp_path / "nats") as server:
        client = await connected(server)
        with pytest.raises(BusUnreachable, match="JetStream"):
            await overview(client)
        await client.close()
