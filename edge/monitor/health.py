"""Whether the kiosk is healthy, whole and in parts, for GET /healthz."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from edge.bus.discovery import AgentState
from edge.contract.hardware import Condition, DeviceStatus
from edge.contract.subjects import AGENTS
from edge.monitor.look import Look


@dataclass(frozen=True)
class Part:
    """One part of the kiosk: healthy without `problems`; `facts` go into the JSON beside them."""

    problems: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """The answer's body."""
        return {"status": "ok" if self.ok else "unhealthy", "problems": list(self.problems)} | self.facts


@dataclass(frozen=True)
class Health:
    """All parts; the whole is healthy when each is. Agents that aren't expected are shown, not judged."""

    server: Part
    streams: Part
    agents: dict[str, Part]
    expected: Collection[str] = AGENTS
    devices: Part = Part()

    @property
    def all_agents(self) -> Part:
        """The expected agents together."""
        problems = tuple(text for name in self.expected for text in self.agents[name].problems)
        return Part(problems, {"agents": {name: part.as_json() for name, part in self.agents.items()}})

    @property
    def kiosk(self) -> Part:
        """Everything."""
        agents = self.all_agents
        parts = {
            "server": self.server.as_json(),
            "streams": self.streams.as_json(),
            "devices": self.devices.as_json(),
        } | agents.facts
        problems = (*self.server.problems, *self.streams.problems, *agents.problems, *self.devices.problems)
        return Part(problems, parts)


def health(look: Look, expected: Collection[str] = AGENTS) -> Health:
    """How healthy the kiosk was at `look`."""
    agents = look.bus.agents if look.bus else {}
    names = list(dict.fromkeys((*expected, *agents)))
    return Health(
        _server(look),
        _streams(look, expected),
        {name: _agent(name, agents.get(name), bus_up=look.bus is not None) for name in names},
        expected,
        _devices(look),
    )


def in_words(device: DeviceStatus) -> str:
    """A device's state in a line."""
    return f"{device.name} is {device.condition.value}" + (f": {device.reason}" if device.reason else "")


def _devices(look: Look) -> Part:
    """Absent ones, and those that can't do their work, are problems. Low paper, which has no code, is none yet."""
    if look.devices is None:
        return Part((), {"devices": None, "devices_problem": look.devices_problem or look.bus_problem})
    broken = [
        each
        for each in look.devices
        if each.condition is Condition.ABSENT or (each.condition is Condition.DEGRADED and each.code)
    ]
    facts = {
        each.name: {"condition": each.condition.value, "since": each.since, "reason": each.reason, "code": each.code}
        for each in look.devices
    }
    return Part(tuple(in_words(each) for each in broken), {"devices": facts})


def _server(look: Look) -> Part:
    problems = []
    facts: dict[str, Any] = {"bus": look.bus is not None, "monitoring_port": look.server is not None}
    if look.bus is None:
        problems.append(look.bus_problem)
    else:
        facts["version"] = look.bus.server_version
    if look.server is None:
        facts["monitoring_problem"] = look.server_problem  # the bus works without it
    else:
        facts |= {"uptime": look.server.uptime, "connections": look.server.connections}
        if look.server.problem:
            problems.append(f"nats-server: {look.server.problem}")
    return Part(tuple(problems), facts)


def _streams(look: Look, expected: Collection[str]) -> Part:
    if look.bus is None:
        return Part(("the bus does not answer, so nobody knows its streams",))
    problems = [f"the stream {each.name} is missing" for each in look.bus.streams if not each.made]
    problems += [
        f"the work queue of {each.agent} is missing"
        for each in look.bus.consumers
        if not each.made and each.agent in expected
    ]
    if look.setup_problem:
        problems.append(look.setup_problem)
    facts = {
        "streams": {each.name: {"messages": each.messages, "fill": each.fill} for each in look.bus.streams if each.made}
    }
    return Part(tuple(problems), facts)


def _agent(name: str, state: AgentState | None, *, bus_up: bool) -> Part:
    if not bus_up:
        return Part((f"{name}: the bus does not answer",), {"presence": "unknown", "instances": []})
    if state is None or state.presence == "down":
        return Part((f"{name} is not running",), {"presence": "down", "instances": []})
    instances = [{"id": each.id, "version": each.version, "started": each.started} for each in state.instances]
    problems = (f"{name} is there, but does not answer",) if state.presence == "silent" else ()
    return Part(problems, {"presence": state.presence, "instances": instances})
