"""Who is on the bus: agents are micro services of NATS, and answer `$SRV.PING` and `$SRV.STATS`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import nats.errors
from nats.aio.msg import Msg

from edge.bus.client import Client
from edge.bus.connection import BusUnreachable
from edge.bus.latency import ENDPOINT, Report, read_report
from edge.contract.subjects import AGENTS

log = logging.getLogger(__name__)

_LISTEN_S = 2.0  # agents on loopback answer within milliseconds; one that takes longer is in trouble
_ASK_AGAIN_S = 0.5
_QUIET_S = 0.05  # nothing new for so long: nobody else is there

# up: answers; silent: subscribed, but does not answer; down: not there.
Presence = Literal["up", "silent", "down"]


@dataclass(frozen=True)
class Instance:
    """One running process of an agent; `id` is its micro service's, `latency` what it counted (None: it doesn't)."""

    id: str
    version: str
    started: str = ""
    latency: Report | None = None


@dataclass(frozen=True)
class AgentState:
    """An agent of the table, or another micro service that was found."""

    name: str
    presence: Presence
    instances: tuple[Instance, ...] = ()


@dataclass
class _Roll:
    """The answers so far."""

    expected: Sequence[str]
    pinged: dict[str, Instance] = field(default_factory=dict)  # id -> from $SRV.PING
    counted: dict[str, Instance] = field(default_factory=dict)  # id -> from $SRV.STATS
    names: dict[str, str] = field(default_factory=dict)  # id -> agent
    absent: set[str] = field(default_factory=set)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def on_answer(self, msg: Msg) -> None:
        asked = msg.subject.rsplit(".", 1)[-1]
        if msg.headers and msg.headers.get("Status") == "503":
            self.absent.add(asked)
        else:
            self._read(msg.data)
        self.news.set()

    def _read(self, data: bytes) -> None:
        try:
            said = json.loads(data)
            name, number = str(said["name"]), str(said["id"])
            instance = Instance(number, str(said.get("version", "")), str(said.get("started", "")), _latency(said))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.debug("what answers as a micro service isn't one: %r", error)
            return
        self.names[number] = name
        (self.counted if "endpoints" in said else self.pinged)[number] = instance

    @property
    def unknown(self) -> list[str]:
        """Expected agents that are neither here nor known to be away."""
        here = {self.names[number] for number in self.counted}
        return [name for name in self.expected if name not in here and name not in self.absent]

    @property
    def complete(self) -> bool:
        """Whether every expected agent is known to be there or not, and all who are there have told all."""
        return not self.unknown and all(
            number in self.counted or self.names[number] not in self.expected for number in self.pinged
        )

    def states(self) -> dict[str, AgentState]:
        found: dict[str, list[Instance]] = {name: [] for name in self.expected}
        for number, instance in (self.pinged | self.counted).items():
            found.setdefault(self.names[number], []).append(instance)
        return {
            name: AgentState(name, self._presence(name, instances), tuple(sorted(instances, key=lambda each: each.id)))
            for name, instances in found.items()
        }

    def _presence(self, name: str, instances: list[Instance]) -> Presence:
        if instances:
            return "up"
        return "down" if name in self.absent else "silent"


async def agents_on(
    client: Client, *, expected: Sequence[str] = AGENTS, listen_s: float = _LISTEN_S
) -> dict[str, AgentState]:
    """Every agent of `expected`, there or not, and any other micro service, by name.

    Takes milliseconds; with an agent that is subscribed but does not answer, `listen_s`.

    Raises:
        BusUnreachable: the server is gone.
    """
    roll = _Roll(expected)
    try:
        inbox = client.nc.new_inbox()
        subscription = await client.nc.subscribe(f"{inbox}.*", cb=roll.on_answer)
        try:
            await client.nc.publish("$SRV.PING", b"", reply=f"{inbox}.everyone")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(listen_s):
                    while True:
                        for name in roll.unknown:
                            await client.nc.publish(f"$SRV.STATS.{name}", b"", reply=f"{inbox}.{name}")
                        if await _told(roll):
                            break
                        # Asked again: who dies with the question in its hands leaves it unanswered.
        finally:
            if client.connected:
                await subscription.unsubscribe()
    except (nats.errors.Error, OSError) as error:
        raise BusUnreachable(f"the bus at {client.url} went away: {error}") from error
    if not client.connected:
        raise BusUnreachable(f"the bus at {client.url} went away")
    return roll.states()


async def _told(roll: _Roll) -> bool:
    """Whether everything is told and nothing new comes; False when it is time to ask again."""
    while True:
        roll.news.clear()
        complete = roll.complete
        try:
            await asyncio.wait_for(roll.news.wait(), _QUIET_S if complete else _ASK_AGAIN_S)
        except TimeoutError:
            return complete


async def running_agents(client: Client) -> dict[str, int]:
    """How many instances of each agent of the table are up, and of others that were found.

    Raises:
        BusUnreachable: the server is gone.
    """
    return {name: len(state.instances) for name, state in (await agents_on(client)).items()}


def _latency(said: dict[str, Any]) -> Report | None:
    """The latency report in an answer to $SRV.STATS."""
    for endpoint in said.get("endpoints") or ():
        if endpoint.get("name") == ENDPOINT and endpoint.get("data"):
            try:
                return read_report(endpoint["data"])
            except ValueError as error:
                log.debug("%s: %s", said.get("name"), error)
    return None
