"""The steps of the proof with one kiosk, the first of the inventory; what each found is in `found`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from edge.bus import Client
from edge.contract.permissions import OPERATOR
from image.stages import Stages
from proofs.deploy.customer import Unhurried
from proofs.deploy.door import Target, until_up
from proofs.deploy.kept import BUS_S, bus_of, events
from proofs.deploy.playbook import Playbook, Run
from proofs.deploy.ports import scan
from proofs.deploy.stock import USER
from proofs.powercuts.acks import AckWriter, Paid, Stored, read_acks

FIRST: Final = "1.0.0"
NEXT: Final = "1.1.0"
BROKEN: Final = "1.2.0-broken"
_BOOT_S: Final = 900.0
_CLOSES_S: Final = 1200.0
_DISHES: Final = [101, 201]
_LISTENING: Final = "sudo ss -Hltn | awk '{print $4}' | sort -u"
# Everything that a deployment writes, whole: names, owners, rights, links' ends, and what is in the files.
_LAID: Final = """sudo sh -c '
for each in /etc /opt/kiosk /usr/local /usr/lib/kiosk /boot/config /data/kiosk /data/keys /data/ssh; do
  [ ! -e "$each" ] || find "$each" -printf "%p %m %u %g %l\\n" -type f -exec sha256sum {} +
done | LC_ALL=C sort | sha256sum; dpkg-query -W | sha256sum; systemctl show -p MainPID "kiosk-*.service" | sha256sum'"""


class Broken(Exception):
    """Something that was promised did not hold; the text says what."""


def version(which: str) -> tuple[str, ...]:
    """The words that ask the playbook for a version."""
    return ("-e", f"rollout_version={which}")


class Proof:
    """The steps, one after the other, with the first of `targets`."""

    def __init__(
        self, target: Target, playbook: Playbook, settings: Mapping[str, Any], folder: Path, console: Console
    ) -> None:
        self._target = target
        self._playbook = playbook
        self._settings = settings
        self._folder = folder
        self._stages = Stages(console)
        self.found: dict[str, Any] = {}

    def before(self) -> None:
        """A machine that has nothing of ours."""
        with self._stages("A stock Debian 13 starts") as stage:
            until_up(self._target, USER, _BOOT_S)
            self.found["listening_before"] = self._target.door.run(USER, _LISTENING).split()
            stage.note = "listens: " + ", ".join(from_outside(self.found["listening_before"]))
        self._knock("before")

    def install(self) -> None:
        """The first deployment, and one that finds nothing to do."""
        with self._stages("It becomes a kiosk") as stage:
            run = self._good(self._run(*version(FIRST)), "installed", FIRST)
            self.found["install_s"] = round(run.took_s)
            stage.note = f"changed={run.counts[self._target.name]['changed']}"
        with self._stages("Once more") as stage:
            run = self._good(self._run(*version(FIRST)), "as it was", FIRST)
            self.found["second_run"] = run.counts[self._target.name] | {"took_s": round(run.took_s)}
            stage.note = f"changed={run.counts[self._target.name]['changed']}"
            if run.changed(self._target.name) or run.counts[self._target.name]["changed"]:
                raise Broken(f"the second run changed {run.changed(self._target.name)}: {run.log}")
        with self._stages("What listens now") as stage:
            self.found["listening_after"] = self._target.door.run("admin", _LISTENING).split()
            outside = from_outside(self.found["listening_after"])
            stage.note = ", ".join(outside)
            if {each.rpartition(":")[2] for each in outside} != {"22"}:
                raise Broken(f"more than ssh listens for the network: {outside}")
        if self._knock("after") not in ([22], None):
            raise Broken(f"more than ssh answers: {self.found['scan_after']}")

    def check(self) -> list[str]:
        """`--check --diff`: says what the next version would change, and changes nothing; the tasks that it named."""
        with self._stages("What would change") as stage:
            before = self._target.door.run("admin", _LAID)
            run = self._run(*version(NEXT), "--check", "--diff")
            after = self._target.door.run("admin", _LAID)
            if run.code or run.outcome(self._target.name) != ("would be changed", FIRST):
                raise Broken(f"--check ends with {run.code} and {run.kiosks}: {run.tail}")
            if before != after:
                raise Broken(f"--check changed something: {before} became {after}: {run.log}")
            if f"releases/{NEXT}" not in run.log.read_text(encoding="utf-8"):
                raise Broken(f"--diff doesn't name the new release: {run.log}")
            foreseen = run.changed(self._target.name)
            # Settings alone make a difference, too.
            other = {"agents_settings": self._settings["agents_settings"] | {"payment": {"tap_timeout_s": 27.0}}}
            run = self._run(*version(FIRST), "--check", "--diff", own={self._target.name: other})
            if run.code or run.outcome(self._target.name) != ("would be changed", FIRST):
                raise Broken(f"--check of other settings ends with {run.code} and {run.kiosks}: {run.tail}")
            if before != self._target.door.run("admin", _LAID):
                raise Broken(f"--check of other settings changed something: {run.log}")
            self.found["check"] = {"took_s": round(run.took_s), "foreseen": foreseen}
            stage.note = f"{len(foreseen)} tasks; and nothing did"
        return foreseen

    async def update_under_an_order(self, foreseen: list[str]) -> None:
        """The next version comes while a customer orders; what changes is what `--check` named, at least."""
        with self._stages("The next version, under an order") as stage, self._bus() as (url, key):
            acks_file, unused = self._folder / "acks.jsonl", self._folder / "no-writes.log"
            unused.touch()
            client = Client(url, name=OPERATOR, key_file=key)
            await client.connect(wait_s=BUS_S)
            with AckWriter(acks_file, unused) as acks, ThreadPoolExecutor(1) as pool:
                customer = Unhurried(client, acks)
                watching = asyncio.create_task(customer.watch())
                running: list[asyncio.Future[Run]] = []
                try:
                    await customer.until_up(BUS_S)

                    async def thinking() -> None:
                        loop = asyncio.get_running_loop()
                        running.append(loop.run_in_executor(pool, self._run, *version(NEXT)))
                        await customer.until_told_that_it_closes(_CLOSES_S)

                    order = await customer.order_and_pay_after(_DISHES, thinking)
                finally:
                    watching.cancel()
                    await asyncio.wait([watching])
                    await client.close()
                run = self._good(await running[0], "updated", NEXT)
            self.found["update_under_order_s"] = round(run.took_s)
            stage.note = f"order {order} was waited for"
        done = run.changed(self._target.name)
        self.found["check"]["came_about_beside"] = [each for each in done if each not in foreseen]
        wrong = [each for each in foreseen if each not in done]
        if wrong:
            raise Broken(f"--check had said that these would change, and they didn't: {wrong}")
        with self._stages("What was promised is there") as stage, self._bus() as (url, key):
            stage.note = await self._look_for(url, key)

    def no_version(self) -> None:
        """A version that nobody made: the kiosk is left as it is, to the last byte."""
        with self._stages("A version that isn't there") as stage:
            before = self._target.door.run("admin", _LAID)
            run = self._run(*version("9.9.9"))
            if run.code == 0 or run.outcome(self._target.name) != ("left as it was", NEXT):
                raise Broken(f"a version that isn't there ends with {run.code} and {run.kiosks}: {run.tail}")
            if before != self._target.door.run("admin", _LAID):
                raise Broken(f"a version that isn't there changed something: {run.log}")
            stage.note = run.kiosks[self._target.name]["why"][:100]

    async def broken_version(self) -> None:
        """A version whose menu agent doesn't start."""
        with self._stages("A broken version") as stage:
            began = time.monotonic()
            run = await asyncio.to_thread(self._run, *version(BROKEN), "-e", "rollout_gate_s=240")
            self.found["rolled_back_s"] = round(time.monotonic() - began)
            self.found["rolled_back"] = run.kiosks.get(self._target.name, {})
            if run.code == 0 or run.outcome(self._target.name) != ("rolled back", NEXT):
                raise Broken(f"it was not rolled back: {run.kiosks}; {run.tail}")
            stage.note = self.found["rolled_back"]["why"][:100]
        with self._stages("All serves as before") as stage, self._bus() as (url, key):
            run = await asyncio.to_thread(self._run, *version(NEXT))
            self._good(run, "as it was", NEXT)
            stage.note = await self._look_for(url, key)

    async def new_keys(self) -> None:
        """Every key of the bus drawn anew; what was said before is still there."""
        with self._stages("New keys for the bus") as stage:
            before = self._target.door.run("admin", "sudo sha256sum /data/keys/menu.nk")
            run = await asyncio.to_thread(self._run, "--tags", "rotate,verify")
            self.found["new_keys_s"] = round(run.took_s)
            self._good(run, "new keys", NEXT)
            if self._target.door.run("admin", "sudo sha256sum /data/keys/menu.nk") == before:
                raise Broken(f"the keys were not rotated: {run.tail}")
            with self._bus() as (url, key):
                stage.note = await self._look_for(url, key)

    def _run(self, *more: str, own: Mapping[str, Mapping[str, Any]] | None = None) -> Run:
        return self._playbook.run("--limit", self._target.name, *more, own=own)

    def _knock(self, when: str) -> list[int] | None:
        """Try all ports from here; those that answer, None where they can't be reached from here."""
        if not self._target.scannable:
            self.found[f"scan_{when}"] = "only ssh is led to it; see listening"
            return None
        with self._stages(f"All ports, {when}") as stage:
            found = scan(self._target.door.address)
            self.found[f"scan_{when}"] = {"open": list(found.open), "by": found.by}
            stage.note = f"open: {', '.join(map(str, found.open))}; {found.by}"
        return list(found.open)

    def _good(self, run: Run, outcome: str, runs: str) -> Run:
        if run.code or run.outcome(self._target.name) != (outcome, runs):
            raise Broken(f"{outcome} was expected, to {runs}; found {run.kiosks}: {run.tail}")
        return run

    async def _look_for(self, url: str, key: Path) -> str:
        acks = read_acks(self._folder / "acks.jsonl")
        promised = {each.msg_id for each in acks if isinstance(each, Stored)}
        paid = {each.order_id for each in acks if isinstance(each, Paid)}
        kept, orders = await events(url, key)
        lost = promised - kept
        self.found["promised"] = {"events": len(promised), "orders": len(paid)}
        if lost or not paid or paid - orders:
            raise Broken(f"lost: {len(lost)} of {len(promised)} events, orders {sorted(paid - orders)}")
        return f"{len(promised)} events, {len(paid)} order"

    def _bus(self) -> AbstractContextManager[tuple[str, Path]]:
        return bus_of(self._target, self._folder)


def from_outside(listening: list[str]) -> list[str]:
    """Those of `ss`'s local addresses that somebody on the network could reach."""
    return sorted(each for each in listening if not each.startswith(("127.", "[::1]")))
