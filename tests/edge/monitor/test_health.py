"""What /healthz makes of a look."""

from __future__ import annotations

from edge.bus.discovery import AgentState
from edge.bus.overview import ConsumerState, StreamState
from edge.monitor.health import health
from edge.monitor.look import Look

from .scenes import GONE, WELL, bus, server


def test_a_well_kiosk() -> None:
    found = health(WELL)
    assert found.kiosk.ok
    body = found.kiosk.as_json()
    assert (body["status"], body["problems"]) == ("ok", [])
    assert body["agents"]["menu"]["instances"][0]["version"] == "1.0.0"
    assert body["server"]["version"] == "2.10.26"


def test_without_the_bus_nothing_is_well() -> None:
    found = health(GONE)
    assert not found.server.ok
    assert not found.streams.ok
    assert not any(part.ok for part in found.agents.values())
    assert found.agents["menu"].facts["presence"] == "unknown"


def test_only_the_part_that_is_unwell_says_so() -> None:
    found = health(Look(bus(agents={"menu": AgentState("menu", "down")}), server()))
    assert found.server.ok
    assert found.streams.ok
    assert found.agents["voice"].ok
    assert found.agents["menu"].problems == found.kiosk.problems == ("menu is not running",)


def test_an_agent_that_is_not_expected_is_shown_and_not_judged() -> None:
    found = health(Look(bus(agents={"menu": AgentState("menu", "down")}), server()), expected=("voice",))
    assert found.kiosk.ok
    assert not found.agents["menu"].ok


def test_a_missing_stream_or_queue() -> None:
    seen = bus(streams=[StreamState("KIOSK_EVENTS", False)], queues=[ConsumerState("menu", "menu-x", False)])
    found = health(Look(seen, server(), setup_problem="refused"))
    assert found.streams.problems == (
        "the stream KIOSK_EVENTS is missing",
        "the work queue of menu is missing",
        "refused",
    )
    assert found.server.ok


def test_a_closed_monitoring_port_is_told_but_the_bus_works() -> None:
    found = health(Look(bus(), None, server_problem="closed"))
    assert found.kiosk.ok
    assert found.server.as_json()["monitoring_problem"] == "closed"


def test_a_server_that_calls_itself_unwell() -> None:
    assert health(Look(bus(), server(problem="no disk"))).kiosk.problems == ("nats-server: no disk",)
