"""`kiosk virtual` and `kiosk run` as processes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from edge.bus import Client, EmbeddedServer
from edge.bus.overview import running_agents
from edge.models import Store

from .conftest import Kiosk


class Running:
    """A `kiosk` process that goes on until it is told to end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []

    async def says(self, words: str) -> str:
        """The next line with `words` in it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(50):
            while line := (await self.process.stdout.readline()).decode():
                self.said.append(line)
                if words in line:
                    return line.strip()
        raise AssertionError("".join(self.said))

    async def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        async with asyncio.timeout(30):
            return await self.process.wait()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[object]:
    """Start `kiosk` with arguments."""
    started: list[Running] = []

    async def run(*arguments: str) -> Running:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"},
        )
        started.append(Running(process))
        return started[-1]

    yield run
    for each in started:
        if each.process.returncode is None:
            each.process.kill()
            await each.process.wait()


async def test_the_story_prints_each_step_and_the_receipt(kiosk: Kiosk, model_store: Store) -> None:
    done = await kiosk("virtual", "--story")
    assert done.code == 0, done.out + done.err
    assert done.out.count("✓") == 9
    assert "TOTAL" in done.out
    assert "The story is told" in done.out
    assert done.err == ""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_until_told_to_end_and_leaves_nothing(
    start: object, model_store: Store, tmp_path: Path, how: signal.Signals
) -> None:
    assert callable(start)
    running: Running = await start(
        "virtual", "--bus-port", "0", "--page-port", "0", "--data-dir", str(tmp_path / "data")
    )
    bus = (await running.says("nats://")).split()[-1]
    page = (await running.says("http://")).split()[-1]
    async with aiohttp.ClientSession() as web, web.get(f"{page}healthz") as answer:
        assert answer.status == 200
    client = Client(bus)
    await client.connect(wait_s=5)
    assert all(count == 1 for count in (await running_agents(client)).values())
    await client.close()
    assert await running.end(how) == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(bus.rsplit(":", 1)[1])), timeout=1)
    assert (tmp_path / "data" / "device.key").stat().st_mode & 0o777 == 0o600


async def test_a_taken_port_is_one_clear_line(kiosk: Kiosk, model_store: Store) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        page = await kiosk("virtual", "--bus-port", "0", "--page-port", port)
        assert page.code == 1
        assert port in page.err
        bus = await kiosk("virtual", "--page-port", "0", "--bus-port", port)
        assert bus.code == 1
        assert "address already in use" in bus.err
    assert "Traceback" not in page.err + bus.err


async def test_a_folder_that_can_not_be_written_is_one_clear_line(
    kiosk: Kiosk, model_store: Store, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    done = await kiosk("virtual", "--bus-port", "0", "--page-port", "0", "--data-dir", str(tmp_path / "file" / "data"))
    assert done.code == 1
    assert "file" in done.err
    assert "Traceback" not in done.err


async def test_missing_models_are_said_with_what_to_do(kiosk: Kiosk, tmp_path: Path) -> None:
    done = await kiosk("virtual", "--story", KIOSK_MODELS=str(tmp_path / "none"))
    assert done.code == 1
    assert "kiosk models pull" in done.err
    assert "Traceback" not in done.err


async def test_agents_run_on_a_bus_of_their_own_and_answer(
    start: object, nats_server: EmbeddedServer, model_store: Store, tmp_path: Path
) -> None:
    assert callable(start)
    data = str(tmp_path / "data")
    running: Running = await start("run", "menu", "hardware", "--url", nats_server.url, "--data-dir", data)
    await running.says("hardware is up")
    client = Client(nats_server.url)
    await client.connect(wait_s=5)
    answer = await client.request("kiosk.agent.menu.details", {"command": "get_details", "item_id": 101})
    assert answer["payload"]["item"]["name"] == "Volcano Burger"
    led = await client.request("kiosk.hardware.led", {"command": "set_led", "color": "#00FF00", "pattern": "solid"})
    assert led["payload"] == {"status": "success"}
    await client.close()
    assert await running.end(signal.SIGTERM) == 0


async def test_agents_may_start_before_the_server(start: object, tmp_path: Path) -> None:
    assert callable(start)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running: Running = await start(
        "run", "menu", "--url", f"nats://127.0.0.1:{port}", "--data-dir", str(tmp_path / "data")
    )
    await running.says(f"bus at nats://127.0.0.1:{port}: ")
    async with EmbeddedServer(tmp_path / "nats", port=port):
        await running.says("menu is up")
        assert await running.end(signal.SIGINT) == 0


async def test_an_unknown_agent_and_a_bad_configuration_are_named(kiosk: Kiosk, tmp_path: Path) -> None:
    unknown = await kiosk("run", "cook")
    assert unknown.code == 2
    assert "no agent 'cook'" in unknown.err
    (tmp_path / "kiosk.toml").write_text('[devices]\nprinter = "fax:"\n')
    bad = await kiosk("run", "hardware", "--config", "kiosk.toml", "--data-dir", str(tmp_path / "data"))
    assert bad.code == 1
    assert "no printer backend for 'fax:'" in bad.err
    (tmp_path / "menu.toml").write_text("currency = 7\n")
    (tmp_path / "kiosk.toml").write_text('[menu]\nfile = "menu.toml"\n')
    menu = await kiosk("run", "menu", "--config", "kiosk.toml", "--data-dir", str(tmp_path / "data"))
    assert menu.code == 1
    assert "currency" in menu.err
    assert "Traceback" not in unknown.err + bad.err + menu.err
