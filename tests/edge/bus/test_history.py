"""Reading KIOSK_EVENTS: by time, session and trace, on a real server."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nats.js.api import RawStreamMsg

from edge.bus import Client, EmbeddedServer
from edge.bus.client import current
from edge.bus.connection import BusUnreachable
from edge.bus.history import (
    REPLAY_OF,
    Ambiguous,
    Entry,
    NothingRecorded,
    choosing,
    journey,
    last_journey,
    live,
    matches,
    read_back,
    recorded,
)
from edge.contract.envelope import NATSMessage
from edge.contract.errors import ContractError
from edge.contract.subjects import ALL, PERSON_DETECTED, SESSION_ENDED, SESSION_STARTED, SPEECH_START, TOUCH, UI_UPDATE

SAID: dict[str, dict[str, Any]] = {
    PERSON_DETECTED.subject: {"event": "person_detected"},
    SESSION_STARTED.subject: {"event": "session_started", "kiosk_id": "kiosk-001"},
    SPEECH_START.subject: {"event": "speech_start"},
    TOUCH.subject: {"event": "touch", "action": "help"},
    UI_UPDATE.subject: {"event": "ui_update", "layout_mode": "greeting"},
    SESSION_ENDED.subject: {"event": "session_ended", "reason": "completed", "duration_seconds": 1},
}


async def say(bus: Client, subject: str, session: str, trace: str) -> None:
    token = current.set(NATSMessage.create(session, {}, trace))
    try:
        await bus.publish(subject, SAID[subject])
    finally:
        current.reset(token)


def an_id(beginning: str) -> str:
    return beginning + str(uuid.uuid4())[len(beginning) :]


async def customer(bus: Client, beginning: str = "") -> tuple[str, str]:
    """One customer's events; return their session and trace. Person_detected has the id of no session yet."""
    session, trace = an_id(beginning), an_id(beginning)
    await say(bus, PERSON_DETECTED.subject, str(uuid.uuid4()), trace)
    for subject in (SESSION_STARTED.subject, UI_UPDATE.subject, TOUCH.subject, SESSION_ENDED.subject):
        await say(bus, subject, session, trace)
    return session, trace


async def all_of(entries: AsyncIterator[Entry]) -> list[Entry]:
    return [entry async for entry in entries]


async def test_everything_comes_in_order_with_its_time(each_server: EmbeddedServer) -> None:
    bus = Client(each_server.url, name="test")
    await bus.connect(wait_s=10, setup=True)
    before = datetime.now(UTC)
    for subject, payload in SAID.items():
        await bus.publish(subject, payload)
    found = await all_of(recorded(bus))
    assert [entry.subject for entry in found] == list(SAID)
    assert [entry.sequence for entry in found] == [1, 2, 3, 4, 5, 6]
    times = [entry.at for entry in found]
    assert times == sorted(times)
    assert before - timedelta(seconds=1) < times[0] <= times[-1] < datetime.now(UTC) + timedelta(seconds=1)

    since, until = times[2], times[4]
    assert [entry.at for entry in await all_of(recorded(bus, since=since, until=until))] == times[2:5]
    assert [entry.at for entry in await all_of(recorded(bus, until=times[0] - timedelta(microseconds=1)))] == []
    assert await all_of(recorded(bus, since=times[-1] + timedelta(seconds=1))) == []
    touches = await all_of(recorded(bus, since=since, subject=TOUCH.subject))
    assert [entry.subject for entry in touches] == [TOUCH.subject]
    await bus.close()


async def test_read_back_message_by_message_is_the_same(each_server: EmbeddedServer) -> None:
    bus = Client(each_server.url, name="test")
    await bus.connect(wait_s=10, setup=True)
    for _ in range(4):
        await customer(bus)
    wanted = await all_of(recorded(bus, subject=UI_UPDATE.subject))
    found = await all_of(read_back(bus, UI_UPDATE.subject))
    assert [(each.sequence, each.data) for each in found] == [(each.sequence, each.data) for each in wanted]
    assert len(found) == 4
    assert abs(found[0].at - wanted[0].at) < timedelta(milliseconds=1)
    everything = await all_of(read_back(bus, ALL))
    for number, entry in enumerate(everything):
        later = await all_of(read_back(bus, ALL, since=entry.at))
        assert [each.sequence for each in later] == [each.sequence for each in everything[number:]]
    assert await all_of(read_back(bus, ALL, since=everything[-1].at + timedelta(seconds=1))) == []
    await bus.close()


async def test_reading_back_ends_while_somebody_goes_on_talking(bus: Client) -> None:
    await customer(bus)
    found = []
    async with asyncio.timeout(20):
        async for entry in read_back(bus, ALL):
            found.append(entry.sequence)
            await customer(bus)
    assert found == [1, 2, 3, 4, 5]


async def test_an_empty_record_is_no_wait(bus: Client) -> None:
    assert await all_of(recorded(bus)) == []
    assert await all_of(read_back(bus, ALL)) == []
    assert await all_of(read_back(bus, ALL, since=datetime.now(UTC))) == []
    with pytest.raises(NothingRecorded, match="no session"):
        await last_journey(bus)


async def test_reading_ends_while_somebody_goes_on_talking(bus: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """At what was the newest when the reading began, not when the talk is over."""
    await customer(bus)
    newest = bus.js.get_last_msg

    async def then_talk(stream: str, subject: str) -> RawStreamMsg:
        found = await newest(stream, subject)
        await customer(bus)
        return found

    monkeypatch.setattr(bus.js, "get_last_msg", then_talk)
    async with asyncio.timeout(20):
        assert len(await all_of(recorded(bus))) == 5


async def test_a_lost_server_is_said(nats_server: EmbeddedServer, bus: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.bus.history.ANSWER_S", 0.2)
    await customer(bus)
    await nats_server.kill()
    with pytest.raises(BusUnreachable, match="KIOSK_EVENTS does not answer"):
        await all_of(recorded(bus))
    with pytest.raises(BusUnreachable, match="KIOSK_EVENTS does not answer"):
        await all_of(read_back(bus, ALL))


async def test_a_journey_is_all_of_a_trace(bus: Client) -> None:
    await customer(bus)
    session, trace = await customer(bus)
    await customer(bus)
    for found in (await journey(bus, trace=trace), await journey(bus, session=session)):
        assert (found.trace_id, found.session_ids) == (trace, (session,))
        assert [entry.subject for entry in found.entries] == [
            each.subject for each in (PERSON_DETECTED, SESSION_STARTED, UI_UPDATE, TOUCH, SESSION_ENDED)
        ]
        assert {entry.trace_id for entry in found.entries} == {trace}
        assert found.duration_s == (found.entries[-1].at - found.entries[0].at).total_seconds() > 0
        assert not found.replayed


async def test_an_id_may_be_shortened_while_it_is_clear(bus: Client) -> None:
    session, trace = await customer(bus, "abc1")
    await customer(bus, "abc2")
    assert (await journey(bus, trace="abc1")).trace_id == trace
    assert (await journey(bus, session="abc1")).session_ids == (session,)
    with pytest.raises(Ambiguous, match=f"trace abc may be any of 2: .*{trace}"):
        await journey(bus, trace="abc")
    with pytest.raises(NothingRecorded, match="nothing of trace abcd"):
        await journey(bus, trace="abcd")
    with pytest.raises(NothingRecorded, match="nothing of session abcd"):
        await journey(bus, session="abcd")


async def test_the_last_journey_is_the_newest_sessions(bus: Client) -> None:
    await customer(bus)
    session, trace = await customer(bus)
    await say(bus, PERSON_DETECTED.subject, str(uuid.uuid4()), str(uuid.uuid4()))
    found = await last_journey(bus)
    assert (found.trace_id, found.session_ids) == (trace, (session,))


async def test_a_trace_without_a_session_is_found_too(bus: Client) -> None:
    trace = str(uuid.uuid4())
    await say(bus, PERSON_DETECTED.subject, str(uuid.uuid4()), trace)
    await customer(bus)
    found = await journey(bus, trace=trace[:13])
    assert (found.trace_id, found.session_ids, len(found.entries)) == (trace, (), 1)


async def test_a_touch_of_another_trace_in_the_session_is_part_of_the_journey(bus: Client) -> None:
    """A page that lagged behind: an audit must see it where it happened."""
    session, trace, stale = str(uuid.uuid4()), str(uuid.uuid4()), str(uuid.uuid4())
    await say(bus, SESSION_STARTED.subject, session, trace)
    await say(bus, TOUCH.subject, session, stale)
    found = await journey(bus, trace=trace)
    assert [entry.trace_id for entry in found.entries] == [trace, stale]


async def test_a_malformed_event_is_an_entry_with_its_fault(bus: Client) -> None:
    await bus.js.publish(TOUCH.subject, b"junk")
    await bus.js.publish(TOUCH.subject, b'{"payload":{"event":"touch","action":"help"}}')
    await bus.js.publish(TOUCH.subject, b'{"session_id":7,"payload":{}}')
    junk, bare, numbered = await all_of(recorded(bus))
    assert isinstance(junk.message, ContractError)
    assert isinstance(bare.message, NATSMessage)
    assert (junk.ids, bare.ids, numbered.ids) == (("", ""),) * 3


async def test_live_hears_events_and_commands_with_their_headers(bus: Client) -> None:
    hearing = live(bus)
    first = asyncio.ensure_future(anext(hearing))
    async with asyncio.timeout(10):
        while not first.done():  # until it has subscribed
            await bus.nc.publish("kiosk.agent.menu.search", b"{}", headers={REPLAY_OF: "x"})
            await asyncio.wait([first], timeout=0.1)
    entry = await first
    assert (entry.subject, entry.replay_of, entry.sequence) == ("kiosk.agent.menu.search", "x", None)
    await hearing.aclose()  # type: ignore[attr-defined]  # it is an async generator


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("kiosk.>", "kiosk.a.b", "kiosk"),
        ("kiosk.*", "kiosk.a", "kiosk.a.b"),
        ("kiosk.*.b", "kiosk.a.b", "kiosk.a.c"),
        ("kiosk.a", "kiosk.a", "kiosk.a.b"),
        (">", "kiosk", ""),
        ("kiosk.a.b", "kiosk.a.b", "kiosk.a"),
    ],
)
def test_patterns_match_as_nats_has_them(pattern: str, yes: str, no: str) -> None:
    assert matches(yes, pattern)
    assert not (no and matches(no, pattern))


def test_choosing_is_by_all_that_is_given() -> None:
    session, trace = str(uuid.uuid4()), str(uuid.uuid4())
    entry = Entry(TOUCH.subject, datetime.now(UTC), NATSMessage.create(session, {}, trace).to_json().encode())
    assert choosing()(entry)
    assert choosing(session=session[:5], trace=trace, subjects=("kiosk.ui.*", "kiosk.input.*"))(entry)
    assert not choosing(session=trace)(entry)
    assert not choosing(trace=session)(entry)
    assert not choosing(session=session, subjects=("kiosk.ui.*",))(entry)
