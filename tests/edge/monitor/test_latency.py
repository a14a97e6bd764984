"""Totals over instances that come and go."""

from __future__ import annotations

import pytest

from edge.bus.latency import ASKER, EDGES_MS, Report, Series
from edge.contract.subjects import MENU_SEARCH
from edge.monitor.latency import LatencyTotals, pooled

from .scenes import took
from .test_alarm import Clock

KEY = (ASKER, MENU_SEARCH.subject, "durable", "success")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def report(instance: str, *times_ms: float, age_s: float = 0.0) -> Report:
    return Report(instance, age_s, list(EDGES_MS), [took(MENU_SEARCH.subject, *times_ms)])


def total(totals: LatencyTotals) -> Series:
    return next(series for series in totals.series if series.key == KEY)


def test_every_command_is_there_from_the_beginning(clock: Clock) -> None:
    assert (total(LatencyTotals(now=clock)).count, total(LatencyTotals(now=clock)).sum_ms) == (0, 0.0)


def test_instances_add_up_and_are_counted_once(clock: Clock) -> None:
    totals = LatencyTotals(now=clock)
    totals.add([report("a", 5, 5), report("b", 7)])
    totals.add([report("a", 5, 5), report("b", 7, 9)])
    assert (total(totals).count, total(totals).sum_ms) == (4, 26)


def test_a_restarted_agent_never_makes_a_total_fall(clock: Clock) -> None:
    totals = LatencyTotals(now=clock)
    totals.add([report("a", *[5] * 10)])
    totals.add([])
    totals.add([report("a2", 5)])
    assert total(totals).count == 11
    totals.add([report("a2", 5), report("a", *[5] * 10)])  # it was only late
    assert total(totals).count == 11


def test_a_restarted_monitor_counts_from_zero(clock: Clock) -> None:
    clock.now_s += 0
    totals = LatencyTotals(now=clock)
    clock.now_s += 10
    totals.add([report("old", *[5] * 10, age_s=11), report("new", 5, age_s=9)])
    assert total(totals).count == 1
    totals.add([report("old", *[5] * 12, age_s=12)])
    assert total(totals).count == 3


def test_from_the_start_everything_counts(clock: Clock) -> None:
    totals = LatencyTotals(from_start=True, now=clock)
    totals.add([report("old", *[5] * 10, age_s=1000)])
    assert total(totals).count == 10


def test_recent_is_what_came_within_the_window(clock: Clock) -> None:
    totals = LatencyTotals(window_s=300, now=clock)
    totals.add([report("a", 2500)])
    clock.now_s += 200
    totals.add([report("a", 2500, 5)])
    assert [series.count for series in totals.recent()] == [2]
    clock.now_s += 101
    assert [series.count for series in totals.recent()] == [1]
    assert pooled(totals.recent())[MENU_SEARCH.subject, ASKER][EDGES_MS.index(5)] == 1
    clock.now_s += 200
    assert totals.recent() == []
    assert total(totals).count == 2


def test_many_restarts_are_forgotten_but_not_uncounted(clock: Clock) -> None:
    totals = LatencyTotals(now=clock)
    for number in range(257):
        totals.add([report(str(number), 5)])
    assert total(totals).count == 257
    assert len(totals._last) <= 256
    totals.add([report(str(number), 5) for number in range(250, 257)])  # the latest are remembered
    assert total(totals).count == 257
