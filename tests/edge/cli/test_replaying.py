"""`kiosk bus replay`: onto the terminal and onto another bus, in time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.bus import Client, EmbeddedServer, NATSAgentBase
from edge.bus.history import Entry, recorded
from edge.cli.bus.pacing import due_s, in_time, speed_of
from edge.contract.subjects import PERSON_DETECTED, SESSION_ENDED, SESSION_STARTED, TOUCH, UI_UPDATE
from tests.edge.bus.test_history import customer

from .conftest import Kiosk

JOURNEY = [each.subject for each in (PERSON_DETECTED, SESSION_STARTED, UI_UPDATE, TOUCH, SESSION_ENDED)]


def at(*seconds: float) -> list[Entry]:
    return [Entry("kiosk.x", datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=each), b"{}") for each in seconds]


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Client]:
    """A second server that keeps events, too."""
    async with EmbeddedServer(tmp_path / "other") as server:
        client = Client(server.url, name="other")
        await client.connect(wait_s=10, setup=True)
        yield client
        await client.close()


def test_pauses_are_those_of_the_record_divided_by_the_speed() -> None:
    entries = at(10, 11, 11, 15)
    assert due_s(entries, 1) == [0, 1, 1, 5]
    assert due_s(entries, 10) == pytest.approx([0, 0.1, 0.1, 0.5])
    assert due_s(entries, 0.5) == [0, 2, 2, 10]
    assert due_s(entries, 0) == [0, 0, 0, 0]
    assert due_s(entries, 2, max_gap_s=3) == [0, 0.5, 0.5, 2]
    assert due_s(at(5, 4, 6), 1) == [0, 0, 2], "a clock that was set back makes no pause"
    assert due_s([], 1) == []


async def test_no_entry_comes_before_it_is_due() -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    came_s = [loop.time() - began_s async for _ in in_time(at(0, 1, 3), 20)]
    assert len(came_s) == 3
    assert came_s[1] >= 0.049
    assert came_s[2] >= 0.149
    hours = at(0, 3600, 7200)
    async with asyncio.timeout(20):
        assert [entry async for entry in in_time(hours, 0)] == hours


@pytest.mark.parametrize(("text", "speed"), [("1", 1), ("0.5", 0.5), ("0", 0), ("max", 0), ("100", 100)])
def test_speeds(text: str, speed: float) -> None:
    assert speed_of(text) == speed


async def test_a_session_is_shown_again_with_what_brought_the_customer(kiosk: Kiosk, bus: Client) -> None:
    await customer(bus)
    session, trace = await customer(bus)
    done = await kiosk("bus", "replay", "--session", session[:8], "--json", "--url", bus.url)
    assert done.code == 0, done.err
    shown = lines(done.out)
    assert [each["subject"] for each in shown] == JOURNEY
    assert {each["trace_id"] for each in shown} == {trace}
    assert [each["sequence"] for each in shown] == [6, 7, 8, 9, 10]
    assert "played 5 events in" in done.err
    assert "played_as" not in shown[0]


async def test_a_span_of_time_is_chosen_by_the_streams_clock(kiosk: Kiosk, bus: Client) -> None:
    for _ in range(3):
        await customer(bus)
    entries = [entry async for entry in recorded(bus)]
    span = ("--from", entries[4].at.isoformat(), "--to", entries[8].at.isoformat())
    done = await kiosk("bus", "replay", *span, "--speed", "max", "--json", "--url", bus.url)
    assert [each["sequence"] for each in lines(done.out)] == [5, 6, 7, 8, 9]
    done = await kiosk("bus", "replay", *span, "--dry-run", "--subject", "kiosk.input.*", "--url", bus.url)
    assert [line.split()[3] for line in done.out.splitlines()] == [TOUCH.subject]
    assert "would play 1 events" in done.err


async def test_onto_another_bus(kiosk: Kiosk, bus: Client, other: Client) -> None:
    session, trace = await customer(bus)
    done = await kiosk(
        *("bus", "replay", "--last", "--speed", "max", "--json"), *("--onto", other.url, "--url", bus.url)
    )
    assert done.code == 0, done.err
    played = [entry async for entry in recorded(other)]
    assert [entry.subject for entry in played] == JOURNEY
    assert [each["played_as"]["trace_id"] for each in lines(done.out)] == [entry.trace_id for entry in played]
    assert all(entry.replay_of for entry in played)
    assert f"trace {trace[:8]} is {played[0].trace_id} there" in done.err
    again = await kiosk("bus", "trace", "--last", "--url", other.url)
    assert "played again by kiosk bus replay" in again.out
    assert session not in again.out


async def test_a_dry_run_says_nothing_on_the_bus(kiosk: Kiosk, bus: Client, other: Client) -> None:
    await customer(bus)
    done = await kiosk("bus", "replay", "--last", "--dry-run", "--onto", other.url, "--url", bus.url)
    assert len(done.out.splitlines()) == 5
    assert f"would play 5 events onto {other.url}" in done.err
    assert [entry async for entry in recorded(other)] == []


class Leader(NATSAgentBase):
    """Leads nobody."""

    name = "orchestrator"


async def test_a_running_orchestrator_says_its_own_part(kiosk: Kiosk, bus: Client, other: Client) -> None:
    await customer(bus)
    leader = Leader(other.url)
    await leader.connect()
    arguments = ("bus", "replay", "--last", "--speed", "max", "--quiet", "--onto", other.url, "--url", bus.url)
    done = await kiosk(*arguments)
    assert [entry.subject async for entry in recorded(other)] == [PERSON_DETECTED.subject, TOUCH.subject]
    assert "3 events that are its own to say are left out" in done.err
    await kiosk(*arguments, "--all")
    assert [entry.subject async for entry in recorded(other)][2:] == JOURNEY
    await leader.close()


async def test_its_own_record_needs_a_word(kiosk: Kiosk, bus: Client) -> None:
    await customer(bus)
    arguments = ("bus", "replay", "--last", "--speed", "0", "--quiet", "--onto", bus.url, "--url", bus.url)
    done = await kiosk(*arguments)
    assert done.code == 1
    assert "--same-record" in done.err
    assert len([entry async for entry in recorded(bus)]) == 5
    assert (await kiosk(*arguments, "--same-record")).code == 0
    assert len([entry async for entry in recorded(bus)]) == 10


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "say what to replay"),
        (("--from", "yesterday"), 2, "'yesterday' is no time"),
        (("--from", "-1m", "--to", "-2m"), 2, "is after --to"),
        (("--session", "nobody"), 2, "is no id"),
        (("--last", "--speed", "-1"), 2, "'-1' is no speed"),
        (("--last", "--speed", "nan"), 2, "'nan' is no speed"),
        (("--last",), 1, "KIOSK_EVENTS holds no session"),
        (("--session", "3f8c"), 1, "KIOSK_EVENTS holds nothing of session 3f8c"),
        (("--from", "-1h", "--to", "-30m"), 1, "KIOSK_EVENTS holds nothing of the kind"),
    ],
)
async def test_what_cant_be_done_is_said(
    kiosk: Kiosk, bus: Client, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = await kiosk("bus", "replay", *arguments, "--url", bus.url)
    assert (done.code, done.out) == (code, "")
    assert words in " ".join(done.err.replace("│", " ").split())
    assert "Traceback" not in done.err
