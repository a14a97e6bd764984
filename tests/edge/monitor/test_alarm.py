"""Alerts begin and end with one line each."""

from __future__ import annotations

import pytest

from edge.monitor.alarm import Alarm
from edge.monitor.alerts import AGENT_DOWN, SLOW, Alert


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    found = [(record.levelname, record.getMessage()) for record in caplog.records]
    caplog.clear()
    return found


def test_one_line_when_it_begins_and_one_when_it_ends(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    alarm = Alarm(now=clock)
    slow = Alert(SLOW, "falling behind: bench")
    alarm.update([slow])
    ((level, text),) = lines(caplog)
    assert level == "WARNING"
    assert "falling behind: bench" in text
    assert SLOW.advice in text
    for _ in range(10):
        clock.now_s += 5
        alarm.update([slow])
    assert lines(caplog) == []
    assert [standing.alert for standing in alarm.raised] == [slow]
    clock.now_s += 5
    alarm.update([])
    assert lines(caplog) == [("WARNING", "over after 55 s: falling behind: bench")]
    assert alarm.raised == []
    alarm.update([])
    assert lines(caplog) == []
    alarm.update([slow])
    assert len(lines(caplog)) == 1


def test_what_is_over_before_its_time_is_never_said(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    alarm = Alarm(now=clock)
    down = Alert(AGENT_DOWN, "the menu agent is not running", (("agent", "menu"),))
    alarm.update([down])
    clock.now_s += AGENT_DOWN.for_s - 1
    alarm.update([down])
    assert alarm.raised == []
    alarm.update([])
    clock.now_s += 1
    alarm.update([down])
    assert lines(caplog) == []
    clock.now_s += AGENT_DOWN.for_s
    alarm.update([down])
    assert [level for level, _ in lines(caplog)] == ["ERROR"]


def test_two_of_a_kind_are_two_alerts(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    alarm = Alarm(now=clock)
    both = [Alert(AGENT_DOWN, f"the {name} agent is not running", (("agent", name),)) for name in ("menu", "voice")]
    alarm.update(both)
    clock.now_s += 60
    alarm.update(both)
    assert len(lines(caplog)) == 2
    clock.now_s += 90
    alarm.update(both[:1])
    assert lines(caplog) == [("WARNING", "over after 2 min: the voice agent is not running")]


def test_the_text_may_change_while_it_lasts(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    alarm = Alarm(now=clock)
    alarm.update([Alert(SLOW, "falling behind: bench")])
    alarm.update([Alert(SLOW, "falling behind: bench, page")])
    assert len(lines(caplog)) == 1
    assert alarm.raised[0].alert.text == "falling behind: bench, page"
