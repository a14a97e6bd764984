"""Looks at kiosks that never were, for tests of what is made of a look."""

from __future__ import annotations

from collections.abc import Sequence

from edge.bus.discovery import AgentState, Instance
from edge.bus.latency import EDGES_MS, SUCCESS, SeenBy, Series, Way
from edge.bus.overview import ConsumerState, Overview, Storage, StreamState
from edge.contract.hardware import Condition, DeviceStatus
from edge.contract.streams import CONSUMERS, STREAMS
from edge.contract.subjects import AGENTS
from edge.monitor.look import Look
from edge.monitor.server import ServerState, SlowConsumer


def server(
    *, slow: Sequence[SlowConsumer] = (), problem: str = "", file_bytes: int = 2_000, in_msgs: int = 10
) -> ServerState:
    return ServerState(
        version="2.10.26",
        started="2026-11-23T12:00:00Z",
        uptime="1m0s",
        uptime_s=60.0,
        connections=8,
        memory_bytes=14_000_000,
        in_msgs=in_msgs,
        out_msgs=20,
        in_bytes=1_000,
        out_bytes=2_000,
        slow_consumers_total=len(slow),
        max_pending_bytes=67_108_864,
        jetstream_memory_bytes=0,
        jetstream_file_bytes=file_bytes,
        memory_limit_bytes=268_435_456,
        file_limit_bytes=1_073_741_824,
        slow=tuple(slow),
        problem=problem,
    )


def bus(
    *,
    agents: dict[str, AgentState] | None = None,
    streams: list[StreamState] | None = None,
    queues: list[ConsumerState] | None = None,
    dead: dict[str, int] | None = None,
) -> Overview:
    up = {name: AgentState(name, "up", (Instance(f"{name}-1", "1.0.0", "2026-11-23T12:00:00Z"),)) for name in AGENTS}
    full = [StreamState(str(each["name"]), True, 10, 1_000, each.get("max_msgs")) for each in STREAMS]
    made = [ConsumerState(name, str(each["durable_name"]), True) for name, each in CONSUMERS.items()]
    return Overview(
        url="nats://127.0.0.1:4222",
        server_version="2.10.26",
        storage=Storage(0, 2_000),
        streams=full if streams is None else streams,
        consumers=made if queues is None else queues,
        agents=up | (agents or {}),
        dead_letters=dead,
    )


def device(name: str, condition: Condition = Condition.READY, reason: str = "", code: str = "") -> DeviceStatus:
    return DeviceStatus(name=name, condition=condition, since="2026-11-23T12:00:00.000Z", reason=reason, code=code)


WELL = Look(bus(dead={}), server(), devices=(device("leds"), device("printer")))
GONE = Look(None, None, bus_problem="no NATS server answers at nats://127.0.0.1:4222", server_problem="no answer")


def took(
    command: str,
    *times_ms: float,
    seen_by: SeenBy = "asker",
    way: Way = "durable",
    outcome: str = SUCCESS,
) -> Series:
    """A histogram of commands that took so long each."""
    series = Series(seen_by, command, way, outcome, [0] * (len(EDGES_MS) + 1))
    for time_ms in times_ms:
        number = next((number for number, edge in enumerate(EDGES_MS) if time_ms <= edge), len(EDGES_MS))
        series.counts[number] += 1
        series.sum_ms += time_ms
    return series
