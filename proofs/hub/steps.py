"""The steps with a hub of three machines: made, changed under load, a node away, a kiosk let in and shut out."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from edge.bus.connection import BusUnreachable
from edge.bus.hub import Hub
from edge.bus.tasks import cancel_all
from edge.contract.fleet import FLEET_EVENTS, events_of
from edge.fleet import settings as settings_file
from edge.fleet.hub_conf import HubFolder, checked_key
from image.stages import Stages
from proofs.deploy.container import Container
from proofs.deploy.playbook import Run
from proofs.deploy.steps import FIRST, NEXT, Broken
from proofs.deploy.stock import USER
from proofs.deploy.trying import until
from proofs.fleet.findings import Arrived, Findings
from proofs.fleet.machines import KioskMachine, free_port
from proofs.hub.playbook import HubPlaybook
from proofs.hub.switch import Switch

KIOSK: Final = "shop-1"
_SOON_S: Final = 300.0
_LOOK_S: Final = 0.2
_SPEAK_S: Final = 0.05  # between two of the kiosk's events
_STARTED: Final = "systemctl show -p ActiveEnterTimestampMonotonic --value {unit}"
_KEEPING: Final = (
    "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://127.0.0.1:9700/metrics\").read().decode())'"
)


class Hubs:
    """The steps with `nodes`, which run and are on the `switch`; what each found is in `found`."""

    def __init__(
        self, nodes: Sequence[Container], switch: Switch, playbook: HubPlaybook, folder: Path, console: Console
    ) -> None:
        self._nodes = {each.name: each for each in nodes}
        self._switch = switch
        self._playbook = playbook
        self._hub = HubFolder(folder / "hub")
        self._kiosk = KioskMachine(KIOSK, folder / KIOSK, free_port())
        self._stages = Stages(console)
        self._arrivals_s: list[float] = []
        self.found: dict[str, Any] = {"nodes": len(nodes)}

    def draw(self, key: Path) -> None:
        """`kiosk fleet hub`, and how a change gets to the nodes."""
        hosts = [f"--node={name}={self._switch.address(number)}" for number, name in enumerate(self._nodes)]
        self._command("hub", str(self._hub.path), *hosts)
        toml = self._hub.path / "hub.toml"
        ssh = f"ssh -i {key} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
        words = [
            "rsync",
            "-t",
            "-e",
            ssh,
            "--rsync-path=sudo -n rsync",
            "{folder}/users.conf",
            f"{USER}@{{host}}:/etc/kiosk-hub/",
        ]
        text, count = re.subn(r"^#deliver = .*$", f"deliver = {json.dumps(words)}", toml.read_text("utf-8"), flags=re.M)
        if count != len(self._nodes):
            raise Broken(f"{toml} has {count} example lines for `deliver`, not one a node")
        toml.write_text(text, encoding="utf-8")

    def install(self) -> None:
        """Three machines become a hub; once more, and nothing changes."""
        with self._stages("They become a hub") as stage:
            run = self._good(self._playbook.run("-e", f"hub_version={FIRST}"))
            self.found["install_s"] = round(run.took_s)
            stage.note = f"changed={_changed(run)}"
        with self._stages("Once more") as stage:
            run = self._good(self._playbook.run("-e", f"hub_version={FIRST}"))
            stage.note = f"changed={_changed(run)}"
            if any(_changed(run).values()):
                raise Broken(f"a second run changes something: {_changed(run)}: {run.tail}")
            self.found["again_s"] = round(run.took_s)

    async def rest(self) -> None:
        """What follows, with a kiosk that speaks all the while."""
        async with self._speaking():
            await self._arrived("It speaks")
            await self._changed_under_load()
            await self._another_version()
            await self._a_node_away()
            await self._revoked()

    @contextlib.asynccontextmanager
    async def _speaking(self) -> AsyncIterator[None]:
        """A kiosk that was let in, and says an event every so often for as long as the block goes on."""
        with self._stages("A kiosk is let in") as stage:
            self._kiosk.folder.mkdir(parents=True)
            began_s = time.monotonic()
            await asyncio.to_thread(
                self._command, "add", KIOSK, f"--key={self._kiosk.make_key()}", f"--hub={self._hub.path}"
            )
            self.found["let_in_s"] = round(time.monotonic() - began_s, 1)
            stage.note = f"on all nodes in {self.found['let_in_s']:g} s"
        self._kiosk.join(self._hub.settings().leaf_urls, self._hub.ca.read_text(encoding="utf-8"))
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._kiosk.start()
            tasks = [asyncio.create_task(self._speak()), asyncio.create_task(self._watch())]
            yield
        finally:
            await cancel_all(tasks)
            await self._kiosk.stop()

    async def _speak(self) -> None:
        while True:
            await self._kiosk.say(1)
            await asyncio.sleep(_SPEAK_S)

    async def _watch(self) -> None:
        """When events of the kiosk arrived at the hub, as whoever looks sees it."""
        seen = 0
        while True:
            with contextlib.suppress(BusUnreachable):
                async with self._sign_in("keeper") as hub:
                    while True:
                        state = (await hub.api(f"STREAM.INFO.{FLEET_EVENTS}", timeout_s=2))["state"]
                        if state["last_seq"] > seen:
                            seen = state["last_seq"]
                            self._arrivals_s.append(time.monotonic())
                        await asyncio.sleep(_LOOK_S)
            await asyncio.sleep(_LOOK_S)

    async def _changed_under_load(self) -> None:
        with self._stages("hub.toml changes") as stage:
            before = self._started("kiosk-hub")
            toml = self._hub.path / "hub.toml"
            text, count = re.subn(r"^ping_interval_s = \d+", "ping_interval_s = 7", toml.read_text("utf-8"), flags=re.M)
            if count != 1:
                raise Broken(f"{toml} has no ping_interval_s")
            toml.write_text(text, encoding="utf-8")
            began_s = time.monotonic()
            run = self._good(await asyncio.to_thread(self._playbook.run, "-e", f"hub_version={FIRST}"))
            after = self._started("kiosk-hub")
            if any(before[each] == after[each] for each in self._nodes):
                raise Broken(f"a node runs with what it had: {before} {after}")
            await self._all_here()
            self.found["change_s"], self.found["change_gap_s"] = round(run.took_s), self._gap(began_s)
            stage.note = f"every node restarted, one after the other; no event for {self._gap(began_s):g} s at most"
        await self._arrived("All its events are there")

    async def _another_version(self) -> None:
        with self._stages("The next version") as stage:
            servers, keepers = self._started("kiosk-hub"), self._started("kiosk-hub-keeper")
            run = self._good(await asyncio.to_thread(self._playbook.run, "-e", f"hub_version={NEXT}"))
            if self._started("kiosk-hub") != servers:
                raise Broken("a nats-server that is the same in both versions was restarted")
            if any(keepers[each] == now for each, now in self._started("kiosk-hub-keeper").items()):
                raise Broken("a keeper still runs the version before")
            for name, node in self._nodes.items():
                if not node.door.run(USER, "readlink /opt/kiosk/current").strip().endswith(NEXT):
                    raise Broken(f"{name} doesn't run {NEXT}")
            self.found["version_s"] = round(run.took_s)
            stage.note = "keepers restarted; the nodes, whose nats-server is the same, were not"

    async def _a_node_away(self) -> None:
        with self._stages("A node is away") as stage:
            async with self._sign_in("keeper") as hub:
                leader = str((await hub.api(f"STREAM.INFO.{FLEET_EVENTS}"))["cluster"]["leader"])
            began_s = time.monotonic()
            self._switch.pull(leader)
            others = [each for each in self._nodes if each != leader]
            said = self._kiosk.said
            await until(lambda: self._has(said + 20), f"events go on without {leader}", _SOON_S)
            keeping = await until(lambda: self._keeper_of(others), "another keeper keeps", _SOON_S)
            self.found["away_gap_s"] = self._gap(began_s)
            self._switch.plug(leader)
            await self._all_here()
            stage.note = (
                f"{leader}, which led {FLEET_EVENTS}; no event for {self._gap(began_s):g} s; {keeping} keeps the books"
            )
        await self._arrived("All its events are there")

    async def _revoked(self) -> None:
        with self._stages("It is revoked") as stage:
            process = self._kiosk.process
            if process is None:
                raise Broken("the kiosk doesn't run")
            began_s = time.monotonic()
            await asyncio.to_thread(self._command, "revoke", KIOSK, f"--hub={self._hub.path}")
            self.found["shut_out_s"] = round(time.monotonic() - began_s, 1)

            async def refused() -> bool:
                return process.log_has("Authorization Violation")

            await until(refused, "it is refused when it comes back", _SOON_S)
            had = await self._numbers()
            said = self._kiosk.said

            async def spoke() -> bool:
                return self._kiosk.said >= said + 20

            await until(spoke, "it goes on by itself", _SOON_S)
            if len(await self._numbers()) != len(had):
                raise Broken("a revoked kiosk is still heard")
            stage.note = (
                f"on all nodes, and cut off, in {self.found['shut_out_s']:g} s; refused since; it goes on by itself"
            )

    async def _arrived(self, what: str) -> None:
        """Every event that the kiosk has said by now is at the hub, once and in order."""
        with self._stages(what) as stage:
            said = self._kiosk.said or 1
            await until(lambda: self._has(said), f"its {said} events are in {FLEET_EVENTS}", _SOON_S)
            arrived = await self._read()
            highest = arrived.highest(KIOSK)
            findings = Findings()
            findings.check(what, arrived, {KIOSK: highest}, {})
            if findings.broken:
                raise Broken("; ".join(findings.broken))
            self.found["events"] = highest
            stage.note = f"{highest} events, once and in order"

    async def _all_here(self) -> None:
        """Every copy of FLEET_EVENTS is in use and has everything."""

        async def current() -> bool:
            async with self._sign_in("keeper") as hub:
                cluster = (await hub.api(f"STREAM.INFO.{FLEET_EVENTS}"))["cluster"]
            replicas = cluster.get("replicas", [])
            return len(replicas) == len(self._nodes) - 1 and all(each["current"] for each in replicas)

        await until(current, f"{FLEET_EVENTS} has three copies that are alike", _SOON_S)

    async def _keeper_of(self, nodes: Sequence[str]) -> str:
        keeping = []
        for each in nodes:
            said = await asyncio.to_thread(self._nodes[each].door.run, USER, _KEEPING)
            if "\nfleet_keeper_keeping 1.0" in said:
                keeping.append(each)
        return keeping[0] if len(keeping) == 1 else ""

    async def _has(self, number: int) -> bool:
        return (await self._read()).highest(KIOSK) >= number

    async def _numbers(self) -> list[tuple[str, int]]:
        return (await self._read()).events.get(KIOSK, [])

    async def _read(self) -> Arrived:
        arrived = Arrived()
        async with self._sign_in("keeper") as hub:
            async for stored in hub.read(FLEET_EVENTS, [events_of(KIOSK)]):
                arrived.add(KIOSK, stored)
        return arrived

    def _gap(self, since_s: float) -> float:
        """The longest time since then in which no event was seen to arrive."""
        times = [since_s, *(each for each in self._arrivals_s if each >= since_s), time.monotonic()]
        return round(max(after - before for before, after in itertools.pairwise(times)), 1)

    def _started(self, unit: str) -> dict[str, str]:
        return {name: node.door.run(USER, _STARTED.format(unit=unit)).strip() for name, node in self._nodes.items()}

    def _sign_in(self, user: str) -> Hub:
        settings = settings_file.load(self._hub.path)
        return Hub(settings.client_urls, user=user, key_file=checked_key(self._hub, user), ca_file=self._hub.ca)

    def _command(self, *words: str) -> str:
        command = [str(Path(sys.executable).with_name("kiosk")), "fleet", *words]
        # Where files are left that a command writes, as `add` does.
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self._hub.path.parent)
        if done.returncode:
            raise Broken(
                f"kiosk fleet {words[0]} ends with {done.returncode}: {done.stdout[-800:]}{done.stderr[-800:]}"
            )
        return done.stdout

    def _good(self, run: Run) -> Run:
        if run.code:
            raise Broken(f"hub.yml ends with {run.code}: {run.tail}")
        return run


def _changed(run: Run) -> dict[str, int]:
    return {name: each["changed"] for name, each in run.counts.items()}
