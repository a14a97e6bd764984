"""Every instance's latency counts, summed: totals that never fall, and what came of late."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Final

from edge.bus.latency import AGENT, ASKER, DURABLE, EDGES_MS, LIVE, SUCCESS, Report, SeenBy, Series, Way
from edge.contract.errors import ErrorCode
from edge.contract.subjects import COMMANDS, command_on

Key = tuple[SeenBy, str, Way, str]

# What an asker got instead of an answer.
UNANSWERED: Final = (str(ErrorCode.TIMEOUT), str(ErrorCode.UNAVAILABLE))

_INSTANCES_KEPT = 256  # so that one that comes back isn't counted twice


class LatencyTotals:
    """Counts over all instances as Prometheus wants counters: they only rise while the monitor runs.

    An instance that is older than the monitor counts from its first report on, so that a restarted monitor
    begins at 0, as every counter does; with `from_start` everything it ever counted is taken.
    """

    def __init__(
        self, *, window_s: float = 300.0, from_start: bool = False, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._window_s = window_s
        self._from_start = from_start
        self._now = now
        self._began_s = now()
        self._last: OrderedDict[str, dict[Key, Series]] = OrderedDict()
        self._late: deque[tuple[float, Key, list[int]]] = deque()
        self._totals: dict[Key, Series] = {}
        for command in COMMANDS:  # a counter that is there from the beginning shows its first rise
            for seen_by in (AGENT, ASKER):
                for way in (LIVE, DURABLE):
                    for outcome in (SUCCESS, *(UNANSWERED if seen_by == ASKER else ())):
                        series = Series(seen_by, command.subject, way, outcome, [0] * (len(EDGES_MS) + 1))
                        self._totals[series.key] = series

    def add(self, reports: Iterable[Report]) -> None:
        """Take what each instance counted since its last report."""
        now_s = self._now()
        for report in reports:
            before = self._last.pop(report.instance, None)
            self._last[report.instance] = {series.key: series for series in report.series}
            if before is None and not self._from_start and report.age_s > now_s - self._began_s:
                continue
            for series in report.series:
                self._add(series, (before or {}).get(series.key), now_s)
        while len(self._last) > _INSTANCES_KEPT:
            self._last.popitem(last=False)
        while self._late and self._late[0][0] < now_s - self._window_s:
            self._late.popleft()

    def _add(self, series: Series, before: Series | None, now_s: float) -> None:
        if before is None:
            rise, rise_ms = list(series.counts), series.sum_ms
        else:
            rise = [max(0, now - then) for now, then in zip(series.counts, before.counts, strict=True)]
            rise_ms = series.sum_ms - before.sum_ms
        if not any(rise):
            return
        total = self._totals.get(series.key)
        if total is None:
            total = self._totals[series.key] = Series(*series.key, [0] * len(rise))
        total.counts = [one + other for one, other in zip(total.counts, rise, strict=True)]
        total.sum_ms += max(0.0, rise_ms)
        self._late.append((now_s, series.key, rise))

    @property
    def series(self) -> list[Series]:
        """Everything so far, one histogram each of `(seen_by, command, way, outcome)`."""
        return list(self._totals.values())

    def recent(self) -> list[Series]:
        """What came within the window, as `series`; without sums."""
        found: dict[Key, Series] = {}
        for at_s, key, rise in self._late:
            if at_s >= self._now() - self._window_s:
                series = found.setdefault(key, Series(*key, [0] * len(rise)))
                series.counts = [one + other for one, other in zip(series.counts, rise, strict=True)]
        return list(found.values())


def pooled(series: Iterable[Series]) -> dict[tuple[str, str], list[int]]:
    """The counts of each (command, seen_by), over both ways and all outcomes; empty ones left out."""
    found: dict[tuple[str, str], list[int]] = {}
    for each in series:
        if each.count:
            have = found.setdefault((each.command, each.seen_by), [0] * len(each.counts))
            found[each.command, each.seen_by] = [one + other for one, other in zip(have, each.counts, strict=True)]
    return found


def agent_for(command: str) -> str:
    """Who does `command`; for commands that the table doesn't have, "other"."""
    known = command_on(command)
    return known.done_by if known else "other"
