"""The steps with a hub: the kiosk joins a fleet by its deployment, speaks there, gets new keys, and is revoked."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from edge.contract.fleet import FLEET_EVENTS, events_of
from edge.fleet.applying import apply_all
from edge.fleet.asking import ask
from edge.fleet.nodes import links
from edge.fleet.register import changing
from image.stages import Stages
from proofs.deploy.door import Target
from proofs.deploy.kept import bus_of, last_sequence
from proofs.deploy.playbook import Playbook, Run
from proofs.deploy.steps import NEXT, Broken, version
from proofs.deploy.trying import until
from proofs.fleet.machines import HubMachines, settings_on

_SOON_S: Final = 600.0  # a machine that is emulated takes its time
_LOOK_S: Final = 0.5
# What role hardening lets out by itself, and the nodes' ports: here they are all at one address.
_OUT_TCP: Final = (53, 80, 443, 7422)
_SERVING: Final = (
    "systemctl is-active kiosk-nats kiosk-agent-hardware kiosk-agent-orchestrator; readlink /opt/kiosk/current"
)


class Joined:
    """The steps with `target`, which runs NEXT; what each found is in `found`. Its hub's folder is in `folder`."""

    def __init__(self, target: Target, playbook: Playbook, folder: Path, console: Console) -> None:
        self._target = target
        self._playbook = playbook
        self._folder = folder
        self._stages = Stages(console)
        self._only = ("--limit", target.name)
        self.found: dict[str, Any] = {}

    async def all(self) -> None:
        """All of them, with a hub of three nodes at this end of the kiosk's cable."""
        shutil.rmtree(self._folder, ignore_errors=True)
        settings = settings_on(dict.fromkeys("abc", self._target.gateway), loopback=True)
        ports = [each.leaf_port for each in settings.nodes.values()]
        own = {self._target.name: {"fleet_hub": str(self._folder), "hardening_out_tcp": [*_OUT_TCP, *ports]}}
        hub = HubMachines.found(self._folder, settings)
        try:
            await hub.start()
            await self._join(hub, own)
            await self._new_keys(hub, own)
            await self._revoke(hub, own)
        finally:
            await hub.stop()

    async def _join(self, hub: HubMachines, own: Mapping[str, Mapping[str, Any]]) -> None:
        with self._stages("It joins a fleet") as stage:
            run = await asyncio.to_thread(self._run, own)
            self._good(run, "restarted")
            self.found["join_s"] = round(run.took_s)
            stage.note = await self._spoken(hub)
        with self._stages("Once more, in the fleet") as stage:
            run = await asyncio.to_thread(self._run, own)
            self._good(run, "as it was")
            changed = run.counts[self._target.name]["changed"]
            stage.note = f"changed={changed}"
            if changed:
                raise Broken(f"a second deployment into the fleet changed {run.changed(self._target.name)}: {run.log}")
        with self._stages("It is asked over the hub") as stage:
            async with hub.sign_in(self._folder, "operator") as asking:
                answer = await until(lambda: ask(asking, self._target.name, "hardware.status"), "it answers", _SOON_S)
                about = await ask(asking, self._target.name, "about")
            self.found["asked"] = {"devices": len(answer["devices"]), "version": about["version"]}
            stage.note = f"{len(answer['devices'])} devices, version {about['version']}"

    async def _new_keys(self, hub: HubMachines, own: Mapping[str, Mapping[str, Any]]) -> None:
        with self._stages("New keys, in the fleet") as stage:
            run = await asyncio.to_thread(self._playbook.run, *self._only, "--tags", "rotate,verify", own=own)
            self._good(run, "new keys")
            stage.note = await self._spoken(hub)

    async def _revoke(self, hub: HubMachines, own: Mapping[str, Mapping[str, Any]]) -> None:
        with self._stages("It is revoked") as stage:
            before = self._target.door.run("admin", _SERVING)
            with changing(hub.folder.path) as register:
                register.revoke(self._target.name)
            began_s = time.monotonic()
            outcome = await apply_all(hub.folder, hub.sign_in, cut=[self._target.name])
            self.found["shut_out_s"] = round(time.monotonic() - began_s, 1)
            if outcome.problems or outcome.shut_out != [self._target.name]:
                raise Broken(f"{outcome.shut_out} were cut off: {outcome.problems}")

            async def refused() -> bool:
                said = self._target.door.run("admin", "sudo journalctl -u kiosk-nats -n 50 -o cat")
                return "Authorization Violation" in said

            await until(refused, "it is refused when it comes back", _SOON_S)
            async with hub.sign_in(self._folder, "system") as system:
                if any(link.kiosk == self._target.name for link in await links(system)):
                    raise Broken(f"{self._target.name} is still linked to the hub")
            if before != self._target.door.run("admin", _SERVING):
                raise Broken(f"it was revoked, and doesn't go on as before: {before}")
            stage.note = f"cut off in {self.found['shut_out_s']:g} s and refused since; it goes on serving"
        with self._stages("A revoked kiosk's deployment") as stage:
            run = await asyncio.to_thread(self._run, own)
            if run.code == 0 or run.outcome(self._target.name) != ("left as it was", NEXT):
                raise Broken(f"it ends with {run.code} and {run.kiosks}: {run.tail}")
            why = str(run.kiosks[self._target.name]["why"])
            if "was revoked" not in why:
                raise Broken(f"it says another reason: {why}")
            if before != self._target.door.run("admin", _SERVING):
                raise Broken("a deployment that was refused changed what runs")
            stage.note = why[:100]

    async def _spoken(self, hub: HubMachines) -> str:
        """Every event of the kiosk's own stream is in the fleet's, once and in order."""
        name = self._target.name
        with bus_of(self._target, self._folder.parent) as (url, key):
            last = await last_sequence(url, key)
        numbers: list[int | None] = []

        async def arrived() -> bool:
            numbers.clear()
            async with hub.sign_in(self._folder, "operator") as reading:
                numbers.extend([each.origin async for each in reading.read(FLEET_EVENTS, [events_of(name)])])
            return bool(numbers) and (numbers[-1] or 0) >= last

        await until(arrived, f"its events up to {last} are in {FLEET_EVENTS}", _SOON_S)
        if numbers != list(range(1, len(numbers) + 1)):
            raise Broken(f"events of {name} are missing, doubled or out of order at the hub: {numbers}")
        self.found["events"] = len(numbers)
        return f"{len(numbers)} events are at the hub, once and in order"

    def _run(self, own: Mapping[str, Mapping[str, Any]]) -> Run:
        return self._playbook.run(*self._only, *version(NEXT), own=own)

    def _good(self, run: Run, outcome: str) -> None:
        if run.code or run.outcome(self._target.name) != (outcome, NEXT):
            raise Broken(f"{outcome} was expected; found {run.kiosks}: {run.tail}")
