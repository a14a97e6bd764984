"""nats-server's monitoring port, and clients that really don't read."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from edge.bus import Client, EmbeddedServer
from edge.monitor.server import MonitoringPort, ServerSilent, ServerState, _moment

from ...conftest import server_2_10
from .conftest import PATIENCE_S, Watching
from .test_metrics import samples, value

BLOCK = bytes(64 * 1024)


class Strict(EmbeddedServer):
    """A server that lets clients fall behind by 2 MB at most."""

    def _config(self) -> str:
        return super()._config() + "max_pending: 2MB\nwrite_deadline: 60s\n"


@pytest.fixture(params=["newest", "2.10"])
async def strict_server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    program = server_2_10() if request.param == "2.10" else None
    async with Strict(tmp_path / "nats", program=program) as server:
        yield server


class Idler:
    """A client that subscribes and does not read, as a hung process does."""

    def __init__(self, server: EmbeddedServer) -> None:
        where = urlsplit(server.url)
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect((where.hostname, where.port))
        self._socket.sendall(b'CONNECT {"verbose":false,"name":"idler"}\r\nSUB flood 1\r\nPING\r\n')
        heard = b""
        while b"PONG" not in heard:
            heard += self._socket.recv(4096)

    async def read(self) -> None:
        """Read all there is, from now on."""
        self._socket.setblocking(False)
        while await asyncio.get_running_loop().sock_recv(self._socket, 1 << 20):
            pass

    def close(self) -> None:
        self._socket.close()


class Flood:
    """A client that publishes what an idler does not read."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        self.idler = Idler(server)
        self.client = Client(server.url)
        self.port = MonitoringPort(server.monitor_url)

    async def until(self, *, cut: bool) -> ServerState:
        """Publish until the server says that the idler is behind, or has cut it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await self.client.nc.publish("flood", BLOCK)
                await self.client.settle()
                state = await self.port.state()
                if state.slow and any(each.cut for each in state.slow) == cut:
                    return state


@pytest.fixture
async def flood(strict_server: EmbeddedServer) -> AsyncIterator[Flood]:
    flood = Flood(strict_server)
    await flood.client.connect(wait_s=10)
    yield flood
    flood.idler.close()
    await flood.port.close()
    await flood.client.close()


async def test_a_client_that_is_cut_is_named_until_it_is_long_ago(flood: Flood, watching: Watching) -> None:
    watched = await watching(flood.server, expected=(), slow_for_s=2.0)
    await watched.until("/healthz", lambda status, _: status == 200)
    left_by_itself = Client(flood.server.url)
    await left_by_itself.connect(wait_s=10)
    await left_by_itself.close()
    state = await flood.until(cut=True)
    assert [(each.name, each.cut) for each in state.slow] == [("idler", True)]
    assert state.slow_consumers_total >= 1  # once for its bytes, and once more when its last write fails
    await watched.until_raised("KioskSlowConsumers")
    flood.idler.close()  # else the server keeps trying to write to it
    await watched.until_raised("KioskSlowConsumers", raised=False)
    found = samples((await watched.get("/metrics"))[1].encode())
    assert value(found, "nats_slow_consumers") == 0
    assert (value(found, "nats_server_slow_consumers_total") or 0) >= 1


async def test_a_client_that_is_behind_is_an_alert_until_it_reads(
    flood: Flood, watching: Watching, caplog: pytest.LogCaptureFixture
) -> None:
    watched = await watching(flood.server, expected=())
    state = await flood.until(cut=False)
    assert [each.name for each in state.slow] == ["idler"]
    assert state.slow[0].pending_bytes > 0.1 * state.max_pending_bytes
    await watched.until_raised("KioskSlowConsumers")
    _, body = await watched.json("/alerts")
    assert any("idler" in alert["text"] for alert in body["alerts"])
    assert value(samples((await watched.get("/metrics"))[1].encode()), "nats_slow_consumers") == 1
    reading = asyncio.create_task(flood.idler.read())
    await watched.until_raised("KioskSlowConsumers", raised=False)
    began, ended = (record.getMessage() for record in caplog.records if "idler" in record.getMessage())
    assert began.startswith("KioskSlowConsumers: ")
    assert ended.startswith("over after ")
    reading.cancel()
    await asyncio.wait([reading])


async def test_what_the_server_says_of_itself(each_server: EmbeddedServer) -> None:
    port = MonitoringPort(each_server.monitor_url + "/")
    client = Client(each_server.url)
    await client.connect(wait_s=10)
    state = await port.state(each_server.url)
    assert state.version.startswith("2.")
    assert state.connections == 1
    assert state.in_msgs >= 0
    assert (state.memory_limit_bytes, state.file_limit_bytes) == (256 * 2**20, 2**30)
    assert (state.slow, state.problem) == ((), "")
    await client.close()
    await port.close()


async def test_another_servers_port_is_refused(nats_server: EmbeddedServer, tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path / "other") as other:
        port = MonitoringPort(other.monitor_url)
        with pytest.raises(ServerSilent, match="belongs to another server"):
            await port.state(nats_server.url)
        await port.state(other.url.replace("127.0.0.1", "localhost"))
        await port.close()


async def test_nobody_there_is_said(nats_server: EmbeddedServer) -> None:
    port = MonitoringPort(nats_server.monitor_url)
    await nats_server.kill()
    with pytest.raises(ServerSilent, match="does not answer"):
        await port.state()
    await port.close()


VARZ = {"version": "2.10.0", "port": 4222, "slow_consumers": 0, "max_pending": 1}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>"),
        (200, "[]"),
        (200, "{}"),
        (200, json.dumps(VARZ)),
        (200, json.dumps(VARZ | {"start": "yesterday"})),
        (500, "{}"),
    ],
)
async def test_what_is_no_nats_server_is_said(status: int, body: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = MonitoringPort(f"http://127.0.0.1:{runner.addresses[0][1]}")
    with pytest.raises(ServerSilent):
        await port.state()
    await port.close()
    await runner.cleanup()


@pytest.mark.parametrize(
    "text", ["2026-11-23T12:33:30Z", "2026-11-23T12:33:30.5Z", "2026-11-23T12:33:30.123456789+01:00"]
)
def test_gos_times_are_read(text: str) -> None:
    assert _moment(text).tzinfo is not None
