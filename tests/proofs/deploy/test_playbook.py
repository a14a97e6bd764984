"""What the proof reads of a run, and the inventory that it is about."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from proofs.deploy import playbook as module
from proofs.deploy.door import Door, MachineFailed
from proofs.deploy.playbook import Playbook, changed_in, counts_in

SAID = """
TASK [rollout : Read what lies here] *******************************************
ok: [kiosk-001]
changed: [kiosk-0010]

TASK [agents : Install a unit for each agent] **********************************
changed: [kiosk-001] => (item=vision)
changed: [kiosk-001] => (item=voice)

RUNNING HANDLER [agents : Read the agents' units] ******************************
changed: [kiosk-001]

PLAY RECAP *********************************************************************
kiosk-001                  : ok=12   changed=2    unreachable=0    failed=0    skipped=3    rescued=0    ignored=0
kiosk-002                  : ok=1    changed=0    unreachable=1    failed=0    skipped=0    rescued=0    ignored=0
"""
# Says what it was called with, writes a report, and fails.
ANSIBLE = """#!/bin/sh
echo "TASK [say : It] ****"
echo "changed: [$3]"
echo '{"kiosks": [{"kiosk": "kiosk-001", "outcome": "rolled back", "runs": "1.0.0"}]}' >"$KIOSK_REPORT"
echo "$*"
exit 2
"""


@dataclass
class Somewhere:
    name: str
    door: Door
    scannable = False
    gateway = "127.0.0.1"

    def __enter__(self) -> Somewhere:
        return self

    def __exit__(self, *_: object) -> None: ...

    def ended(self) -> str | None:
        return None

    def last_words(self) -> str:
        return ""


@pytest.fixture
def key(tmp_path: Path) -> Path:
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA me\n", encoding="ascii")
    return tmp_path / "key"


def test_each_hosts_counts_are_read() -> None:
    counts = counts_in(SAID)
    assert counts["kiosk-001"]["changed"] == 2
    assert counts["kiosk-002"] == {
        "ok": 1, "changed": 0, "unreachable": 1, "failed": 0, "skipped": 0, "rescued": 0, "ignored": 0,
    }  # fmt: skip


def test_what_changed_is_named_once_and_only_of_that_host() -> None:
    assert changed_in(SAID, "kiosk-001") == [
        "agents : Install a unit for each agent",
        "agents : Read the agents' units",
    ]
    assert changed_in(SAID, "kiosk-0010") == ["rollout : Read what lies here"]
    assert changed_in(SAID, "kiosk-002") == []


def test_the_inventory_names_all_and_tells_one_what_only_it_is_told(tmp_path: Path, key: Path) -> None:
    targets = [Somewhere(f"kiosk-00{each}", Door(f"10.0.0.{each}", 22, key)) for each in (1, 2)]
    with Playbook(targets, tmp_path / "bundles", tmp_path, {"frontend_screen": False}) as playbook:
        kiosks = playbook.inventory({"kiosk-002": {"rollout_gate_s": 1}})["kiosks"]
    assert kiosks["hosts"] == {
        "kiosk-001": {"ansible_host": "10.0.0.1", "ansible_port": 22},
        "kiosk-002": {"ansible_host": "10.0.0.2", "ansible_port": 22, "rollout_gate_s": 1},
    }
    assert kiosks["vars"]["frontend_screen"] is False
    assert kiosks["vars"]["hardening_admin_keys"] == ["ssh-ed25519 AAAA me"]


def test_a_run_that_fails_is_read_all_the_same(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ansible-playbook"
    program.write_text(ANSIBLE, encoding="ascii")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(module, "_TOOLS", tmp_path)
    with Playbook([Somewhere("kiosk-001", Door("10.0.0.1", 22, key))], tmp_path, tmp_path, {}) as playbook:
        run = playbook.run("--check")
        connections = Path(playbook._connections.name)
    assert run.code == 2
    assert run.outcome("kiosk-001") == ("rolled back", "1.0.0")
    assert run.outcome("kiosk-009") == ("", "")
    assert run.tail.endswith("deploy.yml --check\n")
    assert run.changed("deploy.yml") == ["say : It"]
    assert not connections.exists()


@pytest.fixture
def endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A playbook that says in a pipe that it has begun, and would stay for as long as this end of another is open."""
    (tmp_path / "ansible-playbook").write_text(f"#!/bin/sh\necho >{tmp_path}/began\nexec cat {tmp_path}/ends\n")
    (tmp_path / "ansible-playbook").chmod(0o755)
    os.mkfifo(tmp_path / "began")
    os.mkfifo(tmp_path / "ends")
    monkeypatch.setattr(module, "_TOOLS", tmp_path)
    return tmp_path


def test_a_run_that_is_stopped_says_so(endless: Path, key: Path) -> None:
    with (
        Playbook([Somewhere("kiosk-001", Door("10.0.0.1", 22, key))], endless, endless, {}) as playbook,
        ThreadPoolExecutor(1) as pool,
    ):
        running = pool.submit(playbook.run)
        (endless / "began").read_text()
        playbook.stop()
        with pytest.raises(MachineFailed, match="stopped"):
            running.result(timeout=50)


def test_a_run_that_is_stopped_before_it_is_known_ends_too(endless: Path, key: Path) -> None:
    with Playbook([Somewhere("kiosk-001", Door("10.0.0.1", 22, key))], endless, endless, {}) as playbook:
        playbook.stop()
        with pytest.raises(MachineFailed, match="stopped"):
            playbook.run()
