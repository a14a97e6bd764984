"""A look at the kiosk as Prometheus metrics. docs/monitoring.md lists them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.bus.latency import EDGES_MS, Series
from edge.bus.overview import Overview, Storage
from edge.contract.hardware import Condition, DeviceStatus
from edge.contract.subjects import AGENTS, COMMANDS
from edge.monitor.alarm import Standing
from edge.monitor.alerts import KINDS, limit_ms
from edge.monitor.health import health
from edge.monitor.latency import agent_for
from edge.monitor.look import Look
from edge.monitor.server import ServerState

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_LATENCY_LABELS = ("agent", "command", "way", "seen_by", "outcome")


class _Looked(Collector):
    """What one look saw, for one scrape."""

    def __init__(
        self, look: Look, latency: Sequence[Series], raised: Sequence[Standing], expected: Collection[str]
    ) -> None:
        self._look = look
        self._latency = latency
        self._raised = raised
        self._expected = expected

    def collect(self) -> Iterable[Metric]:
        """Every metric; of what could not be seen only that it could not."""
        look = self._look
        well = health(look, self._expected)
        yield _gauge("kiosk_healthy", "1 when /healthz is ok.", well.kiosk.ok)
        yield _gauge("nats_up", "1 when the bus answers.", look.bus is not None)
        yield _gauge("nats_monitoring_up", "1 when nats-server's monitoring port answers.", look.server is not None)
        if look.server is not None:
            yield from _server(look.server, look.msgs_per_s)
        if look.storage is not None:
            yield from _storage(look.storage)
        if look.bus is not None:
            yield from _bus(look.bus, self._expected)
            yield from _agents(look.bus, self._expected)
        if look.devices is not None:
            yield _devices(look.devices)
        yield from _latency_histogram(self._latency)
        alerts = GaugeMetricFamily(
            "kiosk_alerts", "How many alerts of a kind are raised, as the monitor's log says.", labels=["alert"]
        )
        for kind in KINDS:
            alerts.add_metric([kind.name], sum(each.alert.kind == kind for each in self._raised))
        yield alerts


def metrics_text(
    look: Look, latency: Sequence[Series] = (), raised: Sequence[Standing] = (), expected: Collection[str] = AGENTS
) -> bytes:
    """All metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Looked(look, latency, raised, expected))
    return generate_latest(registry)


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=float(value))


def _server(server: ServerState, msgs_per_s: float | None) -> Iterator[Metric]:
    info = GaugeMetricFamily("nats_server_info", "1; the version is in the label.", labels=["version"])
    info.add_metric([server.version], 1)
    yield info
    yield _gauge("nats_server_healthy", "1 when nats-server's own /healthz is ok.", not server.problem)
    if msgs_per_s is not None:
        yield _gauge("nats_msgs_received", "Messages per second from clients, between the last two looks.", msgs_per_s)
    yield _counter("nats_server_in_msgs", "Messages from clients.", server.in_msgs)
    yield _counter("nats_server_out_msgs", "Messages to clients.", server.out_msgs)
    yield _counter("nats_server_in_bytes", "Bytes from clients.", server.in_bytes)
    yield _counter("nats_server_out_bytes", "Bytes to clients.", server.out_bytes)
    yield _gauge(
        "nats_slow_consumers", "Connections behind now, or cut for it within the last 5 minutes.", len(server.slow)
    )
    yield _counter("nats_server_slow_consumers", "Connections cut for being slow.", server.slow_consumers_total)
    yield _gauge("nats_server_connections", "Clients connected.", server.connections)
    yield _gauge("nats_server_memory_bytes", "nats-server's memory.", server.memory_bytes)
    yield _gauge("nats_server_uptime_seconds", "Since nats-server started.", server.uptime_s)
    limits = GaugeMetricFamily("nats_jetstream_limit_bytes", "What JetStream may store.", labels=["store"])
    for store, limit in (("memory", server.memory_limit_bytes), ("file", server.file_limit_bytes)):
        if limit is not None:
            limits.add_metric([store], limit)
    yield limits


def _storage(storage: Storage) -> Iterator[Metric]:
    yield _gauge("nats_jetstream_bytes", "Stored by JetStream, in memory and files.", storage.used_bytes)
    stores = GaugeMetricFamily("nats_jetstream_store_bytes", "Stored by JetStream, by store.", labels=["store"])
    stores.add_metric(["memory"], storage.memory_bytes)
    stores.add_metric(["file"], storage.file_bytes)
    yield stores


def _bus(bus: Overview, expected: Collection[str]) -> Iterator[Metric]:
    up = GaugeMetricFamily("kiosk_stream_up", "1 when the server has the stream.", labels=["stream"])
    messages = GaugeMetricFamily("kiosk_stream_messages", "Messages in the stream.", labels=["stream"])
    size = GaugeMetricFamily("kiosk_stream_bytes", "Bytes in the stream.", labels=["stream"])
    fill = GaugeMetricFamily(
        "kiosk_stream_fill_ratio", "How full the stream is by its nearer limit, 0 to 1.", labels=["stream"]
    )
    for stream in bus.streams:
        up.add_metric([stream.name], stream.made)
        if stream.made:
            messages.add_metric([stream.name], stream.messages)
            size.add_metric([stream.name], stream.size_bytes)
            if stream.fill is not None:
                fill.add_metric([stream.name], stream.fill)
    yield from (up, messages, size, fill)
    queue_up = GaugeMetricFamily("kiosk_consumer_up", "1 when the agent's work queue is there.", labels=["agent"])
    pending = GaugeMetricFamily("kiosk_consumer_pending", "Commands waiting for the agent.", labels=["agent"])
    at_work = GaugeMetricFamily("kiosk_consumer_ack_pending", "Commands the agent is at.", labels=["agent"])
    again = GaugeMetricFamily(
        "kiosk_consumer_redelivered", "Commands the agent is at that came more than once.", labels=["agent"]
    )
    for queue in bus.consumers:
        if queue.made or queue.agent in expected:
            queue_up.add_metric([queue.agent], queue.made)
        if queue.made:
            pending.add_metric([queue.agent], queue.waiting)
            at_work.add_metric([queue.agent], queue.at_work)
            again.add_metric([queue.agent], queue.redelivered)
    yield from (queue_up, pending, at_work, again)
    if bus.dead_letters is not None:
        dead = GaugeMetricFamily("kiosk_dead_letters", "Commands that were given up on.", labels=["agent"])
        for agent in sorted({queue.agent for queue in bus.consumers} | bus.dead_letters.keys()):
            dead.add_metric([agent], bus.dead_letters.get(agent, 0))
        yield dead


def _agents(bus: Overview, expected: Collection[str]) -> Iterator[Metric]:
    up = GaugeMetricFamily("kiosk_agent_up", "1 when the agent answers.", labels=["agent"])
    instances = GaugeMetricFamily("kiosk_agent_instances", "Running instances of the agent.", labels=["agent"])
    for name, state in bus.agents.items():
        if name in expected or state.presence != "down":
            up.add_metric([name], state.presence == "up")
            instances.add_metric([name], len(state.instances))
    yield from (up, instances)


_CONDITIONS = {Condition.ABSENT: 0, Condition.DEGRADED: 1, Condition.READY: 2}


def _devices(devices: Sequence[DeviceStatus]) -> Metric:
    states = GaugeMetricFamily(
        "kiosk_device_state", "How the device is: 2 ready, 1 degraded, 0 absent.", labels=["device"]
    )
    for device in devices:
        states.add_metric([device.name], _CONDITIONS[device.condition])
    return states


def _latency_histogram(latency: Sequence[Series]) -> Iterator[Metric]:
    limits = GaugeMetricFamily(
        "kiosk_agent_latency_limit_ms", "Past this the command is too slow.", labels=["agent", "command"]
    )
    for command in COMMANDS:
        limits.add_metric([command.done_by, command.subject], limit_ms(command))
    yield limits
    histogram = HistogramMetricFamily(
        "kiosk_agent_latency_ms",
        "Request/reply time; seen by the agent (arrival to answer) and by the asker (ask to answer, or giving up).",
        labels=_LATENCY_LABELS,
    )
    edges = [f"{edge:g}" for edge in EDGES_MS] + ["+Inf"]
    for series in latency:
        so_far, buckets = 0, []
        for edge, count in zip(edges, series.counts, strict=True):
            so_far += count
            buckets.append((edge, float(so_far)))
        labels = [agent_for(series.command), series.command, series.way, series.seen_by, series.outcome]
        histogram.add_metric(labels, buckets, series.sum_ms)
    yield histogram


def _counter(name: str, words: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, words, value=value)
