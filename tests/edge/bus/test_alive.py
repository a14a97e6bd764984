"""A client that is stuck, and servers that are gone, stalled or new."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from edge.bus import Client, EmbeddedServer
from edge.bus.alive import stuck

WITHIN_S = 2.0
QUICK_S = 0.2  # where only what stalls for ever is waited for


async def test_a_client_that_works_is_not_stuck(bus: Client) -> None:
    assert await stuck(bus, WITHIN_S) is None


async def test_a_client_that_never_connected_waits(tmp_path: Path) -> None:
    assert await stuck(Client("nats://127.0.0.1:1"), WITHIN_S) is None


async def test_a_client_whose_server_is_gone_waits(nats_server: EmbeddedServer, bus: Client) -> None:
    lost = asyncio.Event()
    bus.nc._disconnected_cb = lambda: _set(lost)
    await nats_server.kill()
    await asyncio.wait_for(lost.wait(), 10)
    assert await stuck(bus, QUICK_S) is None


async def test_a_client_whose_server_stands_still_waits(nats_server: EmbeddedServer, bus: Client) -> None:
    process = nats_server._process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        assert await stuck(bus, QUICK_S) is None
    finally:
        os.kill(process.pid, signal.SIGCONT)


@pytest.mark.parametrize(("task", "words"), [("_reading_task", "reading"), ("_flusher_task", "writing")])
async def test_a_client_whose_task_ended_is_stuck(bus: Client, task: str, words: str) -> None:
    running = getattr(bus.nc, task)
    running.cancel()
    await asyncio.wait([running])
    assert await stuck(bus, WITHIN_S) == f"its {words} has ended"


async def test_a_client_that_hears_nothing_of_what_the_server_says_is_stuck(
    bus: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    enough = asyncio.Event()

    async def hang(_: bytes) -> None:
        await enough.wait()

    monkeypatch.setattr(bus.nc._ps, "parse", hang)
    found = await stuck(bus, WITHIN_S)
    monkeypatch.undo()
    enough.set()
    assert found is not None
    assert "the server answers" in found


async def _set(event: asyncio.Event) -> None:
    event.set()
