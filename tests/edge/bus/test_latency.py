"""The latency histogram, and how it travels from an agent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from time import perf_counter

import pytest

from edge.bus import Client, EmbeddedServer, NATSAgentBase, does
from edge.bus.discovery import agents_on
from edge.bus.latency import (
    AGENT,
    ASKER,
    DURABLE,
    EDGES_MS,
    LIVE,
    OTHER,
    SUCCESS,
    Latency,
    Report,
    endpoint_subject,
    outcome_of,
    quantile_ms,
    read_report,
)
from edge.contract import menu
from edge.contract.errors import AskError, ErrorCode
from edge.contract.subjects import COMMANDS, MENU_SEARCH, SET_LED


class Waiter(NATSAgentBase):
    """Has nothing but soup."""

    name = "menu"

    @does(MENU_SEARCH)
    async def search(self, ask: menu.Search) -> menu.SearchResult:
        if ask.query != "soup":
            raise AskError(ErrorCode.MENU_NOT_FOUND, "No items match the search query")
        return menu.SearchResult(items=[])


@pytest.fixture
async def waiter(nats_server: EmbeddedServer) -> AsyncIterator[Waiter]:
    agent = Waiter(nats_server.url)
    await agent.connect()
    yield agent
    await agent.close()


def counted(latency: Latency) -> dict[tuple[str, str, str, str], int]:
    return {series.key: series.count for series in read_report(latency.report()).series}


def test_an_observation_falls_into_the_bucket_of_its_time() -> None:
    latency = Latency()
    for took_ms in (0.1, 1500, 2001, 70_000):
        latency.observe(AGENT, MENU_SEARCH.subject, LIVE, SUCCESS, perf_counter() - took_ms / 1000)
    (series,) = read_report(latency.report()).series
    assert {edge: count for edge, count in zip((*EDGES_MS, None), series.counts, strict=True) if count} == {
        0.5: 1,
        2000: 1,
        5000: 1,
        None: 1,
    }
    assert series.sum_ms == pytest.approx(73_501, abs=100)


def test_an_alias_counts_as_its_command() -> None:
    latency = Latency()
    for subject in SET_LED.subjects:
        latency.observe(AGENT, subject, LIVE, SUCCESS, perf_counter())
        latency.observe(AGENT, subject, LIVE, SUCCESS, perf_counter())
    assert counted(latency) == {(AGENT, SET_LED.subject, LIVE, SUCCESS): 4}


def test_what_the_table_does_not_have_is_one_series() -> None:
    latency = Latency()
    for number in range(1000):
        latency.observe(AGENT, f"kiosk.agent.menu.made-up-{number}", LIVE, "MADE_UP", perf_counter())
        latency.observe(ASKER, MENU_SEARCH.subject, DURABLE, f"CODE_{number}", perf_counter())
    assert counted(latency) == {
        (AGENT, OTHER, LIVE, OTHER): 1000,
        (ASKER, MENU_SEARCH.subject, DURABLE, OTHER): 1000,
    }
    assert len(latency._series) == 2


def test_every_commands_own_timeout_is_an_edge() -> None:
    assert 2000 in EDGES_MS
    for command in COMMANDS:
        if command.timeout_s > 2:
            assert command.timeout_s * 1000 in EDGES_MS[:-1]


def test_an_outcome_is_success_or_the_error_code() -> None:
    assert outcome_of({"status": "success"}) == "success"
    assert outcome_of({"status": "failed", "error": "declined"}) == "success"
    assert outcome_of(AskError(ErrorCode.MENU_NOT_FOUND, "none").payload()) == "MENU_NOT_FOUND"


def test_a_report_survives_json() -> None:
    latency = Latency()
    latency.observe(ASKER, MENU_SEARCH.subject, DURABLE, ErrorCode.TIMEOUT, perf_counter())
    report = read_report(json.loads(json.dumps(latency.report())))
    assert isinstance(report, Report)
    assert report.instance == latency.instance
    assert report.series[0].key == (ASKER, MENU_SEARCH.subject, DURABLE, "TIMEOUT")


@pytest.mark.parametrize(
    "data",
    [
        None,
        "report",
        {"instance": "x"},
        Latency().report() | {"edges_ms": [1, 2, 3]},
        Latency().report()
        | {"series": [{"seen_by": "agent", "command": "c", "way": "live", "outcome": "o", "counts": [1]}]},
        Latency().report()
        | {"series": [{"seen_by": "a ghost", "command": "c", "way": "live", "outcome": "o", "counts": [0] * 17}]},
    ],
)
def test_what_is_no_report_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="latency report"):
        read_report(data)


def test_quantiles_are_told_as_prometheus_tells_them() -> None:
    counts = [0] * (len(EDGES_MS) + 1)
    assert quantile_ms(counts, 0.5) is None
    counts[EDGES_MS.index(2000)] = 95
    counts[EDGES_MS.index(10_000)] = 5
    assert quantile_ms(counts, 0.5) == pytest.approx(1000 + 1000 * 50 / 95)
    assert quantile_ms(counts, 0.95) == 2000  # exactly at the edge: not past it
    counts[EDGES_MS.index(10_000)] = 6
    beyond = quantile_ms(counts, 0.95)
    assert beyond is not None
    assert beyond > 2000
    counts[-1] = 1_000_000
    assert quantile_ms(counts, 0.95) == EDGES_MS[-1]


async def test_agent_and_asker_both_count_either_way(waiter: Waiter, bus: Client) -> None:
    assert await bus.request(MENU_SEARCH, menu.Search(query="soup")) == menu.SearchResult(items=[])
    with pytest.raises(AskError):
        await bus.request(MENU_SEARCH, menu.Search(query="steak"))
    await bus.request(MENU_SEARCH.subject, {"command": "search", "query": "soup"})
    subject = MENU_SEARCH.subject
    assert counted(bus.latency) == {
        (ASKER, subject, DURABLE, SUCCESS): 1,
        (ASKER, subject, DURABLE, "MENU_NOT_FOUND"): 1,
        (ASKER, subject, LIVE, SUCCESS): 1,
    }
    report = (await agents_on(bus))["menu"].instances[0].latency
    assert report is not None
    assert {series.key: series.count for series in report.series} == {
        (AGENT, subject, DURABLE, SUCCESS): 1,
        (AGENT, subject, DURABLE, "MENU_NOT_FOUND"): 1,
        (AGENT, subject, LIVE, SUCCESS): 1,
    }


async def test_an_asker_counts_what_was_not_answered(bus: Client) -> None:
    with pytest.raises(AskError):
        await bus.request(MENU_SEARCH, menu.Search(query="soup"))
    assert counted(bus.latency) == {(ASKER, MENU_SEARCH.subject, DURABLE, "UNAVAILABLE"): 1}


async def test_the_latency_endpoint_answers_anybody(waiter: Waiter, bus: Client) -> None:
    answer = await bus.nc.request(endpoint_subject("menu"), b"", timeout=5)
    assert read_report(json.loads(answer.data)).instance == waiter.client.latency.instance
