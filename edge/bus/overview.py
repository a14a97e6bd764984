"""How the bus is: JetStream, streams, work queues, dead letters, agents; for the monitor and `kiosk bus status`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import nats.errors
from nats.js.errors import APIError, NotFoundError

from edge.bus.client import Client
from edge.bus.connection import BusUnreachable
from edge.bus.discovery import AgentState, agents_on, running_agents
from edge.contract.streams import COMMANDS_STREAM, CONSUMERS, DEAD_STREAM, STREAMS
from edge.contract.subjects import DEAD

__all__ = ["ConsumerState", "Overview", "Storage", "StreamState", "overview", "running_agents"]

_LOOK_S = 3.0


@dataclass(frozen=True)
class Storage:
    """What JetStream holds, in bytes: of one account, or of the whole server."""

    memory_bytes: int
    file_bytes: int

    @property
    def used_bytes(self) -> int:
        """All of it."""
        return self.memory_bytes + self.file_bytes


@dataclass(frozen=True)
class StreamState:
    """One stream of the contract; `made` is false when the server doesn't have it. A limit of None is none."""

    name: str
    made: bool
    messages: int = 0
    size_bytes: int = 0
    max_messages: int | None = None
    max_bytes: int | None = None

    @property
    def fill(self) -> float | None:
        """How full it is, from 0 to 1, by the limit that is nearer; None without limits."""
        shares = [
            has / limit
            for has, limit in ((self.messages, self.max_messages), (self.size_bytes, self.max_bytes))
            if limit
        ]
        return max(shares, default=None)


@dataclass(frozen=True)
class ConsumerState:
    """One agent's work queue; `redelivered` counts the commands now at work that came more than once."""

    agent: str
    name: str
    made: bool
    waiting: int = 0
    at_work: int = 0
    redelivered: int = 0


@dataclass(frozen=True)
class Overview:
    """Everything at one moment; `dead_letters` counts by agent, or is None where KIOSK_DEAD isn't kept."""

    url: str
    server_version: str
    storage: Storage  # of our account
    streams: list[StreamState]
    consumers: list[ConsumerState]
    agents: dict[str, AgentState] = field(default_factory=dict)
    dead_letters: dict[str, int] | None = None


async def overview(client: Client) -> Overview:
    """Look at everything, within 3 seconds.

    Raises:
        BusUnreachable: the server is gone, does not answer, or has no JetStream.
    """
    if not client.connected:
        raise BusUnreachable(f"no NATS server answers at {client.url}")
    try:
        async with asyncio.timeout(_LOOK_S):
            # One after the other: a bus that answers takes a millisecond for each, one that doesn't the first one's.
            storage = await _storage(client)
            streams = [await _stream(client, wanted) for wanted in STREAMS]
            consumers = [await _consumer(client, agent, wanted) for agent, wanted in CONSUMERS.items()]
            dead = await _dead_letters(client)
            agents = await agents_on(client)
    except (nats.errors.Error, APIError, TimeoutError, OSError) as error:
        if isinstance(error, BusUnreachable):
            raise
        raise BusUnreachable(f"JetStream at {client.url} does not answer: {str(error) or 'timeout'}") from error
    version = client.nc.connected_server_version
    numbers = f"{version.major}.{version.minor}.{version.patch}"
    return Overview(client.url, numbers, storage, streams, consumers, agents, dead)


async def _storage(client: Client) -> Storage:
    account = await client.js.account_info()
    return Storage(account.memory, account.storage)


async def _stream(client: Client, wanted: dict[str, Any]) -> StreamState:
    name = wanted["name"]
    try:
        info = await client.js.stream_info(name)
    except NotFoundError:
        return StreamState(name, made=False)
    config, state = info.config, info.state
    return StreamState(name, True, state.messages, state.bytes, _limit(config.max_msgs), _limit(config.max_bytes))


async def _consumer(client: Client, agent: str, wanted: dict[str, Any]) -> ConsumerState:
    name = wanted["durable_name"]
    try:
        info = await client.js.consumer_info(COMMANDS_STREAM["name"], name)
    except NotFoundError:
        return ConsumerState(agent, name, made=False)
    return ConsumerState(agent, name, True, info.num_pending or 0, info.num_ack_pending or 0, info.num_redelivered or 0)


async def _dead_letters(client: Client) -> dict[str, int] | None:
    """Records by agent; the stream holds the server's own advisories too, which don't count."""
    try:
        info = await client.js.stream_info(DEAD_STREAM["name"], subjects_filter=DEAD.format(agent="*"))
    except NotFoundError:
        return None
    return {subject.rsplit(".", 1)[-1]: count for subject, count in (info.state.subjects or {}).items()}


def _limit(number: int | None) -> int | None:
    """JetStream says -1 for no limit."""
    return number if number is not None and number > 0 else None
