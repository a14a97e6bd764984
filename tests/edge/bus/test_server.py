"""The embedded server, the shipped configuration, and what a browser page may do."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import urllib.request
from pathlib import Path

import aiohttp
import pytest

from edge.bus import Client, EmbeddedServer
from edge.bus.connection import BusUnreachable
from edge.bus.keys import make_keys, write_conf
from edge.bus.server import PageAccess, ServerFailed, ServerMissing, find_server
from edge.contract.accounts import PAGE_KEY
from edge.contract.subjects import PAYMENT_PROCESS, PERSON_DETECTED, TOUCH, UI_UPDATE
from edge.contract.vision import PersonDetected
from tests.conftest import server_2_10

REPOSITORY = Path(__file__).resolve().parents[3]
ORIGIN = "http://127.0.0.1:18080"


def get(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - a server of this test
        value = json.loads(answer.read())
    assert isinstance(value, dict)
    return value


async def test_it_comes_back_at_its_address_with_what_was_acknowledged(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path / "nats") as server:
        client = Client(server.url)
        await client.connect(wait_s=10, setup=True)
        for _ in range(20):
            await client.publish(PERSON_DETECTED, PersonDetected())
        await client.close()
        url = server.url
        await server.kill()
        assert not server.running
        await server.start()
        assert server.url == url
        client = Client(server.url)
        await client.connect(wait_s=10)
        assert (await client.js.stream_info("KIOSK_EVENTS")).state.messages == 20
        await client.close()


async def test_it_has_the_monitoring_port(nats_server: EmbeddedServer) -> None:
    health = await asyncio.to_thread(get, f"{nats_server.monitor_url}/healthz")
    assert health["status"] == "ok"


async def test_what_it_acknowledges_is_on_the_disk(nats_server: EmbeddedServer) -> None:
    jetstream = await asyncio.to_thread(get, f"{nats_server.monitor_url}/jsz")
    config = jetstream["config"]
    assert isinstance(config, dict)
    assert config["sync_always"] is True


async def test_a_program_that_is_no_server_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIOSK_NATS_SERVER", str(tmp_path / "absent"))
    with pytest.raises(ServerMissing, match="absent"):
        find_server()
    server = EmbeddedServer(tmp_path / "nats", program=Path("/bin/false"))
    with pytest.raises(ServerFailed, match="stopped at once"):
        await server.start()


async def test_a_port_that_is_taken_is_a_clear_error(tmp_path: Path, nats_server: EmbeddedServer) -> None:
    port = int(nats_server.url.rsplit(":", 1)[1])
    with pytest.raises(ServerFailed, match="address already in use"):
        await EmbeddedServer(tmp_path / "second", port=port).start()


async def test_no_server_is_a_clear_error(tmp_path: Path) -> None:
    async with EmbeddedServer(tmp_path / "nats") as server:
        url = server.url
    with pytest.raises(BusUnreachable, match="no NATS server answers"):
        await Client(url).connect(wait_s=0.5)


def test_the_shipped_configuration_is_what_the_specification_says(tmp_path: Path) -> None:
    text = (REPOSITORY / "nats-server.conf").read_text(encoding="utf-8")
    for line in ("port: 4222", 'store_dir: "/data/nats"', "max_memory_store: 256MB", "max_file_store: 1GB"):
        assert line in text
    assert re.search(r"^\s*sync_interval: always$", text, re.MULTILINE)
    assert "127.0.0.1:8222" in text
    (tmp_path / "nats-server.conf").write_text(text, encoding="utf-8")
    container = tmp_path / "container.conf"
    container.write_text("include ./nats-server.conf\nhost: 0.0.0.0\nhttp: 0.0.0.0:8222\n", encoding="utf-8")
    for config in (tmp_path / "nats-server.conf", container):
        done = subprocess.run([find_server(), "-t", "-c", config], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert container.read_text(encoding="utf-8").splitlines()[0] in (REPOSITORY / "docker-compose.yml").read_text(
        encoding="utf-8"
    )


def test_the_shipped_configuration_with_keys_takes_what_kiosk_bus_keys_writes(tmp_path: Path) -> None:
    for name in ("nats-server.conf", "nats-server-keys.conf"):
        (tmp_path / name).write_text((REPOSITORY / name).read_text(encoding="utf-8"), encoding="utf-8")
    keys = {each.user: each.public for each in make_keys(tmp_path / "keys")}
    write_conf(tmp_path / "keys" / "nats-auth.conf", keys)
    for program in (find_server(), server_2_10()):
        checking: list[str | Path] = [program, "-t", "-c", tmp_path / "nats-server-keys.conf"]
        done = subprocess.run(checking, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    text = (REPOSITORY / "nats-server-keys.conf").read_text(encoding="utf-8")
    assert f"no_auth_user: {PAGE_KEY}" in text
    assert re.search(r"^  host: 127\.0\.0\.1$", text, re.MULTILINE)


class Page:
    """A browser's side of the server's WebSocket, speaking NATS itself: nats-py leaks its own on closing."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._heard = ""

    async def say(self, text: str) -> None:
        await self._socket.send_bytes(text.replace("\n", "\r\n").encode())

    async def hears(self, words: str) -> None:
        """Wait until the server said `words`, and forget all up to them."""
        async with asyncio.timeout(5):
            while words.lower() not in self._heard.lower():
                self._heard += bytes((await self._socket.receive()).data).decode()
        self._heard = self._heard[self._heard.lower().index(words.lower()) + len(words) :]


async def test_the_page_may_send_input_and_read_the_screen_and_no_more(tmp_path: Path) -> None:
    async with (
        EmbeddedServer(tmp_path / "nats", page=PageAccess(ORIGIN)) as server,
        aiohttp.ClientSession() as web,
    ):
        agent = Client(server.url)
        await agent.connect(wait_s=10, setup=True)
        heard = await agent.nc.subscribe(TOUCH.subject)
        await agent.settle()
        page = Page(await web.ws_connect(server.websocket_url, origin=ORIGIN))
        await page.say(
            'CONNECT {"verbose":false}\n' + f"SUB {UI_UPDATE.subject} 1\nPUB {TOUCH.subject} 2\n{{}}\nPING\n"
        )
        await page.hears("PONG")
        assert (await heard.next_msg(timeout=5)).data == b"{}"
        await agent.nc.publish(UI_UPDATE.subject, b"screen")
        await page.hears("screen")
        for subject in (
            PAYMENT_PROCESS.subject,
            PERSON_DETECTED.subject,
            "$JS.API.STREAM.DELETE.KIOSK_EVENTS",
        ):
            await page.say(f"PUB {subject} 2\n{{}}\n")
            await page.hears(f'Permissions Violation for Publish to "{subject}"')
        for subject in ("kiosk.>", "kiosk.input.>", "_INBOX.>"):
            await page.say(f"SUB {subject} 9\n")
            await page.hears(f'Permissions Violation for Subscription to "{subject}"')
        await agent.close()


async def test_another_origin_is_shut_out(tmp_path: Path) -> None:
    async with (
        EmbeddedServer(tmp_path / "nats", page=PageAccess(ORIGIN)) as server,
        aiohttp.ClientSession() as web,
    ):
        async with web.ws_connect(server.websocket_url, origin=ORIGIN):
            pass
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await web.ws_connect(server.websocket_url, origin="http://127.0.0.1:1")
        assert refused.value.status == 403
