"""The monitor's HTTP: /healthz and its parts, /metrics, /alerts. Reads only; on loopback."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from edge.monitor.alarm import Standing
from edge.monitor.health import Health, Part
from edge.monitor.metrics import CONTENT_TYPE

_LOOPBACK = "127.0.0.1"
_STOP_TIMEOUT_S = 2.0


class Web:
    """Serves what the three questions answer, each asked anew for each request."""

    def __init__(
        self,
        port: int,
        *,
        health: Callable[[], Awaitable[Health]],
        metrics: Callable[[], Awaitable[bytes]],
        alerts: Callable[[], Awaitable[list[Standing]]],
    ) -> None:
        self._wanted_port = port
        self._health = health
        self._metrics = metrics
        self._alerts = alerts
        self._runner: web.AppRunner | None = None
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        """The port it has; 0 while it isn't serving."""
        return int(self._socket.getsockname()[1]) if self._socket else 0

    async def start(self) -> None:
        """Take the port and answer.

        Raises:
            OSError: another program has the port; the text says which.
        """
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_LOOPBACK, self._wanted_port))
        except OSError as error:
            listener.close()
            text = f"the monitor can't be served on port {self._wanted_port}: {error.strerror}"
            raise OSError(error.errno, text) from error
        app = web.Application()
        app.router.add_get("/", self._root)
        app.router.add_get("/healthz", self._kiosk)
        app.router.add_get("/healthz/{part}", self._part)
        app.router.add_get("/healthz/agents/{name}", self._agent)
        app.router.add_get("/metrics", self._scrape)
        app.router.add_get("/alerts", self._raised)
        self._socket = listener
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_TIMEOUT_S)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def stop(self) -> None:
        """Stop answering and give the port back."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _root(self, _request: web.Request) -> web.Response:
        return web.Response(
            text="/healthz /healthz/server /healthz/streams /healthz/agents/NAME /healthz/devices /metrics /alerts\n"
        )

    async def _kiosk(self, _request: web.Request) -> web.Response:
        return _answer((await self._health()).kiosk)

    async def _part(self, request: web.Request) -> web.Response:
        health = await self._health()
        parts = {
            "server": health.server,
            "streams": health.streams,
            "agents": health.all_agents,
            "devices": health.devices,
        }
        part = parts.get(request.match_info["part"])
        return _answer(part) if part else _unknown("part", parts)

    async def _agent(self, request: web.Request) -> web.Response:
        agents = (await self._health()).agents
        part = agents.get(request.match_info["name"])
        return _answer(part) if part else _unknown("agent", agents)

    async def _scrape(self, _request: web.Request) -> web.Response:
        return web.Response(body=await self._metrics(), headers={"Content-Type": CONTENT_TYPE})

    async def _raised(self, _request: web.Request) -> web.Response:
        return web.json_response({"alerts": [alert_json(each) for each in await self._alerts()]})


def alert_json(standing: Standing) -> dict[str, Any]:
    """A raised alert as /alerts and `kiosk bus status --json` give it."""
    alert = standing.alert
    return {
        "alert": alert.kind.name,
        "severity": alert.kind.severity,
        "labels": dict(alert.labels),
        "text": alert.text,
        "advice": alert.kind.advice,
        "since": standing.since.isoformat(timespec="seconds"),
    }


def _answer(part: Part) -> web.Response:
    return web.json_response(part.as_json(), status=200 if part.ok else 503)


def _unknown(what: str, known: dict[str, Any] | dict[str, Part]) -> web.Response:
    body = {"status": "unknown", "problems": [f"there is no such {what}; there are: {', '.join(known)}"]}
    return web.json_response(body, status=404)
