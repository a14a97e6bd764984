"""The steps with several kiosks: one first, then the rest, and no further once too many of a batch failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console

from image.stages import Stages
from proofs.deploy.door import Target, until_up
from proofs.deploy.playbook import Playbook, Run
from proofs.deploy.steps import BROKEN, NEXT, Broken, version
from proofs.deploy.stock import USER

_BOOT_S: Final = 900.0
_STARTED: Final = (
    "systemctl show -p ActiveEnterTimestampMonotonic kiosk.target 'kiosk-agent-*.service'; readlink /opt/kiosk/current"
)
# What kiosk.toml can't hold: the gate finds the mistake, whatever the version.
_MISTAKEN: Final = {"payment": {"no_such_setting": True}}


class Several:
    """The steps with all of `targets`, of which the first runs NEXT already; what each found is in `found`."""

    def __init__(
        self, targets: Sequence[Target], playbook: Playbook, settings: dict[str, Any], console: Console
    ) -> None:
        self._targets = targets
        self._names = [each.name for each in targets]
        self._playbook = playbook
        self._settings = settings
        self._stages = Stages(console)
        self.found: dict[str, Any] = {"kiosks": len(targets)}

    def install(self) -> None:
        """The other kiosks get the version that the first has."""
        with self._stages(f"{len(self._targets) - 1} kiosks more") as stage:
            for each in self._targets:
                until_up(each, USER if each is not self._targets[0] else "admin", _BOOT_S)
            run = self._playbook.run(*version(NEXT))
            self._expect(run, [("as it was", NEXT), *[("installed", NEXT)] * (len(self._targets) - 1)], fails=False)
            self.found["install_s"] = round(run.took_s)
            stage.note = f"{NEXT} everywhere, in {run.took_s:.0f} s"

    def broken_canary(self) -> None:
        """A broken version ends with the first kiosk; the others never hear of it."""
        with self._stages("A broken version to all") as stage:
            before = [each.door.run("admin", _STARTED) for each in self._targets[1:]]
            run = self._playbook.run(*version(BROKEN), "-e", "rollout_gate_s=240")
            self._expect(run, [("rolled back", NEXT), *[("not reached", NEXT)] * (len(self._targets) - 1)], fails=True)
            if [each.door.run("admin", _STARTED) for each in self._targets[1:]] != before:
                raise Broken("a kiosk behind the canary was restarted or switched")
            for each in self._targets[1:]:
                if BROKEN in each.door.run("admin", "ls /opt/kiosk/releases"):
                    raise Broken(f"{each.name} was sent the broken version")
            self.found["broken_canary_s"] = round(run.took_s)
            stage.note = "the canary went back, the rest was not reached"

    def failing_batch(self) -> None:
        """A kiosk of the second batch fails by its own kiosk.toml: the third batch is not reached."""
        second = self._names[1]
        with self._stages(f"A mistake at {second}") as stage:
            mistaken = self._settings["agents_settings"] | _MISTAKEN
            run = self._playbook.run(
                *version(NEXT), "-e", '{"deploy_serial": [1, 1, "100%"]}', own={second: {"agents_settings": mistaken}}
            )
            wanted = [("as it was", NEXT), ("rolled back", NEXT), *[("not reached", NEXT)] * (len(self._targets) - 2)]
            self._expect(run, wanted, fails=True)
            self.found["failing_batch_s"] = round(run.took_s)
            stage.note = run.kiosks[second]["why"][:100]
        with self._stages("All of them serve") as stage:
            run = self._playbook.run(*version(NEXT))
            self._expect(run, [("as it was", NEXT)] * len(self._targets), fails=False)
            stage.note = f"changed={sum(each['changed'] for each in run.counts.values())}"

    def _expect(self, run: Run, outcomes: list[tuple[str, str]], *, fails: bool) -> None:
        found = [run.outcome(each) for each in self._names]
        if found != outcomes or bool(run.code) != fails:
            raise Broken(f"{outcomes} was expected; found {run.kiosks}, exit code {run.code}: {run.tail}")
