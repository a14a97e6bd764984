"""`kiosk bus status`: how the bus is, to a person or as JSON."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live

from edge.bus import Client
from edge.bus.connection import DEFAULT_URL
from edge.cli.bus.figures import Figures, as_json, shown
from edge.cli.bus.opening import connected
from edge.cli.speaking import console, fail, run
from edge.config import ConfigError, load
from edge.contract.subjects import AGENTS
from edge.monitor.alerts import MONITORING_DOWN, Alert, find
from edge.monitor.latency import LatencyTotals
from edge.monitor.look import Look, look
from edge.monitor.server import DEFAULT_SERVER_URL, MonitoringPort


def status(
    *,
    config: Annotated[
        Path | None, typer.Option("--config", help="Take addresses and the expected agents from this kiosk.toml.")
    ] = None,
    agents: Annotated[
        list[str] | None,
        typer.Option("--agent", help="An agent that has to be up; again for more. (default: all)", show_default=False),
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", envvar="KIOSK_BUS_URL", help=f"The NATS server. (default: {DEFAULT_URL})")
    ] = None,
    server_monitor_url: Annotated[
        str | None,
        typer.Option(
            envvar="KIOSK_SERVER_MONITOR_URL", help=f"nats-server's monitoring port. (default: {DEFAULT_SERVER_URL})"
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object; with --watch one a line.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every 2 seconds, until Ctrl-C.")] = False,
) -> None:
    """Show the server, streams, work queues, agents, latency per command, and what is wrong.

    Exits 1 when something is: an agent that isn't up, a missing stream, dead letters, a slow consumer.
    Latency counts since the agents started; whether it is an alert now, only --watch and kiosk monitor can say.
    """
    try:
        chosen = load(config) if config else None
    except ConfigError as error:
        fail(str(error))
    unknown = [name for name in agents or () if name not in AGENTS]
    if unknown:
        fail(f"there is no agent {unknown[0]!r}; there are: {', '.join(AGENTS)}", 2)
    port_url = server_monitor_url or (chosen.monitor.server_url if chosen else None)
    glance = _Glance(
        url or (chosen.bus.url if chosen else DEFAULT_URL),
        port_url,
        agents or (chosen.monitor.agents if chosen else AGENTS),
    )
    if watch:
        run(glance.watch(as_lines=json_))
        return
    figures = run(glance.once())
    if json_:
        print(json.dumps(as_json(figures)))
    else:
        console.print(shown(figures))
    if figures.alerts:
        raise typer.Exit(1)


_AGAIN_S = 2.0


class _Glance:
    """Looks at the bus at `url`; a monitoring port that wasn't named may be closed without it being an alert."""

    def __init__(self, url: str, server_url: str | None, expected: Sequence[str]) -> None:
        self._url = url
        self._server_named = server_url is not None
        self._server_url = server_url or DEFAULT_SERVER_URL
        self._expected = expected
        self._since_start = LatencyTotals(from_start=True)
        self._of_late = LatencyTotals()
        self._before: tuple[float, Look] | None = None

    async def once(self) -> Figures:
        """How it is now.

        Raises:
            BusUnreachable: no server answers.
        """
        client = await connected(self._url)
        port = MonitoringPort(self._server_url)
        try:
            return await self._figures(client, port)
        finally:
            await port.close()
            await client.close()

    async def watch(self, *, as_lines: bool) -> None:
        """How it is now, and every 2 seconds again; a server that goes away is shown as gone."""
        client = await connected(self._url)
        port = MonitoringPort(self._server_url)
        try:
            if as_lines:
                while True:
                    print(json.dumps(as_json(await self._figures(client, port))), flush=True)
                    await asyncio.sleep(_AGAIN_S)
            with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
                while True:
                    live.update(shown(await self._figures(client, port)), refresh=True)
                    await asyncio.sleep(_AGAIN_S)
        finally:
            await port.close()
            await client.close()

    async def _figures(self, client: Client, port: MonitoringPort) -> Figures:
        seen = await look(client, port)
        if seen.bus is not None:
            instances = [each for state in seen.bus.agents.values() for each in state.instances]
            reports = [each.latency for each in instances if each.latency is not None]
            self._since_start.add(reports)
            self._of_late.add(reports)
        now_s = time.monotonic()
        seen = seen.after(self._before[1], now_s - self._before[0]) if self._before else seen
        self._before = now_s, seen
        alerts = [each for each in find(seen, self._of_late.recent(), self._expected) if self._counts(each)]
        return Figures(self._url, seen, self._since_start.series, alerts, self._expected)

    def _counts(self, alert: Alert) -> bool:
        return alert.kind is not MONITORING_DOWN or self._server_named
