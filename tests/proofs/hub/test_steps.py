"""What the steps with a hub compute, without one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from proofs.deploy.container import Container
from proofs.deploy.playbook import Run
from proofs.deploy.steps import Broken
from proofs.hub.playbook import HubPlaybook
from proofs.hub.steps import Hubs
from proofs.hub.switch import Switch


@pytest.fixture
def nodes(tmp_path: Path) -> list[Container]:
    return [Container(f"hub-{each}", tmp_path, tmp_path, tmp_path / "key") for each in (1, 2, 3)]


@contextlib.contextmanager
def hubs(nodes: list[Container], folder: Path) -> Iterator[Hubs]:
    with HubPlaybook(nodes, folder, folder, folder / "hub", {}) as playbook:
        yield Hubs(nodes, Switch(), playbook, folder, Console(quiet=True))


def test_nodes_are_told_where_the_hub_and_the_bundles_are(tmp_path: Path, nodes: list[Container]) -> None:
    with HubPlaybook(nodes, tmp_path / "bundles", tmp_path, tmp_path / "hub", {}) as playbook:
        assert playbook.told() == {
            "ansible_user": "debian",
            "fleet_hub": str(tmp_path / "hub"),
            "hub_bundles": str(tmp_path / "bundles"),
        }
        assert (playbook.book, playbook.group) == ("hub.yml", "hub")


def test_the_longest_silence_is_found_at_either_end_too(tmp_path: Path, nodes: list[Container]) -> None:
    now_s = time.monotonic()
    with hubs(nodes, tmp_path) as proof:
        proof._arrivals_s = [now_s - 60, now_s - 9, now_s - 4, now_s]
        assert proof._gap(now_s - 10) == 5.0
        assert proof._gap(now_s - 30) == 21.0
        proof._arrivals_s = [now_s - 20]
        assert proof._gap(now_s - 21) == 20.0


def test_a_run_that_failed_is_broken(tmp_path: Path, nodes: list[Container]) -> None:
    log = tmp_path / "run.log"
    log.write_text("fatal: [hub-2]", encoding="utf-8")
    with hubs(nodes, tmp_path) as proof, pytest.raises(Broken, match=r"ends with 2: .*fatal: \[hub-2\]"):
        proof._good(Run(2, 1.0, {}, {}, log))


def test_a_command_that_fails_says_which_and_why(tmp_path: Path, nodes: list[Container]) -> None:
    with hubs(nodes, tmp_path) as proof, pytest.raises(Broken, match=r"kiosk fleet list ends with [12]: "):
        proof._command("list", f"--hub={tmp_path / 'none'}")
