"""Crash points: nothing without the environment, death or standstill with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from edge.bus import crashing
from edge.bus.crashing import CRASH_AT, STOP_AT, crash_point, crash_points

PROGRAM = """
from edge.bus.crashing import crash_point
first, second = crash_point("test.first", "one"), crash_point("test.second", "two")
for point in (first, second, second):
    point()
    print("passed", flush=True)
"""


def started(**environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )


@pytest.mark.parametrize(("at", "passed", "code"), [("", 3, 0), ("test.second", 1, -signal.SIGKILL), ("else", 3, 0)])
def test_the_process_dies_where_it_is_told(at: str, passed: int, code: int) -> None:
    process = started(**{CRASH_AT: at})
    said, _ = process.communicate(timeout=20)
    assert said.count("passed") == passed
    assert process.returncode == code


def test_it_stands_still_once_until_it_may_go_on() -> None:
    process = started(**{STOP_AT: "test.second"})
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        os.kill(process.pid, signal.SIGCONT)
        said, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (said.count("passed"), process.returncode) == (3, 0)


def test_a_name_is_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crashing, "_points", {})
    crash_point("test.here", "now")()
    assert crash_points() == {"test.here": "now"}
    with pytest.raises(ValueError, match="two crash points called"):
        crash_point("test.here", "then")
