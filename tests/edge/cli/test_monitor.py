"""`kiosk monitor` on a real server."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path

import aiohttp
import pytest

from edge.bus import EmbeddedServer
from edge.monitor.rules import RULES_FILE

from .conftest import Kiosk

PATIENCE_S = 30


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_it_answers_until_told_to_end(nats_server: EmbeddedServer, how: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge", "monitor", "--port", "0", "--bus-url", nats_server.url),
        *("--server-monitor-url", nats_server.monitor_url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            url = (await process.stdout.readline()).decode().split()[-1]
            async with aiohttp.ClientSession() as web:
                while True:
                    async with web.get(f"{url}/healthz/streams") as answer:
                        if answer.status == 200:
                            break
                async with web.get(f"{url}/metrics") as answer:
                    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
                    assert "nats_up 1.0" in await answer.text()
                async with web.get(f"{url}/healthz") as answer:
                    assert answer.status == 503  # no agent runs
        process.send_signal(how)
        _, said = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    assert b"Traceback" not in said


async def test_its_rules_are_the_ones_that_ship(kiosk: Kiosk) -> None:
    done = await kiosk("monitor", "--rules")
    assert (done.code, done.out) == (0, RULES_FILE.read_text(encoding="utf-8"))


async def test_a_taken_port_is_one_clear_line(kiosk: Kiosk, nats_server: EmbeddedServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = await kiosk("monitor", "--port", port, "--bus-url", nats_server.url)
    assert done.code == 1
    assert port in done.err
    assert "Traceback" not in done.err


async def test_a_wrong_configuration_is_one_clear_line(kiosk: Kiosk, tmp_path: Path) -> None:
    file = tmp_path / "kiosk.toml"
    file.write_text('[monitor]\nagents = ["cook"]\n')
    done = await kiosk("monitor", "--config", str(file))
    assert done.code == 1
    assert "monitor.agents" in done.err
