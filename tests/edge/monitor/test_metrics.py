"""The metrics, read back with the official parser."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from edge.bus.discovery import AgentState
from edge.bus.latency import EDGES_MS
from edge.contract.subjects import MENU_SEARCH, PAYMENT_PROCESS
from edge.monitor.alarm import Standing
from edge.monitor.alerts import SLOW, Alert
from edge.monitor.look import Look
from edge.monitor.metrics import metrics_text
from edge.monitor.server import SlowConsumer

from .scenes import GONE, WELL, bus, server, took

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: bytes) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


def test_the_specifications_names() -> None:
    look = Look(bus(), server(slow=[SlowConsumer("bench", cut=True)], file_bytes=123_456), msgs_per_s=12.5)
    found = samples(metrics_text(look, [took(MENU_SEARCH.subject, 5)]))
    assert value(found, "nats_msgs_received") == 12.5
    assert value(found, "nats_slow_consumers") == 1
    assert value(found, "nats_jetstream_bytes") == 123_456
    labels = {"agent": "menu", "command": MENU_SEARCH.subject, "way": "durable", "seen_by": "asker"}
    assert value(found, "kiosk_agent_latency_ms_count", outcome="success", **labels) == 1


def test_a_histogram_is_cumulative_and_complete() -> None:
    found = samples(metrics_text(WELL, [took(MENU_SEARCH.subject, 0.2, 1500, 1500, 99_000)]))
    labels = {
        "agent": "menu",
        "command": MENU_SEARCH.subject,
        "way": "durable",
        "seen_by": "asker",
        "outcome": "success",
    }
    name = "kiosk_agent_latency_ms_bucket"
    counts = [value(found, name, le=f"{edge:g}", **labels) for edge in EDGES_MS]
    assert counts == [1] * EDGES_MS.index(2000) + [3] * (len(EDGES_MS) - EDGES_MS.index(2000))
    assert value(found, name, le="+Inf", **labels) == 4
    assert value(found, "kiosk_agent_latency_ms_count", **labels) == 4
    assert value(found, "kiosk_agent_latency_ms_sum", **labels) == 102_000.2


def test_every_metric_has_its_type_and_words() -> None:
    look = Look(bus(dead={"menu": 1}), server(), msgs_per_s=1.0)
    families = list(text_string_to_metric_families(metrics_text(look, [took(MENU_SEARCH.subject, 5)]).decode()))
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.documentation, family.name
        assert family.type in {"gauge", "counter", "histogram"}, family.name
    kinds = {family.name: family.type for family in families}
    assert kinds["kiosk_agent_latency_ms"] == "histogram"
    assert kinds["nats_server_in_msgs"] == "counter"
    assert kinds["nats_msgs_received"] == "gauge"


def test_a_dead_bus_is_0_and_what_nobody_knows_is_absent() -> None:
    found = samples(metrics_text(GONE))
    assert value(found, "nats_up") == 0
    assert value(found, "kiosk_healthy") == 0
    assert value(found, "nats_monitoring_up") == 0
    assert value(samples(metrics_text(WELL)), "kiosk_healthy") == 1
    names = {name for name, _ in found}
    assert not names & {"nats_jetstream_bytes", "kiosk_agent_up", "kiosk_stream_up", "nats_slow_consumers"}


def test_agents_streams_queues_and_dead_letters() -> None:
    agents = {"voice": AgentState("voice", "silent"), "recsys": AgentState("recsys", "down")}
    look = Look(bus(agents=agents, dead={"payment": 2}), server())
    found = samples(metrics_text(look, expected=("menu", "voice")))
    assert value(found, "kiosk_agent_up", agent="menu") == 1
    assert value(found, "kiosk_agent_up", agent="voice") == 0
    assert value(found, "kiosk_agent_up", agent="payment") == 1
    assert value(found, "kiosk_agent_up", agent="recsys") is None  # nobody expects it
    assert value(found, "kiosk_agent_instances", agent="menu") == 1
    assert value(found, "kiosk_stream_messages", stream="KIOSK_EVENTS") == 10
    assert value(found, "kiosk_stream_fill_ratio", stream="KIOSK_EVENTS") == 0.0001
    assert value(found, "kiosk_consumer_pending", agent="menu") == 0
    assert value(found, "kiosk_dead_letters", agent="payment") == 2
    assert value(found, "kiosk_dead_letters", agent="menu") == 0
    assert value(found, "kiosk_agent_latency_limit_ms", agent="payment", command=PAYMENT_PROCESS.subject) == 30_000
    assert value(found, "nats_jetstream_limit_bytes", store="file") == 1_073_741_824


def test_raised_alerts_are_counted_by_kind() -> None:
    raised = [Standing(Alert(SLOW, "bench"), datetime.now(UTC), 0.0, raised=True)]
    found = samples(metrics_text(WELL, (), raised))
    assert value(found, "kiosk_alerts", alert="KioskSlowConsumers") == 1
    assert value(found, "kiosk_alerts", alert="KioskAgentDown") == 0
