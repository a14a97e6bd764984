"""Running ansible/deploy.yml as an integrator does, and reading what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from image.recipe import REPOSITORY
from proofs.deploy.machine import Machine
from proofs.deploy.stock import USER

KIOSK: Final = "kiosk-001"
_RECAP: Final = re.compile(rf"^{KIOSK}\s*:\s*(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """How one run of the playbook ended. `counts` are Ansible's, `kiosk` is the report's row."""

    code: int
    took_s: float
    counts: dict[str, int]
    kiosk: dict[str, str]
    log: Path

    @property
    def tail(self) -> str:
        """The end of what it said."""
        return self.log.read_text(encoding="utf-8")[-1500:]


class Playbook:
    """The playbook with an inventory of one kiosk, in `folder`."""

    def __init__(self, machine: Machine, bundles: Path, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder = folder
        self._runs = 0
        hosts = {
            "kiosks": {
                "hosts": {KIOSK: {"ansible_host": "127.0.0.1", "ansible_port": machine.ssh_port}},
                "vars": {
                    "ansible_user": "admin",
                    "ansible_ssh_private_key_file": str(machine.key),
                    "ansible_ssh_common_args": (
                        f"-o UserKnownHostsFile={folder / 'known_hosts'} -o StrictHostKeyChecking=accept-new"
                    ),
                    "hardening_admin_keys": [machine.key.with_suffix(".pub").read_text(encoding="ascii").strip()],
                    "rollout_first_user": USER,
                    "rollout_bundles": str(bundles),
                    **settings,
                },
            }
        }
        # JSON is YAML.
        (folder / "hosts.yml").write_text(json.dumps(hosts, indent=1), encoding="utf-8")

    def words(self, *more: str) -> list[str]:
        """The command."""
        tools = REPOSITORY / "build" / "image" / "tools" / "bin"
        return [str(tools / "ansible-playbook"), "-i", str(self._folder / "hosts.yml"), "deploy.yml", *more]

    def run(self, *more: str) -> Run:
        """Run it to its end."""
        self._runs += 1
        log, report = self._folder / f"run-{self._runs}.log", self._folder / f"report-{self._runs}.json"
        report.unlink(missing_ok=True)
        environment = os.environ | {"KIOSK_REPORT": str(report), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
        began = time.monotonic()
        with log.open("wb") as said:
            done = subprocess.run(
                self.words(*more), cwd=REPOSITORY / "ansible", env=environment, stdout=said, stderr=said, check=False
            )
        text = log.read_text(encoding="utf-8")
        found = _RECAP.findall(text)
        counts = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", found[-1] if found else "")}
        rows = json.loads(report.read_text(encoding="utf-8"))["kiosks"] if report.exists() else []
        return Run(done.returncode, time.monotonic() - began, counts, rows[0] if rows else {}, log)
