"""What is worth waking somebody for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.bus.discovery import AgentState
from edge.bus.overview import ConsumerState, StreamState
from edge.contract.subjects import COMMANDS, MENU_SEARCH, PAYMENT_PROCESS, PRINT_RECEIPT
from edge.monitor.alerts import find, limit_ms
from edge.monitor.look import Look
from edge.monitor.server import SlowConsumer

from .scenes import GONE, WELL, bus, server, took


def names(look: Look, *recent: object, **more: object) -> list[tuple[str, dict[str, str]]]:
    return [(each.kind.name, dict(each.labels)) for each in find(look, recent, **more)]  # type: ignore[arg-type]  # tests say what they like


def test_a_well_kiosk_has_none() -> None:
    assert find(WELL, [took(MENU_SEARCH.subject, 5, 10, 1999)]) == []


def test_without_the_bus_one_alert_says_all() -> None:
    assert names(GONE) == [("KioskBusDown", {})]


def test_a_slow_consumer_is_named() -> None:
    look = Look(bus(), server(slow=[SlowConsumer("bench", cut=True), SlowConsumer("page", cut=False)]))
    (alert,) = find(look)
    assert alert.kind.name == "KioskSlowConsumers"
    assert "bench, page" in alert.text


@pytest.mark.parametrize(("stored", "alerts"), [(500_000_000, []), (500_000_001, [("KioskJetStreamBytes", {})])])
def test_storage_past_500_mb(stored: int, alerts: list[object]) -> None:
    assert names(Look(bus(), server(file_bytes=stored))) == alerts


def test_storage_is_known_without_the_monitoring_port() -> None:
    seen = bus()
    look = Look(replace(seen, storage=replace(seen.storage, file_bytes=600_000_000)), None, server_problem="closed")
    assert [name for name, _ in names(look)] == ["KioskJetStreamBytes", "KioskServerMonitoringDown"]


def test_more_than_one_answer_in_20_past_2000_ms() -> None:
    assert names(WELL, took(MENU_SEARCH.subject, *[5] * 19, 2500)) == []
    ((name, labels),) = names(WELL, took(MENU_SEARCH.subject, *[5] * 18, 2500))
    assert name == "KioskAgentLatency"
    assert labels == {"agent": "menu", "command": MENU_SEARCH.subject, "seen_by": "asker"}


@pytest.mark.parametrize(
    ("command", "well_ms", "slow_ms"),
    [(PAYMENT_PROCESS, 29_000, 30_500), (PRINT_RECEIPT, 9_000, 10_500), (MENU_SEARCH, 1_900, 2_100)],
    ids=["payment", "print", "search"],
)
def test_what_waits_for_a_person_or_paper_may_take_its_timeout(command: object, well_ms: int, slow_ms: int) -> None:
    subject = command.subject  # type: ignore[attr-defined]  # of the table
    assert names(WELL, took(subject, well_ms)) == []
    assert [name for name, _ in names(WELL, took(subject, slow_ms))] == ["KioskAgentLatency"]


def test_the_limit_is_never_under_the_specifications() -> None:
    assert {command.subject: limit_ms(command) for command in COMMANDS if limit_ms(command) != 2000} == {
        PAYMENT_PROCESS.subject: 30_000,
        PRINT_RECEIPT.subject: 10_000,
    }


def test_an_unanswered_command_is_an_alert_of_its_own() -> None:
    lost = took(MENU_SEARCH.subject, 1, 1, outcome="UNAVAILABLE")
    ((name, labels),) = names(WELL, lost, took(MENU_SEARCH.subject, *[5] * 50))
    assert (name, labels) == ("KioskCommandUnanswered", {"agent": "menu", "command": MENU_SEARCH.subject})
    assert names(WELL, took(MENU_SEARCH.subject, 1, outcome="MENU_NOT_FOUND")) == []


@pytest.mark.parametrize("presence", ["down", "silent"])
def test_an_agent_that_does_not_answer(presence: str) -> None:
    look = Look(bus(agents={"payment": AgentState("payment", presence)}), server())  # type: ignore[arg-type]  # one of the two
    assert names(look) == [("KioskAgentDown", {"agent": "payment"})]
    assert names(look, expected=("menu",)) == []


def test_what_is_missing_on_the_server() -> None:
    look = Look(
        bus(
            streams=[StreamState("KIOSK_EVENTS", False)],
            queues=[ConsumerState("menu", "menu-agent-consumer", False)],
        ),
        server(),
        setup_problem="the server refuses it",
    )
    assert names(look) == [
        ("KioskStreamMissing", {"stream": "KIOSK_EVENTS"}),
        ("KioskQueueMissing", {"agent": "menu"}),
    ]
    assert all("the server refuses it" in alert.text for alert in find(look))


@pytest.mark.parametrize(("messages", "alerts"), [(90_000, 0), (90_001, 1)])
def test_a_stream_near_its_limit(messages: int, alerts: int) -> None:
    look = Look(bus(streams=[StreamState("KIOSK_EVENTS", True, messages, 5, 100_000)]), server())
    assert [name for name, _ in names(look)] == ["KioskStreamNearLimit"] * alerts


def test_dead_letters() -> None:
    assert names(Look(bus(dead={"payment": 1, "menu": 0}), server())) == [("KioskDeadLetters", {"agent": "payment"})]


def test_a_server_that_calls_itself_unwell() -> None:
    (alert,) = find(Look(bus(), server(problem="JetStream stream recovery failed")))
    assert alert.kind.name == "KioskServerUnhealthy"
    assert "recovery failed" in alert.text
