"""What is worth waking a kiosk's keeper for: the specification's thresholds (11.2), and a few more.

Each kind has the condition twice: as PromQL for Prometheus (`edge.monitor.rules` draws the file from it), and as
what `find` sees. Both come from the same numbers. The conditions keep all labels of theirs that Prometheus adds
(`instance`), so that one file serves a fleet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from edge.bus.latency import ASKER, Series, quantile_ms
from edge.bus.overview import Overview
from edge.contract.hardware import Condition, DeviceStatus
from edge.contract.subjects import AGENTS, COMMANDS, Command
from edge.monitor.health import in_words
from edge.monitor.latency import UNANSWERED, agent_for, pooled
from edge.monitor.look import Look

SLOW_CONSUMERS: Final = 0
JETSTREAM_BYTES: Final = 500_000_000
LATENCY_MS: Final = 2000
QUANTILE: Final = 0.95
STREAM_FILL: Final = 0.9
DEAD_LETTERS: Final = 0
WINDOW_S: Final = 300

Severity = Literal["critical", "warning"]


@dataclass(frozen=True)
class Kind:
    """A kind of alert: it holds when `condition` (PromQL) has held for `for_s` seconds.

    `summary` and `advice` are for people; `{{ $labels.x }}` as Prometheus writes it.
    """

    name: str
    severity: Severity
    for_s: int
    condition: str
    summary: str
    advice: str


@dataclass(frozen=True)
class Alert:
    """One thing that is wrong, of `kind`; `labels` tell it from others of its kind, `text` says what was seen."""

    kind: Kind
    text: str
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The same as long as the same thing is wrong."""
        return self.kind.name, self.labels


def limit_ms(command: Command[Any, Any]) -> float:
    """The latency past which `command` is too slow: 2000 ms, or its own timeout where that is longer.

    A payment waits for a person and a printer for its paper: what is slow for them is what their askers
    no longer wait for.
    """
    return max(float(LATENCY_MS), command.timeout_s * 1000)


BUS_DOWN = Kind(
    "KioskBusDown",
    "critical",
    10,
    "nats_up == 0",
    "The NATS bus does not answer",
    "Is nats-server running? kiosk bus status, kiosk doctor",
)
SERVER_UNHEALTHY = Kind(
    "KioskServerUnhealthy",
    "critical",
    30,
    "nats_server_healthy == 0",
    "nats-server says that it is not healthy",
    "Its /healthz says why; the disk is the usual reason",
)
MONITORING_DOWN = Kind(
    "KioskServerMonitoringDown",
    "warning",
    60,
    "nats_monitoring_up == 0 and nats_up == 1",
    "nats-server's monitoring port does not answer",
    "Without it slow consumers go unseen: nats-server.conf opens it with `http: 127.0.0.1:8222`",
)
SLOW = Kind(
    "KioskSlowConsumers",
    "warning",
    0,
    f"nats_slow_consumers > {SLOW_CONSUMERS}",
    "A client of the bus is falling behind",
    "kiosk bus status names it; the server drops what a slow client doesn't take",
)
STORAGE = Kind(
    "KioskJetStreamBytes",
    "warning",
    0,
    f"nats_jetstream_bytes > {JETSTREAM_BYTES}",
    "JetStream stores more than 500 MB",
    "kiosk bus status shows which stream; the server refuses new events at its max_file_store",
)
LATENCY = Kind(
    "KioskAgentLatency",
    "warning",
    0,
    f"histogram_quantile({QUANTILE}, sum without (way, outcome) "
    f"(rate(kiosk_agent_latency_ms_bucket[{WINDOW_S // 60}m]))) "
    "> ignoring (seen_by) group_left () kiosk_agent_latency_limit_ms",
    "{{ $labels.agent }} takes too long for {{ $labels.command }}",
    f"More than 1 in 20 answers within {WINDOW_S // 60} minutes took longer than {LATENCY_MS} ms, "
    "or than the command's timeout where that is longer",
)
UNANSWERED_COMMANDS = Kind(
    "KioskCommandUnanswered",
    "warning",
    0,
    f'sum without (seen_by, way, outcome) (increase(kiosk_agent_latency_ms_count{{seen_by="asker",outcome=~"'
    f'{"|".join(UNANSWERED)}"}}[{WINDOW_S // 60}m])) > 0',
    "{{ $labels.command }} was not answered by {{ $labels.agent }}",
    "Its asker got TIMEOUT or UNAVAILABLE; the agent's log has more",
)
AGENT_DOWN = Kind(
    "KioskAgentDown",
    "critical",
    60,  # a kiosk that starts loads its models first; /healthz says it at once
    "kiosk_agent_up == 0",
    "The {{ $labels.agent }} agent is not running, or does not answer",
    "kiosk run starts it; its log says why it ended",
)
STREAM_MISSING = Kind(
    "KioskStreamMissing",
    "critical",
    15,
    "kiosk_stream_up == 0",
    "The server doesn't have the stream {{ $labels.stream }}",
    "The monitor makes it; its log says why it can't",
)
QUEUE_MISSING = Kind(
    "KioskQueueMissing",
    "critical",
    15,
    "kiosk_consumer_up == 0",
    "The server doesn't have the work queue of {{ $labels.agent }}",
    "The monitor makes it; its log says why it can't",
)
STREAM_FULL = Kind(
    "KioskStreamNearLimit",
    "warning",
    0,
    f"kiosk_stream_fill_ratio > {STREAM_FILL}",
    "{{ $labels.stream }} is nearly full",
    "At its limit the oldest messages go before their time",
)
DEAD = Kind(
    "KioskDeadLetters",
    "warning",
    0,
    f"kiosk_dead_letters > {DEAD_LETTERS}",
    "Commands of {{ $labels.agent }} were given up on",
    "kiosk bus dead lists them, and can replay or drop them",
)
DEVICE_ABSENT = Kind(
    "KioskDeviceAbsent",
    "critical",
    30,  # a device's process that was ended is back sooner
    "kiosk_device_state == 0",
    "{{ $labels.device }} is absent",
    "kiosk doctor says why; docs/devices.md what to do",
)
DEVICE_DEGRADED = Kind(
    "KioskDeviceDegraded",
    "warning",
    30,
    "kiosk_device_state == 1",
    "{{ $labels.device }} can't do all of its work",
    "kiosk doctor says why: a roll that ends, a cover, a frame rate; docs/devices.md what to do",
)
# What only somebody else can tell: Prometheus has this one, the monitor's log can't.
MONITOR_DOWN = Kind(
    "KioskMonitorDown",
    "critical",
    60,
    "absent(kiosk_healthy)",
    "The kiosk's monitor is not there to be scraped",
    "kiosk monitor (or kiosk run all) serves /metrics on port 8223",
)

KINDS: Final = (
    BUS_DOWN,
    SERVER_UNHEALTHY,
    MONITORING_DOWN,
    SLOW,
    STORAGE,
    LATENCY,
    UNANSWERED_COMMANDS,
    AGENT_DOWN,
    STREAM_MISSING,
    QUEUE_MISSING,
    STREAM_FULL,
    DEAD,
    DEVICE_ABSENT,
    DEVICE_DEGRADED,
    MONITOR_DOWN,
)


def find(look: Look, recent: Sequence[Series] = (), expected: Collection[str] = AGENTS) -> list[Alert]:
    """What is wrong in `look`, whatever its kind's `for_s`.

    `recent` is the latency within the last 5 minutes; of the agents, those in `expected` have to be up.
    """
    found = [*_server(look), *_latency(recent)]
    if look.bus is None:
        return [Alert(BUS_DOWN, look.bus_problem), *found]
    return [
        *found,
        *_agents(look.bus, expected),
        *_streams(look.bus, look.setup_problem, expected),
        *_devices(look.devices or ()),
    ]


def _server(look: Look) -> Iterator[Alert]:
    if look.storage is not None and look.storage.used_bytes > JETSTREAM_BYTES:
        yield Alert(STORAGE, f"JetStream stores {look.storage.used_bytes / 1e6:.0f} MB")
    if look.server is None:
        if look.bus is not None:
            yield Alert(MONITORING_DOWN, look.server_problem)
        return
    if look.server.problem:
        yield Alert(SERVER_UNHEALTHY, f"nats-server: {look.server.problem}")
    if len(look.server.slow) > SLOW_CONSUMERS:
        names = ", ".join(sorted({each.name for each in look.server.slow}))
        yield Alert(SLOW, f"falling behind, or cut by the server for it: {names}")


def _latency(recent: Iterable[Series]) -> Iterator[Alert]:
    recent = list(recent)
    limits = {command.subject: limit_ms(command) for command in COMMANDS}
    for (command, seen_by), counts in sorted(pooled(recent).items()):
        slow_ms = quantile_ms(counts, QUANTILE)
        if slow_ms is not None and command in limits and slow_ms > limits[command]:
            agent = agent_for(command)
            text = (
                f"{agent} takes too long for {command}: {slow_ms:.0f} ms (p{QUANTILE * 100:.0f} of {sum(counts)}, "
                f"as the {seen_by} sees it), more than {limits[command]:.0f} ms"
            )
            yield Alert(LATENCY, text, (("agent", agent), ("command", command), ("seen_by", seen_by)))
    lost = [each for each in recent if each.seen_by == ASKER and each.outcome in UNANSWERED and each.count]
    for command in sorted({each.command for each in lost}):
        count = sum(each.count for each in lost if each.command == command)
        times = "once" if count == 1 else f"{count} times"
        agent = agent_for(command)
        yield Alert(
            UNANSWERED_COMMANDS,
            f"{command} was not answered by {agent}, {times} in {WINDOW_S // 60} minutes",
            (("agent", agent), ("command", command)),
        )


def _agents(bus: Overview, expected: Collection[str]) -> Iterator[Alert]:
    for name in expected:
        state = bus.agents.get(name)
        if state is None or state.presence == "down":
            yield Alert(AGENT_DOWN, f"the {name} agent is not running", (("agent", name),))
        elif state.presence == "silent":
            yield Alert(AGENT_DOWN, f"the {name} agent is there, but does not answer", (("agent", name),))


def _devices(devices: Iterable[DeviceStatus]) -> Iterator[Alert]:
    kinds = {Condition.ABSENT: DEVICE_ABSENT, Condition.DEGRADED: DEVICE_DEGRADED}
    for device in devices:
        if device.condition in kinds:
            yield Alert(kinds[device.condition], in_words(device), (("device", device.name),))


def _streams(bus: Overview, setup_problem: str, expected: Collection[str]) -> Iterator[Alert]:
    why = f": {setup_problem}" if setup_problem else ""
    for stream in bus.streams:
        labels = (("stream", stream.name),)
        if not stream.made:
            yield Alert(STREAM_MISSING, f"the server doesn't have the stream {stream.name}{why}", labels)
        elif stream.fill is not None and stream.fill > STREAM_FILL:
            text = f"{stream.name} is {stream.fill:.0%} full: {stream.messages:,} messages, {stream.size_bytes:,} bytes"
            yield Alert(STREAM_FULL, text, labels)
    for queue in bus.consumers:
        if not queue.made and queue.agent in expected:
            yield Alert(
                QUEUE_MISSING,
                f"the server doesn't have the work queue of {queue.agent}{why}",
                (("agent", queue.agent),),
            )
    for agent, count in sorted((bus.dead_letters or {}).items()):
        if count > DEAD_LETTERS:
            words = f"{count} command{'s' if count > 1 else ''} of {agent} given up on"
            yield Alert(DEAD, words, (("agent", agent),))
