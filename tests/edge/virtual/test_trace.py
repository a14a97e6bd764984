"""One customer, one trace: `kiosk bus trace` shows the story from person_detected to session_ended."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from edge.bus.history import Entry, recorded
from edge.contract.envelope import NATSMessage
from edge.contract.subjects import (
    ALL,
    CAMERA_STATE,
    CARD_TAP,
    CART_ACTION,
    COMMANDS,
    EVENTS,
    HARDWARE_STATUS,
    INTENT,
    MICROPHONE_STATE,
    PAYMENT_CANCEL,
    PERSON_DETECTED,
    SESSION_ENDED,
    SESSION_STARTED,
    SET_SERVICE,
    TOUCH,
    TRANSCRIPT,
    UI_UPDATE,
    agent_of,
)
from edge.virtual.kiosk import VirtualKiosk
from edge.virtual.story import Story


async def play(kiosk: VirtualKiosk) -> None:
    await Story(kiosk.stage, kiosk.bus, lambda _: None).play()


async def trace(kiosk: VirtualKiosk, *which: str) -> dict[str, Any]:
    """What `kiosk bus trace` says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge", "bus", "trace", *which, "--json", "--url", kiosk.server.url),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 0
    told: dict[str, Any] = json.loads(out)
    return told


async def test_a_trace_is_the_whole_journey_and_nothing_else(kiosk: VirtualKiosk) -> None:
    heard: list[tuple[str, NATSMessage]] = []

    async def listen() -> None:
        async for subject, message in kiosk.bus.watch(ALL):
            assert isinstance(message, NATSMessage)
            heard.append((subject, message))

    listening = asyncio.create_task(listen())
    await kiosk.bus.settle()
    for _ in range(2):  # customers
        await play(kiosk)
    listening.cancel()
    await asyncio.wait([listening])

    told = await trace(kiosk, "--last")
    subjects = [each["subject"] for each in told["events"]]
    assert subjects[:2] == [PERSON_DETECTED.subject, SESSION_STARTED.subject]
    assert subjects[-1] == SESSION_ENDED.subject
    of_devices = {CAMERA_STATE, MICROPHONE_STATE}  # what nobody caused
    caused = {event.subject for event in EVENTS if event not in of_devices}
    assert set(subjects) == caused, "everything that a customer causes is in it"
    assert {each["trace_id"] for each in told["events"]} == {told["trace_id"]}
    assert told["outcome"] == "completed"
    assert told["screen_after_deed_s"]["count"] == 7  # comes, says, adds, two cards, checkout and pay
    words = [each["what"] for each in told["events"]]
    assert "holds loyalty card LOYALTY123" in words
    assert "touches pay on Action" in words
    assert told == await trace(kiosk, told["trace_id"][:12])
    assert told == await trace(kiosk, "--session", told["session_ids"][0])

    # Two traces, and neither in what was said between and after the customers.
    started = [message for subject, message in heard if subject == SESSION_STARTED.subject]
    assert len({message.trace_id for message in started}) == 2
    for start in started:
        of_trace = [(subject, message) for subject, message in heard if message.trace_id == start.trace_id]
        of_session = [(subject, message) for subject, message in heard if message.session_id == start.session_id]
        assert of_trace[0][0] == PERSON_DETECTED.subject
        assert of_trace[-1][0] == SESSION_ENDED.subject
        assert of_session == of_trace[1:], "but for what came before there was a session"
        asked = {subject for subject, _ in of_trace if agent_of(subject)}
        not_in_a_story = {PAYMENT_CANCEL.subject, HARDWARE_STATUS.subject, SET_SERVICE.subject}
        assert asked == {command.subject for command in COMMANDS} - not_in_a_story


async def test_typed_text_is_in_the_customers_trace(kiosk: VirtualKiosk) -> None:
    """Section 6.2's events, by the bench instead of the microphone."""
    story = Story(kiosk.stage, kiosk.bus, lambda _: None)
    watching = asyncio.create_task(story._watch())
    await kiosk.bus.settle()
    try:
        await story._walk_up()
        await kiosk._say_text("show me something vegetarian")
        await story._until(INTENT)
        await story._screen("shows dishes", lambda screen: screen.layout_mode == "hero_grid")
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    entries = [entry async for entry in recorded(kiosk.bus)]
    (start,) = [entry for entry in entries if entry.subject == SESSION_STARTED.subject]

    def of(subject: str) -> set[str]:
        return {entry.trace_id for entry in entries if entry.subject == subject}

    assert of(TRANSCRIPT.subject) == of(INTENT.subject) == of(PERSON_DETECTED.subject) == {start.trace_id}
    assert _last(entries, UI_UPDATE.subject).trace_id == start.trace_id
    assert not of(TOUCH.subject) | of(CART_ACTION.subject) | of(CARD_TAP.subject)


def _last(entries: list[Entry], subject: str) -> Entry:
    return [entry for entry in entries if entry.subject == subject][-1]
