"""nats-server's own monitoring port (section 11.1), by default 8222: what only the server knows of itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp

DEFAULT_SERVER_URL = "http://127.0.0.1:8222"

_TIMEOUT = aiohttp.ClientTimeout(total=2.0)
_NEWEST_CLOSED = 256  # connections; the server keeps 10,000
_SLOW = "Slow Consumer"  # how the server's reasons for cutting a connection begin
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class ServerSilent(Exception):
    """The monitoring port does not answer, or not as nats-server does; the text says which and why."""


@dataclass(frozen=True)
class SlowConsumer:
    """A connection that falls behind: `cut` by the server `ago_s` seconds ago, or still there with bytes waiting."""

    name: str
    cut: bool
    ago_s: float = 0.0
    pending_bytes: int = 0


@dataclass(frozen=True)
class ServerState:
    """nats-server at one moment. Counters start at 0 with each `started`; `problem` is /healthz's, or empty."""

    version: str
    started: str
    uptime: str
    uptime_s: float
    connections: int
    memory_bytes: int
    in_msgs: int
    out_msgs: int
    in_bytes: int
    out_bytes: int
    slow_consumers_total: int
    max_pending_bytes: int
    jetstream_memory_bytes: int
    jetstream_file_bytes: int
    memory_limit_bytes: int | None
    file_limit_bytes: int | None
    slow: tuple[SlowConsumer, ...]
    problem: str = ""


class MonitoringPort:
    """Asks the monitoring port at `url`. `behind` is the share of max_pending past which a connection is slow."""

    def __init__(self, url: str = DEFAULT_SERVER_URL, *, slow_for_s: float = 300.0, behind: float = 0.1) -> None:
        self.url = url.rstrip("/")
        self._slow_for_s = slow_for_s
        self._behind = behind
        self._session: aiohttp.ClientSession | None = None

    async def state(self, bus_url: str = "") -> ServerState:
        """How the server is now.

        `bus_url` is where the bus is: on one machine the monitoring port of another server is refused.

        Raises:
            ServerSilent: it does not answer within 2 s, is no nats-server, or another one than the bus's.
        """
        varz = await self._get("/varz")
        try:
            self._same_server(bus_url, varz)
            health = await self._get("/healthz", failing=True)
            slow = await self._slow_consumers(varz)
            return _state(varz, health, slow)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ServerSilent(f"{self.url} does not answer as nats-server does: {error!r}") from error

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _get(self, path: str, *, failing: bool = False) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        try:
            async with self._session.get(self.url + path) as answer:
                if answer.status != 200 and not failing:
                    raise ServerSilent(f"{self.url}{path} answers with status {answer.status}")
                found = json.loads(await answer.text())
        except aiohttp.ClientConnectorError as error:
            raise ServerSilent(f"{self.url} does not answer: {error.os_error.strerror or error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ServerSilent(f"{self.url} does not answer: {str(error) or 'timeout'}") from error
        except ValueError as error:
            raise ServerSilent(f"{self.url}{path} does not answer as nats-server does: {error}") from error
        if not isinstance(found, dict):
            raise ServerSilent(f"{self.url}{path} does not answer as nats-server does")
        return found

    def _same_server(self, bus_url: str, varz: dict[str, Any]) -> None:
        bus, here = urlsplit(bus_url), urlsplit(self.url)
        if bus.hostname in _LOOPBACK and here.hostname in _LOOPBACK and (bus.port or 4222) != varz["port"]:
            raise ServerSilent(f"{self.url} belongs to another server, on port {varz['port']}")

    async def _slow_consumers(self, varz: dict[str, Any]) -> tuple[SlowConsumer, ...]:
        """Who is behind now, and who was cut for it lately, by the server's own clock."""
        found: dict[int, SlowConsumer] = {}  # by the server's number: one may be cut between the two questions
        seen = await self._get("/connz?sort=pending&limit=16")
        for each in seen["connections"]:
            pending = int(each.get("pending_bytes", 0))
            if pending > self._behind * varz["max_pending"]:
                found[each["cid"]] = SlowConsumer(_name(each), cut=False, pending_bytes=pending)
        if varz["slow_consumers"]:
            seen = await self._get(f"/connz?state=closed&sort=stop&limit={_NEWEST_CLOSED}")
            now = _moment(seen["now"])
            for each in seen["connections"]:
                ago_s = (now - _moment(each["stop"])) / timedelta(seconds=1)
                if str(each.get("reason", "")).startswith(_SLOW) and ago_s <= self._slow_for_s:
                    found[each["cid"]] = SlowConsumer(_name(each), cut=True, ago_s=ago_s)
        return tuple(found.values())


def _state(varz: dict[str, Any], health: dict[str, Any], slow: tuple[SlowConsumer, ...]) -> ServerState:
    jetstream = varz.get("jetstream") or {}  # empty on a server without it
    limits, stored = jetstream.get("config") or {}, jetstream.get("stats") or {}
    problem = "" if health.get("status") == "ok" else str(health.get("error") or health.get("status") or "unhealthy")
    return ServerState(
        version=str(varz["version"]),
        started=str(varz["start"]),
        uptime=str(varz["uptime"]),
        uptime_s=(_moment(varz["now"]) - _moment(varz["start"])) / timedelta(seconds=1),
        connections=int(varz["connections"]),
        memory_bytes=int(varz["mem"]),
        in_msgs=int(varz["in_msgs"]),
        out_msgs=int(varz["out_msgs"]),
        in_bytes=int(varz["in_bytes"]),
        out_bytes=int(varz["out_bytes"]),
        slow_consumers_total=int(varz["slow_consumers"]),
        max_pending_bytes=int(varz["max_pending"]),
        jetstream_memory_bytes=int(stored.get("memory", 0)),
        jetstream_file_bytes=int(stored.get("storage", 0)),
        memory_limit_bytes=limits.get("max_memory"),
        file_limit_bytes=limits.get("max_storage"),
        slow=slow,
        problem=problem,
    )


def _name(connection: dict[str, Any]) -> str:
    return str(connection.get("name") or f"{connection.get('ip', '?')}:{connection.get('port', '?')}")


def _moment(text: str) -> datetime:
    """Go writes up to nine digits of a second; Python 3.11 reads them, and drops what is finer than 1 us."""
    return datetime.fromisoformat(text)
