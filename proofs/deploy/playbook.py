"""Running ansible/deploy.yml as an integrator does, and reading what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from image.recipe import REPOSITORY
from proofs.deploy.door import MachineFailed, Target
from proofs.deploy.stock import USER

_RECAP: Final = re.compile(r"^(\S+)\s+:\s+(ok=.*)$", re.MULTILINE)
_TASK: Final = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(.*?)\]")
_CHANGED: Final = re.compile(r"^changed: \[([^\]\s]+)")
_TOOLS: Final = REPOSITORY / "build" / "image" / "tools" / "bin"


@dataclass(frozen=True)
class Run:
    """How one run of the playbook ended. Each kiosk has Ansible's `counts` and its row of the report in `kiosks`."""

    code: int
    took_s: float
    counts: dict[str, dict[str, int]]
    kiosks: dict[str, dict[str, str]]
    log: Path

    @property
    def tail(self) -> str:
        """The end of what it said, and where all of it is."""
        return f"{self.log}: {self.log.read_text(encoding='utf-8')[-1500:]}"

    def outcome(self, kiosk: str) -> tuple[str, str]:
        """What became of a kiosk, and which version it runs."""
        row = self.kiosks.get(kiosk, {})
        return row.get("outcome", ""), row.get("runs", "")

    def changed(self, kiosk: str) -> list[str]:
        """The tasks that changed something there, in order."""
        return changed_in(self.log.read_text(encoding="utf-8"), kiosk)


def counts_in(text: str) -> dict[str, dict[str, int]]:
    """Each host's line of the recap at the end."""
    return {
        host: {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", line)}
        for host, line in _RECAP.findall(text)
    }


def changed_in(text: str, host: str) -> list[str]:
    """The tasks that changed something at `host`, each once, in the order of what the playbook said."""
    task, found = "", []
    for line in text.splitlines():
        begun = _TASK.match(line)
        if begun:
            task = begun[1]
        done = _CHANGED.match(line)
        if done and done[1] == host and task not in found:
            found.append(task)
    return found


class Playbook:
    """The playbook with an inventory of `targets`, in `folder`; `settings` are what all of them are told."""

    book: ClassVar = "deploy.yml"
    group: ClassVar = "kiosks"

    def __init__(self, targets: Sequence[Target], bundles: Path, folder: Path, settings: Mapping[str, Any]) -> None:
        self._targets = targets
        self._bundles = bundles
        self._folder = folder
        self._settings = settings
        self._runs = 0
        self._running: subprocess.Popen[bytes] | None = None
        self._stopped = False
        # Short: a socket's path has to fit into 108 characters.
        self._connections = tempfile.TemporaryDirectory(prefix="kiosk-")
        # Machines of another run, at the same addresses.
        (folder / "known_hosts").unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Ansible leaves its connections open for the next run.
        for each in Path(self._connections.name).iterdir():
            words = ["ssh", "-o", f"ControlPath={each}", "-O", "exit", "-q", "kiosk"]
            subprocess.run(words, capture_output=True, check=False)
        self._connections.cleanup()

    def stop(self) -> None:
        """End the run that goes on, and any after it: the thread that waits for it is told by MachineFailed."""
        self._stopped = True
        running = self._running
        if running is not None:
            running.terminate()

    def inventory(self, own: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """The inventory; `own` is what single kiosks are told beside it."""
        known = self._folder / "known_hosts"
        return {
            self.group: {
                "hosts": {
                    each.name: {
                        "ansible_host": each.door.address,
                        "ansible_port": each.door.port,
                        **own.get(each.name, {}),
                    }
                    for each in self._targets
                },
                "vars": {
                    "ansible_ssh_private_key_file": str(self._key),
                    "ansible_ssh_common_args": f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=accept-new",
                    **self.told(),
                    **self._settings,
                },
            }
        }

    def told(self) -> dict[str, Any]:
        """What every machine of the group is told, whatever the settings."""
        return {
            "ansible_user": "admin",
            "hardening_admin_keys": [self._key.with_suffix(".pub").read_text(encoding="ascii").strip()],
            "rollout_first_user": USER,
            "rollout_bundles": str(self._bundles),
        }

    @property
    def _key(self) -> Path:
        return self._targets[0].door.key

    def run(self, *more: str, own: Mapping[str, Mapping[str, Any]] | None = None) -> Run:
        """Run it to its end; `own` is what single kiosks are told beside what all are.

        Raises:
            MachineFailed: it was stopped.
        """
        self._runs += 1
        hosts = self._folder / f"hosts-{self._runs}.yml"
        # JSON is YAML.
        hosts.write_text(json.dumps(self.inventory(own or {}), indent=1), encoding="utf-8")
        log, report = self._folder / f"run-{self._runs}.log", self._folder / f"report-{self._runs}.json"
        report.unlink(missing_ok=True)
        environment = os.environ | {
            "KIOSK_REPORT": str(report),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": self._connections.name,
        }
        words = [str(_TOOLS / "ansible-playbook"), "-i", str(hosts), self.book, *more]
        began = time.monotonic()
        with (
            log.open("wb") as said,
            subprocess.Popen(words, cwd=REPOSITORY / "ansible", env=environment, stdout=said, stderr=said) as process,
        ):
            self._running = process
            if self._stopped:  # after the program began, and before it was known here
                process.terminate()
            try:
                code = process.wait()
            except BaseException:
                process.terminate()
                raise
            finally:
                self._running = None
        if self._stopped:
            raise MachineFailed(f"stopped; how far it came: {log}")
        took_s = time.monotonic() - began
        rows = json.loads(report.read_text(encoding="utf-8"))["kiosks"] if report.exists() else []
        counts = counts_in(log.read_text(encoding="utf-8"))
        return Run(code, took_s, counts, {row["kiosk"]: row for row in rows}, log)
