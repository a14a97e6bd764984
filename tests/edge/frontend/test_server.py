"""The page's web server: what it hands out, to whom, and what it says of the kiosk's health."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from edge.frontend import PageConfig, PageServer, make_app, server

CONFIG = PageConfig(websocket_url="ws://127.0.0.1:9222", kiosk_id="kiosk-001", currency="USD")
RECEIPT = b"%PDF-1.4 a receipt"

Serve = Callable[..., AbstractAsyncContextManager[ClientSession]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serves the page with the given options; yields a browser's session with it."""
    client = tmp_path / "nats.ws.js"
    client.write_text("export const connect = 0;")
    receipts = tmp_path / "receipts"
    receipts.mkdir()
    (receipts / "txn-1.pdf").write_bytes(RECEIPT)
    (tmp_path / "secret.pdf").write_bytes(b"secret")

    @contextlib.asynccontextmanager
    async def run(**options: object) -> AsyncIterator[ClientSession]:
        page = PageServer()
        page.bind()
        given = {"config": CONFIG, "nats_client": client, "receipts_dir": receipts} | options
        await page.serve(make_app(**given))  # type: ignore[arg-type] # options are the tests' own
        try:
            async with ClientSession(page.origin) as session:
                yield session
        finally:
            await page.stop()

    return run


async def test_the_page_and_what_belongs_to_it(serve: Serve) -> None:
    async with serve() as session:
        async with session.get("/") as answer:  # leads to the page
            assert str(answer.url).endswith("/kiosk/")
            assert answer.content_type == "text/html"
        for path, kind in (
            ("/static/page.js", "javascript"),
            ("/static/css/tokens.css", "text/css"),
            ("/img/volcano.svg", "image/svg+xml"),
            ("/vendor/nats.js", "javascript"),
        ):
            async with session.get(path) as answer:
                assert answer.status == 200
                assert kind in answer.content_type
        async with session.get("/config.json") as answer:
            assert await answer.json() == {
                "websocket_url": "ws://127.0.0.1:9222",
                "kiosk_id": "kiosk-001",
                "currency": "USD",
                "stream": "KIOSK_EVENTS",
                "subjects": {
                    "ui_update": "kiosk.ui.update",
                    "touch": "kiosk.input.touch",
                    "cart_action": "kiosk.input.cart_action",
                },
            }


@pytest.mark.parametrize("path", ["/kiosk/", "/config.json", "/static/page.js", "/nowhere", "/", "/healthz"])
async def test_every_answer_keeps_other_pages_away(serve: Serve, path: str) -> None:
    async with serve() as session, session.get(path, allow_redirects=False) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "connect-src 'self' ws://127.0.0.1:*" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "host", ["kiosk.example", "127.0.0.1.example:80", "10.0.0.5", "", "a b", "[::2]", "127.0.0.1@x"]
)
async def test_a_foreign_host_name_gets_nothing(serve: Serve, host: str) -> None:
    async with serve() as session:
        for path in ("/kiosk/", "/config.json", "/healthz"):
            async with session.get(path, headers={"Host": host}) as answer:
                assert answer.status in {400, 403}  # 400: aiohttp itself finds it malformed
                assert "websocket_url" not in await answer.text()


async def test_localhost_is_led_to_the_only_origin_that_works(serve: Serve) -> None:
    async with serve() as session:
        port = session._base_url.port if session._base_url else 0
        for host in (f"localhost:{port}", f"[::1]:{port}"):
            async with session.get("/kiosk/?a=1", headers={"Host": host}, allow_redirects=False) as answer:
                assert answer.status == 307
                assert answer.headers["Location"] == f"http://127.0.0.1:{port}/kiosk/?a=1"
        async with session.get("/healthz", headers={"Host": "localhost"}) as answer:
            assert answer.status == 200, "a monitor may use either name"


async def test_receipts_by_name_and_nothing_else(serve: Serve) -> None:
    async with serve() as session:
        async with session.get("/receipts/txn-1.pdf") as answer:
            assert (answer.status, await answer.read()) == (200, RECEIPT)
            assert answer.content_type == "application/pdf"
            assert answer.headers["Cache-Control"] == "no-store"
        for path in (
            "/receipts/txn-2.pdf",
            "/receipts/..%2Fsecret.pdf",
            "/receipts/%2e%2e%2fsecret.pdf",
            "/receipts/txn-1%00.pdf",
            "/receipts/-x.pdf",
            "/receipts/",
        ):
            async with session.get(path) as answer:
                assert answer.status == 404, path
    async with serve(receipts_dir=None) as session, session.get("/receipts/txn-1.pdf") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    "path", ["/static/", "/img/", "/static", "/static/../server.py", "/static/%2e%2e/server.py", "/img/../page.js"]
)
async def test_no_folder_is_listed_and_none_left(serve: Serve, path: str) -> None:
    async with serve() as session:
        port = session._base_url.port if session._base_url else 0
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        # A raw request: a client library would tidy the dots away.
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        assert answer.split()[1] in {"403", "404"}
        assert "make_app" not in answer
        assert "components" not in answer


async def test_health_is_what_works(serve: Serve) -> None:
    state: dict[str, bool] = {"bus": True, "printer": True}

    async def healthy() -> Mapping[str, bool]:
        return state

    async with serve(healthy=healthy) as session:
        async with session.get("/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ok", "checks": state})
        state["printer"] = False
        async with session.get("/healthz") as answer:
            assert answer.status == 503
            assert await answer.json() == {"status": "unhealthy", "missing": ["printer"], "checks": state}


async def test_health_that_cannot_be_told_is_not_good(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> Mapping[str, bool]:
        raise KeyError("secret detail")

    async with serve(healthy=broken) as session, session.get("/healthz") as answer:
        assert answer.status == 503
        assert "secret" not in await answer.text()

    async def endless() -> Mapping[str, bool]:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(server, "_HEALTH_TIMEOUT_S", 0.05)
    async with serve(healthy=endless) as session, session.get("/healthz") as answer:
        assert answer.status == 503
        assert (await answer.json())["missing"] == ["an answer within 0.05 s"]


async def test_a_mount_adds_its_routes_and_home_can_be_there(serve: Serve) -> None:
    async def bench(_: web.Request) -> web.Response:
        return web.Response(text="the bench")

    def mount(app: web.Application) -> None:
        app.router.add_get("/bench/", bench)

    async with serve(home="/bench/", mounts=[mount]) as session:
        async with session.get("/") as answer:
            assert await answer.text() == "the bench"
            assert "Content-Security-Policy" in answer.headers
        async with session.get("/bench/", headers={"Host": "kiosk.example"}) as answer:
            assert answer.status == 403


async def test_the_origin_is_known_before_anything_is_served() -> None:
    page = PageServer()
    with pytest.raises(RuntimeError, match="bind first"):
        _ = page.origin
    page.bind()
    assert page.origin == f"http://127.0.0.1:{page.port}"
    assert page.port > 0
    await page.stop()
    await page.stop()  # twice does no harm
    with pytest.raises(RuntimeError, match="bind first"):
        await page.serve(web.Application())


async def test_a_port_in_use_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"can't be served on port {port}: Address already in use"):
            PageServer(port).bind()


def test_without_the_nats_client_there_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="NATS client is not at"):
        make_app(config=CONFIG, nats_client=tmp_path / "absent.js")


async def test_mistakes_are_told_while_there_are_some(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "mistakes.json"
    async with serve() as session, session.get("/mistakes.json") as answer:
        assert await answer.json() == {}
    async with serve(mistakes=file) as session:
        async with session.get("/mistakes.json") as answer:
            assert await answer.json() == {}
        file.write_text('{"title": "A mistake"}')
        async with session.get("/mistakes.json") as answer:
            assert (answer.content_type, await answer.json()) == ("application/json", {"title": "A mistake"})
