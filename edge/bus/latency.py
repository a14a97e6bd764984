"""Latency per command as a histogram: counted where commands are asked and done, read by the monitor.

Each `Client` has one `Latency`; an agent counts what it did and what it asked into its client's::

    # Client.__init__
    self.latency = Latency()

    # Client.request, around an ask of either way (DURABLE or LIVE): what its caller saw, TIMEOUT and UNAVAILABLE too
    began_s = perf_counter()
    try:
        ...
    except AskError as error:
        self.latency.observe(ASKER, command.subject, DURABLE, error.code, began_s)
        raise
    self.latency.observe(ASKER, command.subject, DURABLE, SUCCESS, began_s)

    # NATSAgentBase, where the answer has been sent (work queue: DURABLE; core subscription: LIVE);
    # `began_s` is perf_counter() at the message's arrival, before it waits for room
    self.client.latency.observe(AGENT, msg.subject, way, outcome_of(answer), began_s)

    # NATSAgentBase._setup_subscriptions, after add_service(..., stats_handler=self.client.latency.stats)
    await service.add_endpoint(name=ENDPOINT, subject=endpoint_subject(self.name), handler=self.client.latency.answer)

The endpoint exists so that agents which answer no commands (the orchestrator) publish what they asked; its
`data` in `$SRV.STATS.<agent>` is the report. It costs nothing until somebody asks.
"""

from __future__ import annotations

import json
import uuid
from bisect import bisect_left
from collections.abc import Mapping
from time import perf_counter
from typing import Any, Final, Literal

import msgspec
from nats.micro.request import Request
from nats.micro.service import EndpointStats

from edge.contract.errors import ErrorCode
from edge.contract.subjects import COMMANDS

SeenBy = Literal["agent", "asker"]
Way = Literal["live", "durable"]

AGENT: Final = "agent"  # from a command's arrival to its answer
ASKER: Final = "asker"  # from the ask to the answer, or to giving up
LIVE: Final = "live"
DURABLE: Final = "durable"
SUCCESS: Final = "success"
OTHER: Final = "other"  # a command or a code that isn't in the table: one series for all of them

ENDPOINT: Final = "latency"

# Upper edges in ms. 2000 is the specification's threshold (11.2); 10 s and 30 s are timeouts of its slower
# commands; 60 s is there because a quantile can't be told beyond the last edge.
EDGES_MS: Final = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000)

_COMMAND: Final = {subject: command.subject for command in COMMANDS for subject in command.subjects}
_OUTCOMES: Final = frozenset({SUCCESS, *ErrorCode})


def endpoint_subject(agent: str) -> str:
    """Where `agent`'s latency endpoint listens: under what it serves as a micro service anyway."""
    return f"$SRV.STATS.{agent}.{ENDPOINT}"


def outcome_of(payload: Mapping[str, Any]) -> str:
    """The outcome that an answer's payload stands for: "success", or its error code."""
    return str(payload.get("error_code")) if payload.get("status") == "error" else SUCCESS


class Series(msgspec.Struct):
    """One histogram: `counts[i]` observations of at most `EDGES_MS[i]` (and above the edge before), the last beyond."""

    seen_by: SeenBy
    command: str
    way: Way
    outcome: str
    counts: list[int]
    sum_ms: float = 0.0

    @property
    def key(self) -> tuple[SeenBy, str, Way, str]:
        """What tells this histogram from others."""
        return self.seen_by, self.command, self.way, self.outcome

    @property
    def count(self) -> int:
        """How many observations."""
        return sum(self.counts)


class Report(msgspec.Struct):
    """All that one running process counted in its `age_s` seconds; a restarted one is another `instance`."""

    instance: str
    age_s: float
    edges_ms: list[float]
    series: list[Series]


class Latency:
    """Counts how long commands take. `observe` takes about a microsecond and never raises."""

    def __init__(self) -> None:
        self.instance = uuid.uuid4().hex
        self._began_s = perf_counter()
        self._series: dict[tuple[str, str, str, str], Series] = {}

    def observe(self, seen_by: SeenBy, command: str, way: Way, outcome: str, began_s: float) -> None:
        """Count one command that began at `began_s` (`time.perf_counter`) and is over now.

        `command` is any of its subjects; one that the table doesn't have counts as "other", so that nobody
        can fill the memory by asking for what doesn't exist.
        """
        took_ms = (perf_counter() - began_s) * 1000
        series = self._series.get((seen_by, command, way, outcome)) or self._first(seen_by, command, way, outcome)
        series.counts[bisect_left(EDGES_MS, took_ms)] += 1
        series.sum_ms += took_ms

    def report(self) -> dict[str, Any]:
        """Everything counted so far, ready for JSON."""
        series = {each.key: each for each in self._series.values()}  # an alias's entry is its command's
        report = Report(self.instance, perf_counter() - self._began_s, list(EDGES_MS), list(series.values()))
        return dict(msgspec.to_builtins(report))

    def stats(self, endpoint: EndpointStats) -> dict[str, Any] | None:
        """The `stats_handler` of an agent's micro service: the report, on the latency endpoint only."""
        return self.report() if endpoint.name == ENDPOINT else None

    async def answer(self, request: Request) -> None:
        """Answer a direct request to the latency endpoint with the report."""
        await request.respond(json.dumps(self.report()).encode())

    def _first(self, seen_by: SeenBy, command: str, way: Way, outcome: str) -> Series:
        known = _COMMAND.get(command, OTHER)
        result = str(outcome) if outcome in _OUTCOMES else OTHER
        key = (seen_by, known, way, result)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series(seen_by, known, way, result, [0] * (len(EDGES_MS) + 1))
        if OTHER not in (known, result):
            self._series[seen_by, command, way, outcome] = series  # found at once from now on
        return series


def read_report(data: object) -> Report:
    """The report in an endpoint's `data`, as another process sent it.

    Raises:
        ValueError: it isn't one, or an agent of another version counts with other edges.
    """
    try:
        report = msgspec.convert(data, Report)
    except msgspec.ValidationError as error:
        raise ValueError(f"not a latency report: {error}") from error
    if report.edges_ms != list(EDGES_MS) or any(len(each.counts) != len(EDGES_MS) + 1 for each in report.series):
        raise ValueError("a latency report with other bucket edges: an agent of another version")
    return report


def quantile_ms(counts: list[int], fraction: float) -> float | None:
    """The latency that `fraction` of the observations don't exceed, as Prometheus' histogram_quantile tells it.

    Between two edges it is interpolated; beyond the last it is the last edge. None without observations.
    """
    total = sum(counts)
    if total == 0:
        return None
    rank = fraction * total
    below = 0
    for number, count in enumerate(counts[:-1]):
        if count and below + count >= rank:
            low = EDGES_MS[number - 1] if number else 0.0
            return low + (EDGES_MS[number] - low) * max(0.0, rank - below) / count
        below += count
    return float(EDGES_MS[-1])
