"""`kiosk bus trace`: a journey as a timeline."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.bus import Client
from edge.bus.history import Entry, Journey
from edge.cli.bus.timeline import Moment, answers, bar, duration, moments, outcome
from edge.contract.envelope import NATSMessage
from edge.contract.subjects import INTENT, PERSON_DETECTED, SESSION_ENDED, TOUCH, UI_UPDATE
from tests.edge.bus.test_history import customer

from .conftest import Kiosk

SESSION, TRACE = str(uuid.uuid4()), str(uuid.uuid4())
TOUCHED: dict[str, Any] = {"event": "touch", "action": "pay"}
SHOWN: dict[str, Any] = {"event": "ui_update", "layout_mode": "payment", "components": []}


def journey(*said: tuple[float, str, dict[str, Any]], trace: str = TRACE) -> Journey:
    began = datetime(2026, 11, 23, 10, 32, tzinfo=UTC)
    return Journey(
        TRACE,
        (SESSION,),
        tuple(
            Entry(
                subject, began + timedelta(seconds=at_s), NATSMessage.create(SESSION, payload, trace).to_json().encode()
            )
            for at_s, subject, payload in said
        ),
    )


def test_each_event_has_its_time_since_the_beginning_and_since_the_last() -> None:
    told = moments(
        journey(
            (0, PERSON_DETECTED.subject, {"event": "person_detected", "confidence": 0.9}),
            (0.25, UI_UPDATE.subject, SHOWN),
            (4, SESSION_ENDED.subject, {"event": "session_ended", "reason": "timeout", "duration_seconds": 4}),
        )
    )
    assert [(each.since_s, each.gap_s, each.who) for each in told] == [
        (0, 0, "vision"),
        (0.25, 0.25, "orchestrator"),
        (4, 3.75, "orchestrator"),
    ]
    assert [each.what for each in told] == [
        "somebody is here, 90%",
        "screen payment",
        "session ends: timeout after 4.0 s",
    ]
    assert outcome(told) == "timeout"
    assert outcome(told[:2]) is None
    assert not any(each.foreign for each in told)


def test_the_customers_wait_is_from_the_deed_to_the_next_screen() -> None:
    told = moments(
        journey(
            (0, UI_UPDATE.subject, SHOWN),
            (1, TOUCH.subject, TOUCHED),
            (1.5, INTENT.subject, {"event": "intent"}),
            (2, UI_UPDATE.subject, SHOWN),
            (3, UI_UPDATE.subject, SHOWN),
            (4, TOUCH.subject, TOUCHED),
        )
    )
    assert [(each.deed.since_s, each.took_s) for each in answers(told)] == [(1, 1), (1.5, 0.5)]


def test_what_is_of_another_trace_is_marked() -> None:
    (touch,) = moments(journey((0, TOUCH.subject, TOUCHED), trace=str(uuid.uuid4())))
    assert touch.foreign


def bars(*since_s: float, width: int = 10) -> list[str]:
    entry = Entry("kiosk.x", datetime.now(UTC), b"")
    gaps = [each - before for before, each in zip((0.0, *since_s), since_s, strict=False)]
    told = [Moment(entry, at_s, gap_s, "", "", foreign=False) for at_s, gap_s in zip(since_s, gaps, strict=True)]
    return [bar(each, since_s[-1], width) for each in told]


def test_bars_show_where_the_time_went() -> None:
    assert bars(0, 5, 10) == ["▏", "█████", "     █████"]
    assert bars(0, 0.01, 10) == ["▏", "▏", "██████████"]
    assert bars(0, 10, 10) == ["▏", "██████████", "         ▏"]
    assert bars(0) == [""]
    assert all(len(each) <= 10 for each in bars(*(each / 7 for each in range(50))))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.0125, "12 ms"),
        (0.9996, "1.00 s"),
        (3.236, "3.24 s"),
        (59.996, "1 min 00 s"),
        (125, "2 min 05 s"),
    ],
)
def test_durations_are_in_the_unit_that_reads_best(seconds: float, words: str) -> None:
    assert duration(seconds) == words


async def test_a_journey_by_trace_session_and_the_last(kiosk: Kiosk, bus: Client) -> None:
    await customer(bus)
    session, trace = await customer(bus)
    url = ("--url", bus.url)
    outputs = [
        (await kiosk("bus", "trace", *which, *url)).out
        for which in ((trace[:10],), ("--session", session), ("--last",))
    ]
    assert outputs[0] == outputs[1] == outputs[2]
    title, summary, heading, *told, waits = outputs[0].splitlines()
    assert (trace in title, session in title) == (True, True)
    assert summary.endswith("5 events, completed")
    assert heading.split() == ["time", "since", "gap", "who", "what"]
    assert [line[41:].strip(" ▏█").split(maxsplit=1) for line in told] == [
        ["vision", "somebody is here"],
        ["orchestrator", "session begins on kiosk-001"],
        ["orchestrator", "screen greeting"],
        ["frontend", "touches help"],
        ["orchestrator", "session ends: completed after 1.0 s"],
    ]
    assert waits.startswith("1 deeds of the customer")


async def test_json_has_all_of_it(kiosk: Kiosk, bus: Client) -> None:
    session, trace = await customer(bus)
    done = await kiosk("bus", "trace", "--last", "--json", "--url", bus.url)
    told = json.loads(done.out)
    assert (told["trace_id"], told["session_ids"], told["outcome"]) == (trace, [session], "completed")
    assert [each["who"] for each in told["events"]] == [
        "vision",
        "orchestrator",
        "orchestrator",
        "frontend",
        "orchestrator",
    ]
    assert sum(each["gap_s"] for each in told["events"]) == pytest.approx(told["duration_s"], abs=1e-4)
    assert told["events"][3]["payload"]["action"] == "help"
    assert told["replayed"] is False


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "say which journey"),
        (("3f8c", "--last"), 2, "say which journey"),
        (("customer",), 2, "is no id"),
        (("--last",), 1, "holds no session"),
        (("3f8c",), 1, "holds nothing of trace 3f8c"),
    ],
)
async def test_what_cant_be_shown_is_said(
    kiosk: Kiosk, bus: Client, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = await kiosk("bus", "trace", *arguments, "--url", bus.url)
    assert (done.code, done.out) == (code, "")
    assert words in " ".join(done.err.replace("│", " ").split())
    assert "Traceback" not in done.err
