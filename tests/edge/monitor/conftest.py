"""A monitor on a real server, asked over HTTP as Prometheus asks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from edge.bus import EmbeddedServer
from edge.monitor import Monitor

Get = Callable[[str], Awaitable[tuple[int, str]]]
Watching = Callable[..., Awaitable["Watched"]]

PATIENCE_S = 30


class Watched:
    """A running monitor, and the way to ask it."""

    def __init__(self, monitor: Monitor, web: aiohttp.ClientSession) -> None:
        self.monitor = monitor
        self._web = web

    async def get(self, path: str) -> tuple[int, str]:
        async with self._web.get(self.monitor.url + path) as answer:
            return answer.status, await answer.text()

    async def json(self, path: str) -> tuple[int, dict[str, Any]]:
        status, text = await self.get(path)
        return status, json.loads(text)

    async def until(self, path: str, holds: Callable[[int, dict[str, Any]], bool]) -> dict[str, Any]:
        """Ask until what `holds` says is so."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                status, body = await self.json(path)
                if holds(status, body):
                    return body

    async def until_raised(self, name: str, *, raised: bool = True) -> None:
        def holds(_status: int, body: dict[str, Any]) -> bool:
            return (name in {alert["alert"] for alert in body["alerts"]}) == raised

        await self.until("/alerts", holds)


@pytest.fixture
async def watching() -> AsyncIterator[Watching]:
    """Start a monitor on a server (or on its addresses), with a free port and a short interval."""
    started: list[Monitor] = []
    async with aiohttp.ClientSession() as web:

        async def start(server: EmbeddedServer, **options: Any) -> Watched:
            chosen: dict[str, Any] = {"port": 0, "server_url": server.monitor_url, "interval_s": 0.2} | options
            monitor = Monitor(server.url, **chosen)
            started.append(monitor)
            await monitor.connect()
            return Watched(monitor, web)

        yield start
        for monitor in started:
            await monitor.close()
