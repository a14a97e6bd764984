"""The matrix visits every crash point that there is in the code."""

from __future__ import annotations

import re
from pathlib import Path

from edge.bus import crashing
from proofs.crashes.kiosk import VICTIMS
from proofs.crashes.plan import LETTERS, MISCHIEFS, Astray, Kill, cases, moments, points

EDGE = Path(crashing.__file__).parent.parent
# `crash_point("name", ...)`; the one in crashing's own docstring is an example.
CALL = re.compile(r"^[A-Z_]+ = crash_point\(\s*\"([^\"]+)\"", re.MULTILINE)


def in_the_code() -> set[str]:
    return {name for path in EDGE.rglob("*.py") for name in CALL.findall(path.read_text(encoding="utf-8"))}


def test_every_point_in_the_code_is_visited_with_every_victim() -> None:
    """A new point has to be come by: give it a story in `plan` where a customer who just pays doesn't."""
    named = in_the_code()
    assert len(named) >= 30
    visited = {(case.moment.point, case.victim) for case in cases() if isinstance(case, Kill)}
    assert visited == {(point, victim) for point in named for victim in VICTIMS}


def test_no_point_is_made_in_a_way_that_is_not_seen_here() -> None:
    calls = sum(
        path.read_text(encoding="utf-8").count(" = crash_point(")
        for path in EDGE.rglob("*.py")
        if path != Path(crashing.__file__)
    )
    assert calls == len(in_the_code())


def test_every_point_is_one_that_its_program_has() -> None:
    assert set(points()) >= in_the_code()
    assert {moment.program for moment in moments()} == {"payment", "orchestrator", "gateway"}


def test_all_agents_the_server_and_the_gateway_are_victims() -> None:
    expected = {"vision", "voice", "menu", "recsys", "payment", "hardware", "orchestrator", "nats-server", "gateway"}
    assert set(VICTIMS) == expected


def test_there_are_at_least_two_hundred_cases_of_different_names() -> None:
    names = [case.name for case in cases()]
    assert len(names) == len(set(names))
    assert sum(isinstance(case, Kill) for case in cases()) >= 200


def test_each_message_of_a_paying_order_is_led_astray_in_each_way() -> None:
    astray = {(case.letter, case.mischief) for case in cases() if isinstance(case, Astray)}
    assert astray == {(letter, mischief) for letter in LETTERS for mischief in MISCHIEFS}
    assert {letter.line for letter in LETTERS} == {"orchestrator", "payment"}
