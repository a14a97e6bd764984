"""How the bus is: server, streams, consumers, agents. What `kiosk bus status` and the monitor show."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import nats.errors
from nats.js.errors import APIError, NotFoundError

from edge.bus.client import Client
from edge.bus.connection import BusUnreachable
from edge.contract.streams import COMMANDS_STREAM, CONSUMERS, STREAMS
from edge.contract.subjects import AGENTS

_LISTEN_S = 0.5  # agents on loopback answer a ping in milliseconds


@dataclass(frozen=True)
class StreamState:
    """One stream; `made` is false when the server doesn't have it."""

    name: str
    made: bool
    messages: int = 0
    size_bytes: int = 0


@dataclass(frozen=True)
class ConsumerState:
    """One agent's work queue."""

    agent: str
    name: str
    made: bool
    waiting: int = 0
    at_work: int = 0
    redelivered: int = 0


@dataclass(frozen=True)
class Overview:
    """Everything at one moment; `agents` counts the running instances of each agent of the table."""

    url: str
    server_version: str
    streams: list[StreamState]
    consumers: list[ConsumerState]
    agents: dict[str, int] = field(default_factory=dict)


async def running_agents(client: Client, *, listen_s: float = _LISTEN_S) -> dict[str, int]:
    """How many instances of each agent of the table answer a ping, and of others that do.

    Raises:
        BusUnreachable: the server is gone.
    """
    found = dict.fromkeys(AGENTS, 0)
    try:
        inbox = client.nc.new_inbox()
        answers = await client.nc.subscribe(inbox)
        await client.nc.publish("$SRV.PING", b"", reply=inbox)
        try:
            async with asyncio.timeout(listen_s):
                async for msg in answers.messages:
                    if not msg.data:
                        break  # no responders at all
                    name = json.loads(msg.data).get("name", "?")
                    found[name] = found.get(name, 0) + 1
        except TimeoutError:
            pass
        await answers.unsubscribe()
    except (nats.errors.Error, OSError) as error:
        raise BusUnreachable(f"the bus at {client.url} went away: {error}") from error
    return found


async def overview(client: Client) -> Overview:
    """Look at everything.

    Raises:
        BusUnreachable: the server is gone, or has no JetStream.
    """
    streams, consumers = [], []
    try:
        for stream in STREAMS:
            try:
                state = (await client.js.stream_info(stream["name"])).state
                streams.append(StreamState(stream["name"], True, state.messages, state.bytes))
            except NotFoundError:
                streams.append(StreamState(stream["name"], False))
        for agent, wanted in CONSUMERS.items():
            name = wanted["durable_name"]
            try:
                info = await client.js.consumer_info(COMMANDS_STREAM["name"], name)
                consumers.append(
                    ConsumerState(
                        agent,
                        name,
                        True,
                        info.num_pending or 0,
                        info.num_ack_pending or 0,
                        info.num_redelivered or 0,
                    )
                )
            except NotFoundError:
                consumers.append(ConsumerState(agent, name, False))
    except (nats.errors.Error, APIError, TimeoutError, OSError) as error:
        raise BusUnreachable(f"JetStream at {client.url} does not answer: {error}") from error
    version = str(client.nc.connected_server_version)
    return Overview(client.url, version, streams, consumers, await running_agents(client))
