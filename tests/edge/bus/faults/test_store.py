"""A store that is full, too small, or gone."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.bus import Client, EmbeddedServer
from edge.bus import client as bus_client
from edge.bus.connection import PublishFailed, SetupRefused
from edge.bus.server import ServerFailed, find_server
from edge.contract.streams import DEAD_STREAM, EVENTS_STREAM
from edge.contract.subjects import MENU_SEARCH, TRANSCRIPT
from edge.contract.voice import Transcript
from tests.conftest import server_2_10
from tests.edge.bus.counting import PATIENCE_S, Tally, ask_of, connected, running

NAME = EVENTS_STREAM["name"]
LONG = "x" * 20_000


class Small(EmbeddedServer):
    """Has room for a megabyte."""

    def _config(self) -> str:
        return super()._config().replace("max_file_store: 1GB", "max_file_store: 1MB")


@pytest.fixture(params=["newest", "2.10"])
def program(request: pytest.FixtureRequest) -> Path:
    return server_2_10() if request.param == "2.10" else find_server()


@pytest.fixture
async def small(tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    """A client on a server whose max_file_store comes before any stream's max_bytes."""
    for stream in (EVENTS_STREAM, DEAD_STREAM):
        monkeypatch.setitem(stream, "max_bytes", -1)
    async with Small(tmp_path / "nats", program=program) as server, connected(server.url) as bus:
        yield bus


def said(number: int, text: str = "") -> Transcript:
    return Transcript(text=f"{number} {text}", confidence=1.0, language="en-US", is_final=True)


async def fill(bus: Client) -> tuple[int, PublishFailed]:
    """Publish until the store refuses: how many were acknowledged, and its words."""
    for number in range(1000):
        try:
            await bus.publish(TRANSCRIPT, said(number, LONG))
        except PublishFailed as error:
            return number, error
    raise AssertionError("20 MB found room in 1 MB")


async def numbers(bus: Client) -> list[int]:
    return [int(message.payload["text"].split()[0]) async for message in bus.stored()]


async def test_a_full_store_refuses_by_name_and_keeps_what_it_acknowledged(small: Client) -> None:
    count, error = await fill(small)
    assert 10 < count < 60
    assert TRANSCRIPT.subject in str(error)
    assert "resource" in str(error) or "exceeded" in str(error)
    assert await numbers(small) == list(range(count))


async def test_a_full_store_leaves_commands_alone(small: Client) -> None:
    """They lie in memory."""
    await fill(small)
    async with running(small.url, Tally(), "menu"):
        await small.request(MENU_SEARCH, ask_of(MENU_SEARCH))


async def test_a_store_with_room_again_takes_events_again(small: Client) -> None:
    count, _ = await fill(small)
    config = (await small.js.stream_info(NAME)).config
    config.max_msgs = 5  # nobody may delete events: the oldest go by age, or by a smaller limit
    await small.js.update_stream(config)
    await small.publish(TRANSCRIPT, said(count))
    assert await numbers(small) == [*range(count - 4, count), count]


async def test_a_store_too_small_for_the_streams_is_a_clear_error(tmp_path: Path, program: Path) -> None:
    async with Small(tmp_path / "nats", program=program) as server:
        client = Client(server.url)
        with pytest.raises(SetupRefused, match=r"KIOSK_EVENTS.*insufficient storage"):
            await client.connect(wait_s=10, setup=True)
        await client.close()


@pytest.mark.parametrize(
    ("setting", "value", "left"),
    [("max_msgs", 30, 30), ("max_bytes", 30 * 21_000, None)],
    ids=["max_msgs", "max_bytes"],
)
async def test_a_stream_that_is_full_lets_the_oldest_go(
    each_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, setting: str, value: int, left: int | None
) -> None:
    monkeypatch.setitem(EVENTS_STREAM, setting, value)
    async with connected(each_server.url) as bus:
        for number in range(80):
            await bus.publish(TRANSCRIPT, said(number, LONG))
        kept = await numbers(bus)
    assert kept == list(range(80 - len(kept), 80))
    assert len(kept) == left if left else 20 < len(kept) < 35


async def test_a_full_disk_refuses_and_loses_nothing_it_acknowledged(
    tmp_path: Path, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stood in for by a limit on a file's size, which the server's writes hit as they would a full disk."""
    monkeypatch.setattr(bus_client, "_PUBLISH_TIMEOUT_S", 1.0)
    limited = tmp_path / "nats-server"
    limited.write_text(f'#!/bin/bash\nulimit -f 512\nexec "{program}" "$@"\n', encoding="utf-8")  # KiB in bash
    limited.chmod(0o755)
    server = EmbeddedServer(tmp_path / "nats", program=limited)
    await server.start()
    async with connected(server.url) as bus:
        count, error = await fill(bus)
    assert 5 < count < 60
    assert "not acknowledged" in str(error)
    await server.kill()
    limited.write_text(f'#!/bin/bash\nexec "{program}" "$@"\n', encoding="utf-8")
    await server.start()  # with room again
    async with connected(server.url) as bus:
        kept = await numbers(bus)
        assert kept[:count] == list(range(count))
        assert len(kept) == len(set(kept))
        await bus.publish(TRANSCRIPT, said(999))
        assert (await numbers(bus))[-1] == 999
    await server.stop()


async def test_a_store_that_vanished_is_made_anew_when_the_server_is_back(
    nats_server: EmbeddedServer,
) -> None:
    """What was in it is gone: one kiosk, one server, one copy."""
    tally = Tally()
    async with running(nats_server.url, tally, "menu") as (agent,), connected(nats_server.url) as bus:
        await bus.publish(TRANSCRIPT, said(1))
        await nats_server.kill()
        await asyncio.to_thread(shutil.rmtree, nats_server.data_dir)
        await nats_server.start()
        async with asyncio.timeout(PATIENCE_S):
            while not bus.connected:
                await bus.wait_for_reconnect(0.05)
        await bus.publish(TRANSCRIPT, said(2))
        assert await numbers(bus) == [2]
        async with asyncio.timeout(PATIENCE_S):
            while not agent.ready:
                await agent.client.wait_for_reconnect(0.05)
        await bus.request(MENU_SEARCH, ask_of(MENU_SEARCH), timeout=PATIENCE_S)
    assert len(tally.begun) == 1


async def test_a_store_that_cannot_be_written_is_a_clear_error(tmp_path: Path, program: Path) -> None:
    """A file where the store's folder should be: unlike a folder's mode, it stops the administrator too."""
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "jetstream").write_text("in the way", encoding="utf-8")
    with pytest.raises(ServerFailed, match=r"stopped at once: .*storage directory"):
        await EmbeddedServer(tmp_path / "nats", program=program).start()
