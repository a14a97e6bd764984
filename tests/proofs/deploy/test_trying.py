"""How a try of the playbooks ends, and what is waited for."""

from __future__ import annotations

import io
import json
import os
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edge.bus.connection import BusUnreachable
from edge.fleet.errors import FleetError
from proofs.deploy.door import MachineFailed
from proofs.deploy.playbook import Playbook
from proofs.deploy.steps import Broken
from proofs.deploy.trying import tried, until


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (Broken("an order is lost"), 1, "broken: an order is lost"),
        (MachineFailed("it has no power"), 2, "proof: it has no power"),
        (FleetError("no hub.toml"), 2, "proof: no hub.toml"),
        (KeyboardInterrupt(), 130, "nothing runs any more"),
    ],
)
def test_each_end_has_its_code_and_undoes_what_was_done(
    error: BaseException, code: int, says: str, tmp_path: Path
) -> None:
    said = io.StringIO()
    undone: list[bool] = []

    def proof(stack: ExitStack, _: list[Playbook]) -> dict[str, Any]:
        stack.callback(undone.append, True)
        raise error

    assert tried("proof", proof, tmp_path / "proof.json", Console(file=said, width=120)) == code
    assert says in said.getvalue()
    assert undone == [True]
    assert not (tmp_path / "proof.json").exists()


def test_what_was_found_is_written(tmp_path: Path) -> None:
    report = tmp_path / "proof.json"
    assert tried("proof", lambda _, __: {"nodes": 3}, report, Console(quiet=True)) == 0
    assert json.loads(report.read_text(encoding="utf-8"))["nodes"] == 3


def test_who_ends_it_ends_the_playbook_that_runs(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    playbook = Playbook([], tmp_path, tmp_path, {})

    def proof(stack: ExitStack, playbooks: list[Playbook]) -> dict[str, Any]:
        playbooks.append(stack.enter_context(playbook))
        os.kill(os.getpid(), signal.SIGTERM)
        return {}

    with pytest.raises(SystemExit, match=str(128 + signal.SIGTERM)):
        tried("proof", proof, tmp_path / "proof.json", Console(quiet=True))
    assert playbook._stopped
    assert signal.getsignal(signal.SIGTERM) == before


async def test_a_hub_that_is_away_is_waited_for() -> None:
    tries = iter([BusUnreachable("away"), None, 7])

    async def look() -> int | None:
        found = next(tries)
        if isinstance(found, BusUnreachable):
            raise found
        return found

    assert await until(look, "it answers", 60.0) == 7


async def test_what_never_comes_is_broken_and_the_last_reason_said() -> None:
    async def look() -> int:
        raise BusUnreachable("away")

    with pytest.raises(Broken, match=r"not within 0.1 s: it answers: away"):
        await until(look, "it answers", 0.1)
