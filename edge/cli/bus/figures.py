"""What `kiosk bus status` shows: tables for a person, one object for a program."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edge.bus.latency import Series, quantile_ms
from edge.bus.overview import Overview
from edge.contract.hardware import Condition, DeviceStatus
from edge.contract.subjects import command_on
from edge.monitor.alerts import Alert, limit_ms
from edge.monitor.latency import UNANSWERED, agent_for, pooled
from edge.monitor.look import Look

_BAR = 12
_QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


@dataclass(frozen=True)
class Figures:
    """One look at the bus at `url`, with the latency since the agents started and what is wrong."""

    url: str
    look: Look
    latency: Sequence[Series]
    alerts: Sequence[Alert]
    expected: Collection[str]


def as_json(figures: Figures) -> dict[str, Any]:
    """Everything, for a program; what could not be seen is null."""
    bus, server, storage = figures.look.bus, figures.look.server, figures.look.storage
    return {
        "url": figures.url,
        "healthy": not figures.alerts,
        "bus_problem": figures.look.bus_problem or None,
        "server_problem": figures.look.server_problem or None,
        "server": server
        and {
            "version": server.version,
            "uptime_s": server.uptime_s,
            "connections": server.connections,
            "memory_bytes": server.memory_bytes,
            "msgs_per_s": figures.look.msgs_per_s,
            "slow_consumers": [each.name for each in server.slow],
        },
        "storage": storage and {"memory_bytes": storage.memory_bytes, "file_bytes": storage.file_bytes},
        "streams": bus
        and [
            {
                "name": each.name,
                "made": each.made,
                "messages": each.messages,
                "bytes": each.size_bytes,
                "max_messages": each.max_messages,
                "max_bytes": each.max_bytes,
                "fill": each.fill,
            }
            for each in bus.streams
        ],
        "agents": bus and {name: _agent_json(name, bus) for name in bus.agents},
        "devices": None
        if figures.look.devices is None
        else {
            each.name: {
                "condition": each.condition.value,
                "since": each.since,
                "reason": each.reason,
                "code": each.code,
            }
            for each in figures.look.devices
        },
        "latency": list(_latency_rows(figures.latency)),
        "alerts": [
            {
                "alert": each.kind.name,
                "severity": each.kind.severity,
                "labels": dict(each.labels),
                "text": each.text,
                "advice": each.kind.advice,
            }
            for each in figures.alerts
        ],
    }


def shown(figures: Figures) -> RenderableType:
    """Everything, for a person."""
    parts: list[RenderableType] = [_server(figures)]
    if figures.look.bus is not None:
        parts += [_streams(figures.look.bus), _agents(figures.look.bus, figures.expected)]
    if figures.look.devices:
        parts.append(_devices(figures.look.devices))
    rows = list(_latency_rows(figures.latency))
    if rows:
        parts.append(_latency(rows))
    parts += _alerts(figures.alerts)
    return Group(*parts)


def _agent_json(name: str, bus: Overview) -> dict[str, Any]:
    state = bus.agents[name]
    queue = next((each for each in bus.consumers if each.agent == name), None)
    return {
        "presence": state.presence,
        "instances": [{"id": each.id, "version": each.version, "started": each.started} for each in state.instances],
        "queue": queue
        and {
            "made": queue.made,
            "waiting": queue.waiting,
            "at_work": queue.at_work,
            "redelivered": queue.redelivered,
        },
        "dead_letters": None if bus.dead_letters is None else bus.dead_letters.get(name, 0),
    }


def _latency_rows(latency: Sequence[Series]) -> Iterator[dict[str, Any]]:
    """A row for each command and side that was counted."""
    for (command, seen_by), counts in sorted(pooled(latency).items()):
        unanswered = sum(
            each.count
            for each in latency
            if (each.command, each.seen_by) == (command, seen_by) and each.outcome in UNANSWERED
        )
        row: dict[str, Any] = {
            "agent": agent_for(command),
            "command": command,
            "seen_by": seen_by,
            "count": sum(counts),
            "unanswered": unanswered,
        }
        yield row | {name: quantile_ms(counts, fraction) for name, fraction in _QUANTILES.items()}


def _server(figures: Figures) -> RenderableType:
    bus, server = figures.look.bus, figures.look.server
    if bus is None:
        return Text(f"nats-server at {figures.url}: {figures.look.bus_problem}", style="bold red")
    facts = [f"[bold]nats-server {escape(bus.server_version)}[/] at {escape(figures.url)}"]
    if server is not None:
        facts += [
            f"up {server.uptime}",
            f"{server.connections} connections",
            f"{_size(server.memory_bytes)} memory",
        ]
        if figures.look.msgs_per_s is not None:
            facts.append(f"{figures.look.msgs_per_s:.0f} messages/s")
        if server.file_limit_bytes:
            share = server.jetstream_file_bytes / server.file_limit_bytes
            facts.append(f"disk {_bar(share)} of {_size(server.file_limit_bytes)}")
    lines = [" · ".join(facts)]
    if server is None:
        lines.append(f"[dim]{escape(figures.look.server_problem)}: no uptime, memory and slow consumers[/]")
    return Text.from_markup("\n".join(lines) + "\n")


def _streams(bus: Overview) -> Table:
    table = _table("stream", ">messages", ">size", "full")
    for stream in bus.streams:
        if not stream.made:
            table.add_row(stream.name, "[red]missing[/]", "", "")
        else:
            fill = "[dim]no limit[/]" if stream.fill is None else _bar(stream.fill)
            table.add_row(stream.name, f"{stream.messages:,}", _size(stream.size_bytes), fill)
    return table


def _agents(bus: Overview, expected: Collection[str]) -> Table:
    table = _table("agent", "running", "version", ">waiting", ">at work", ">delivered again", ">given up on")
    queues = {queue.agent: queue for queue in bus.consumers}
    for name, state in bus.agents.items():
        running = str(len(state.instances))
        if state.presence != "up":
            colour = "red" if name in expected else "yellow"
            running = f"[{colour}]{'no' if state.presence == 'down' else 'does not answer'}[/]"
        versions = ", ".join(sorted({each.version for each in state.instances}))
        queue, counts = queues.get(name), ["-", "-", "-"]
        if queue is not None:
            counts = [str(queue.waiting), str(queue.at_work), str(queue.redelivered)]
            if not queue.made:
                counts = ["[red]missing[/]", "", ""]
        dead = (bus.dead_letters or {}).get(name, 0)
        given_up = f"[red]{dead}[/]" if dead else "-" if queue is None or bus.dead_letters is None else "0"
        table.add_row(escape(name), running, escape(versions), *counts, given_up)
    return table


def _devices(devices: Sequence[DeviceStatus]) -> Table:
    table = _table("device", "condition", "since", "reason")
    colours = {Condition.READY: "green", Condition.DEGRADED: "yellow", Condition.ABSENT: "red"}
    for each in devices:
        condition = f"[{colours[each.condition]}]{each.condition.value}[/]"
        table.add_row(escape(each.name), condition, escape(each.since), escape(each.reason))
    return table


def _latency(rows: Sequence[dict[str, Any]]) -> Table:
    table = _table("command", "seen by", ">count", ">p50 ms", ">p95 ms", ">p99 ms", ">unanswered")
    for row in rows:
        command = command_on(row["command"])
        limit = limit_ms(command) if command else float("inf")
        cells = [f"[red]{row[name]:,.1f}[/]" if row[name] > limit else f"{row[name]:,.1f}" for name in _QUANTILES]
        lost = f"[red]{row['unanswered']}[/]" if row["unanswered"] else "0"
        table.add_row(row["command"], row["seen_by"], f"{row['count']:,}", *cells, lost)
    return table


def _alerts(alerts: Sequence[Alert]) -> list[RenderableType]:
    if not alerts:
        return [Text("nothing is wrong", style="green")]
    colours = {"critical": "bold red", "warning": "red"}
    return [
        Text.assemble(
            ("● ", colours[each.kind.severity]),
            (each.text, colours[each.kind.severity]),
            (f"  {each.kind.advice}", "dim"),
        )
        for each in alerts
    ]


def _table(*heads: str) -> Table:
    """A table without lines; a head that begins with > is a column of numbers."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for head in heads:
        table.add_column(head.removeprefix(">"), justify="right" if head.startswith(">") else "left")
    return table


def _bar(share: float) -> str:
    full = min(_BAR, round(share * _BAR))
    colour = "red" if share > 0.9 else "yellow" if share > 0.7 else "green"
    return f"[{colour}]{'█' * full}[/][dim]{'░' * (_BAR - full)}[/] {share:.0%}"


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
