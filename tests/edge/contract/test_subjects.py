"""The table itself: complete, consistent, and as section 3 names things."""

from __future__ import annotations

import re
from typing import Any

from edge.contract import subjects
from edge.contract.permissions import MONITOR, OPERATOR
from edge.contract.streams import COMMANDS_STREAM, CONSUMERS, EVENTS_STREAM


def captured(subject: str, patterns: list[str]) -> bool:
    return any(subject.startswith(pattern.removesuffix(">")) for pattern in patterns)


def test_names_follow_section_3() -> None:
    named = [event.subject for event in subjects.EVENTS]
    named += [subject for command in subjects.COMMANDS for subject in command.subjects]
    for subject in named:
        assert re.fullmatch(r"kiosk\.[a-z]+(\.[a-z_]+){1,2}", subject)


def test_every_subject_is_kept_in_its_stream_and_no_other() -> None:
    for event in subjects.EVENTS:
        assert captured(event.subject, EVENTS_STREAM["subjects"])
        assert not captured(event.subject, COMMANDS_STREAM["subjects"])
    for command in subjects.COMMANDS:
        for subject in command.subjects:
            assert captured(subject, COMMANDS_STREAM["subjects"])
            assert not captured(subject, EVENTS_STREAM["subjects"])


def test_every_command_has_an_agent_with_a_queue_that_takes_it() -> None:
    for command in subjects.COMMANDS:
        for subject in command.subjects:
            assert subjects.agent_of(subject) == command.done_by
            assert captured(subject, CONSUMERS[command.done_by]["filter_subjects"])


def test_speakers_and_hearers_exist() -> None:
    known = {*subjects.AGENTS, subjects.FRONTEND}
    for event in subjects.EVENTS:
        assert {event.said_by, *event.heard_by} <= known
    for command in subjects.COMMANDS:
        assert {command.done_by, *command.asked_by} <= {*known, MONITOR, OPERATOR}


def test_timeouts_are_section_7s() -> None:
    given: dict[subjects.Command[Any, Any], float] = {
        subjects.MENU_SEARCH: 2,
        subjects.RECSYS_SUGGEST: 2,
        subjects.PAYMENT_PROCESS: 30,
        subjects.SET_LED: 1,
    }
    assert {command.subject: command.timeout_s for command in given} == {
        command.subject: seconds for command, seconds in given.items()
    }


def test_nobody_answers_elsewhere() -> None:
    assert subjects.agent_of("kiosk.vision.person_left") is None
    assert subjects.agent_of("kiosk.agent.") is None
    assert subjects.command_on("kiosk.hardware.led") is subjects.SET_LED
    assert subjects.event_on("kiosk.nowhere") is None
    assert [command.subject for command in subjects.commands_of("recsys")] == ["kiosk.agent.recsys.suggest"]
