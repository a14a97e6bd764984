"""The web server of the kiosk page: static files, the page's configuration, receipts, /healthz."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from edge.contract.streams import EVENTS_STREAM
from edge.contract.subjects import CART_ACTION, TOUCH, UI_UPDATE
from edge.frontend.guard import LOOPBACK, add_headers, loopback_only

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
_RECEIPT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_HEALTH_TIMEOUT_S = 3.0
_STOP_TIMEOUT_S = 2.0  # an open event stream would otherwise hold a stop for a minute

# What of the kiosk works, by name: {"bus": True, "printer": False}.
Health = Callable[[], Awaitable[Mapping[str, bool]]]
# Adds routes of its own to the server before it starts.
Mount = Callable[[web.Application], None]


@dataclass(frozen=True)
class PageConfig:
    """What the page must know to join the bus; it reads it from /config.json before each connection.

    `websocket_url` is nats-server's, such as ``ws://127.0.0.1:9222``; `currency` an ISO 4217 code.
    """

    websocket_url: str
    kiosk_id: str
    currency: str

    def as_json(self) -> dict[str, object]:
        """The fields of /config.json; the subjects come from the contract's table."""
        return {
            "websocket_url": self.websocket_url,
            "kiosk_id": self.kiosk_id,
            "currency": self.currency,
            "stream": EVENTS_STREAM["name"],
            "subjects": {
                "ui_update": UI_UPDATE.subject,
                "touch": TOUCH.subject,
                "cart_action": CART_ACTION.subject,
            },
        }


def make_app(
    *,
    config: PageConfig,
    nats_client: Path,
    receipts_dir: Path | None = None,
    healthy: Health | None = None,
    mistakes: Path | None = None,
    home: str = "/kiosk/",
    mounts: Sequence[Mount] = (),
) -> web.Application:
    """The kiosk page's web application.

    `nats_client` is the browser's NATS client, one ES module (the model store's asset ``nats_ws``);
    `receipts_dir` holds ``<transaction_id>.pdf``; `/` leads to `home`; each of `mounts` may add routes. `mistakes` is
    what `kiosk firstboot` found wrong in the configuration, as JSON; while there is such a file, the page shows it.

    Raises:
        FileNotFoundError: `nats_client` is not there.
    """
    if not nats_client.is_file():
        raise FileNotFoundError(f"the browser's NATS client is not at {nats_client}")

    async def to_home(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(home)

    async def kiosk(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html")

    async def page_config(_request: web.Request) -> web.StreamResponse:
        return web.json_response(config.as_json())

    async def vendor(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(nats_client, headers={"Content-Type": "text/javascript; charset=utf-8"})

    async def receipt(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        path = receipts_dir / f"{name}.pdf" if receipts_dir and _RECEIPT_NAME.fullmatch(name) else None
        if path is None or not await asyncio.to_thread(path.is_file):
            raise web.HTTPNotFound(text="there is no such receipt\n")
        headers = {"Content-Type": "application/pdf", "Cache-Control": "no-store"}
        return web.FileResponse(path, headers=headers)

    async def health(_request: web.Request) -> web.StreamResponse:
        return await _answer_health(healthy)

    async def told_mistakes(_request: web.Request) -> web.StreamResponse:
        try:
            found = await asyncio.to_thread(mistakes.read_bytes) if mistakes else None
        except OSError:
            found = None  # it is there only while there are some
        return web.Response(body=found or b"{}", content_type="application/json")

    app = web.Application(middlewares=[loopback_only])
    app.on_response_prepare.append(add_headers)
    app.router.add_get("/", to_home)
    app.router.add_get("/kiosk/", kiosk)
    app.router.add_get("/config.json", page_config)
    app.router.add_get("/mistakes.json", told_mistakes)
    app.router.add_get("/vendor/nats.js", vendor)
    app.router.add_get("/receipts/{name}.pdf", receipt)
    app.router.add_get("/healthz", health)
    app.router.add_static("/static", STATIC)
    app.router.add_static("/img", STATIC / "img")
    for mount in mounts:
        mount(app)
    return app


async def _answer_health(healthy: Health | None) -> web.Response:
    if healthy is None:
        return web.json_response({"status": "ok", "checks": {}})
    try:
        checks = dict(await asyncio.wait_for(healthy(), _HEALTH_TIMEOUT_S))
    except TimeoutError:
        return _unhealthy({}, [f"an answer within {_HEALTH_TIMEOUT_S:g} s"])
    except Exception as error:
        log.exception("the health check has a fault")
        return _unhealthy({}, [f"the health check itself: {type(error).__name__}"])
    missing = [name for name, good in checks.items() if not good]
    return _unhealthy(checks, missing) if missing else web.json_response({"status": "ok", "checks": checks})


def _unhealthy(checks: dict[str, bool], missing: list[str]) -> web.Response:
    return web.json_response({"status": "unhealthy", "missing": missing, "checks": checks}, status=503)


class PageServer:
    """Serves an application on loopback, in two steps.

    nats-server must be told the page's origin before it starts, and the page must be told nats-server's
    address: so `bind` first, which settles `origin`, then start nats-server, then `serve`.
    """

    def __init__(self, port: int = 0) -> None:
        self._wanted_port = port
        self._socket: socket.socket | None = None
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port it has; 0 before `bind`."""
        return int(self._socket.getsockname()[1]) if self._socket else 0

    @property
    def origin(self) -> str:
        """The page's origin, such as ``http://127.0.0.1:8080``.

        Raises:
            RuntimeError: not bound yet.
        """
        if self._socket is None:
            raise RuntimeError("bind first: the port is not known yet")
        return f"http://{LOOPBACK}:{self.port}"

    def bind(self) -> None:
        """Take the port (0: a free one).

        Raises:
            OSError: another program has it; the text says which port.
        """
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, self._wanted_port))
        except OSError as error:
            listener.close()
            raise OSError(
                error.errno, f"the page can't be served on port {self._wanted_port}: {error.strerror}"
            ) from error
        self._socket = listener

    async def serve(self, app: web.Application) -> None:
        """Answer requests with `app` from now on.

        Raises:
            RuntimeError: not bound yet.
        """
        if self._socket is None:
            raise RuntimeError("bind first: the port is not known yet")
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_TIMEOUT_S)
        await runner.setup()
        self._runner = runner
        await web.SockSite(runner, self._socket).start()

    async def stop(self) -> None:
        """Stop answering and give the port back."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
