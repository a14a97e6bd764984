"""The long proof in small, and that it would notice."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from edge.contract.streams import CONSUMERS
from edge.contract.subjects import COMMANDS
from proofs import kills
from proofs.findings import Findings
from proofs.numbered import ASKED, MOST, NUMBERED
from proofs.run import Plan, prove
from tests.conftest import server_2_10


@pytest.mark.parametrize("version", ["newest", "2.10"])
async def test_two_kills_lose_nothing_acknowledged_and_do_nothing_twice(tmp_path: Path, version: str) -> None:
    program = server_2_10() if version == "2.10" else None
    told: list[tuple[int, int, int]] = []
    plan = Plan(2, 300, 300, seed=7, folder=tmp_path / "nats", program=program, longest_s=3.0)
    found = await prove(plan, lambda *counts: told.append(counts))
    assert found.broken == []
    assert len(found.back_s) == 2
    assert told[-1][0] == 300
    assert len(found.acknowledged) + len(found.unacknowledged) == 300
    assert found.outcomes.total() >= 300
    assert len(found.answered) > 60, "the server was away for most of the run"
    assert {way for way, _ in found.outcomes} == {"durable", "live", "plain"}


def whole() -> Findings:
    """A run in which every promise held."""
    return Findings(
        outcomes=Counter({("durable", "answered"): 2, ("live", "TIMEOUT"): 1, ("plain", "UNAVAILABLE"): 1}),
        done=[("a", 1), ("b", 2), ("c", 3)],
        answered={1, 2},
        acknowledged={"menu 1"},
        unacknowledged={"menu 3": "no answer"},
        stored=[("x", "menu 1"), ("y", "menu 2")],
        back_s=[2.0, 3.0],
    )


def test_a_run_without_fault_breaks_nothing() -> None:
    assert whole().broken == []
    figures = whole().figures()
    assert (figures["events_lost"], figures["commands_done_twice"], figures["asks_without_a_clear_end"]) == (0, 0, 0)
    assert (figures["back_p50_s"], figures["back_max_s"]) == (2.5, 3.0)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"acknowledged": {"menu 1", "menu 9"}}, "acknowledged events were lost: menu 9"),
        ({"stored": [("x", "menu 1"), ("x", "menu 1")]}, "stored twice: x, menu 1"),
        ({"stored": [("x", "menu 1"), ("y", "menu 1")]}, "stored twice: menu 1"),
        ({"done": [("a", 1), ("a", 1), ("b", 2)]}, "done twice: a, 1"),
        ({"done": [("a", 1), ("z", 1), ("b", 2)]}, "done twice: 1"),
        ({"answered": {1, 2, 7}}, "nobody carried out: 7"),
        ({"wrong_answers": [4]}, "another's answer: 4"),
        ({"outcomes": Counter({("live", "no end"): 3})}, "no clear answer: no end (3)"),
        ({"outcomes": Counter({("plain", "KeyError: 'x'"): 1})}, "no clear answer: KeyError"),
        ({"unfinished": ["the menu agent ended"]}, "the menu agent ended"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_broken_promise_is_named(fault: dict[str, Any], words: str) -> None:
    found = whole()
    for name, value in fault.items():
        setattr(found, name, value)
    (broken,) = found.broken
    assert words in broken


def test_the_command_exits_with_1_when_a_promise_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = whole()

    async def ran(*_: object) -> Findings:
        return found

    monkeypatch.setattr(kills, "prove", ran)
    assert kills.main(["--out", str(tmp_path)]) == 0
    found.done.append(("a", 1))
    assert kills.main(["--out", str(tmp_path)]) == 1
    assert "done twice" in capsys.readouterr().out
    assert json.loads((tmp_path / "kills.json").read_text(encoding="utf-8"))["figures"]["commands_done_twice"] == 2
    assert kills.main(["--out", str(tmp_path), "--events", "100000"]) == 2


@pytest.mark.parametrize("command", ASKED, ids=lambda command: command.subject)
@pytest.mark.parametrize("number", [0, 4711, MOST])
def test_every_command_carries_its_number(command: Any, number: int) -> None:
    numbered = NUMBERED[command.subject]
    assert numbered.number_of_ask(numbered.ask(number)) == number
    if numbered.number_of_answer is not None:
        assert numbered.number_of_answer(numbered.answer(number)) == number


def test_every_agent_is_asked_and_most_commands_are() -> None:
    assert {command.done_by for command in ASKED} == set(CONSUMERS)
    left_out = {command.subject for command in COMMANDS} - NUMBERED.keys()
    assert left_out <= {"kiosk.hardware.status"}, "a new command: give it a number, or say here that it has no field"
