"""`make deploy-proof`: a stock Debian 13 in QEMU becomes a kiosk by ansible/deploy.yml, and is updated under an order.

The first run installs, the second changes nothing. A version that comes while a customer orders waits for them, and
loses nothing they were promised. A version that does not serve is taken back by itself. What listens is listed
before and after. Exits with 1 when any of it is otherwise, with 2 when it can't be tried here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nats.js.api import ConsumerConfig, DeliverPolicy
from rich.console import Console
from rich.markup import escape

from edge.bus import Client
from edge.contract.permissions import OPERATOR
from edge.contract.streams import EVENTS_STREAM
from image.offline import make
from image.recipe import REPOSITORY, Arch, RecipeError, recipe_of
from image.stages import Stages
from proofs.deploy.customer import Unhurried
from proofs.deploy.machine import Machine, MachineFailed
from proofs.deploy.playbook import Playbook, Run
from proofs.deploy.stock import USER, Stock, stock
from proofs.deploy.versions import another
from proofs.powercuts.acks import AckWriter, Paid, Stored, read_acks
from proofs.powercuts.customer import NotServed
from proofs.powercuts.guest import GuestFailed, make_ssh_key, missing_programs

_BOOT_S = 900.0
_BUS_S = 300.0
_DISHES = [101, 201]
# An emulated kiosk takes its time, and a customer may think for as long as the playbook takes to get there.
_SETTINGS: dict[str, Any] = {
    "frontend_screen": False,
    "rollout_hold_s": 15,
    "rollout_gate_s": 600,
    "rollout_wait_s": 1800,
    "agents_settings": {"kiosk": {"id": "kiosk-001"}, "orchestrator": {"idle_s": 900.0, "left_grace_s": 900.0}},
}
# In the receipt that the screen showed, above all.
_ORDER = re.compile(r'"order_id":\s*"([^"]+)"')
_LISTENING = "sudo ss -Hltn | awk '{print $4}' | sort -u"


class Broken(Exception):
    """Something that was promised did not hold; the text says what."""


class Proof:
    """The steps, one after the other; what each found is in `found`."""

    def __init__(self, machine: Machine, playbook: Playbook, folder: Path, console: Console) -> None:
        self._machine = machine
        self._playbook = playbook
        self._folder = folder
        self._stages = Stages(console)
        self.found: dict[str, Any] = {}

    def before(self) -> None:
        """A machine that has nothing of ours."""
        with self._stages("A stock Debian 13 starts") as stage:
            self._machine.until_up(USER, _BOOT_S)
            self.found["listening_before"] = self._machine.run(USER, _LISTENING).split()
            stage.note = "listens: " + ", ".join(_from_outside(self.found["listening_before"]))

    def install(self) -> None:
        """The first deployment, and one that finds nothing to do."""
        with self._stages("It becomes a kiosk") as stage:
            run = self._good(self._playbook.run("-e", "rollout_version=1.0.0"), "installed", "1.0.0")
            self.found["install_s"] = round(run.took_s)
            stage.note = f"changed={run.counts['changed']}"
        with self._stages("Once more") as stage:
            run = self._good(self._playbook.run("-e", "rollout_version=1.0.0"), "as it was", "1.0.0")
            self.found["second_run"] = run.counts
            stage.note = f"changed={run.counts['changed']}"
            if run.counts["changed"]:
                raise Broken(f"the second run changed {run.counts['changed']}: {run.log}")
        with self._stages("What listens now") as stage:
            self.found["listening_after"] = self._machine.run("admin", _LISTENING).split()
            outside = _from_outside(self.found["listening_after"])
            stage.note = ", ".join(outside)
            if {each.rpartition(":")[2] for each in outside} != {"22"}:
                raise Broken(f"more than ssh listens for the network: {outside}")

    async def update_under_an_order(self) -> None:
        """The next version comes while a customer orders."""
        with self._stages("The next version, under an order") as stage, self._bus() as (url, key):
            acks_file, unused = self._folder / "acks.jsonl", self._folder / "qemu.log"
            client = Client(url, name=OPERATOR, key_file=key)
            await client.connect(wait_s=_BUS_S)
            with AckWriter(acks_file, unused) as acks, ThreadPoolExecutor(1) as pool:
                customer = Unhurried(client, acks)
                watching = asyncio.create_task(customer.watch())
                try:
                    await customer.until_up(_BUS_S)
                    running: list[asyncio.Future[Run]] = []

                    async def thinking() -> None:
                        loop = asyncio.get_running_loop()
                        running.append(loop.run_in_executor(pool, self._playbook.run, "-e", "rollout_version=1.1.0"))
                        await customer.until_told_that_it_closes(1200)

                    order = await customer.order_and_pay_after(_DISHES, thinking)
                finally:
                    watching.cancel()
                    await asyncio.wait([watching])
                    await client.close()
                run = self._good(await running[0], "updated", "1.1.0")
            self.found["update_under_order_s"] = round(run.took_s)
            stage.note = f"order {order} was waited for"
        with self._stages("What was promised is there") as stage, self._bus() as (url, key):
            stage.note = await self._look_for(url, key, acks_file)

    async def _look_for(self, url: str, key: Path, acks_file: Path) -> str:
        acks = read_acks(acks_file)
        promised = {each.msg_id for each in acks if isinstance(each, Stored)}
        paid = {each.order_id for each in acks if isinstance(each, Paid)}
        kept, orders = await _events(url, key)
        lost = promised - kept
        self.found["promised"] = {"events": len(promised), "orders": len(paid)}
        if lost or not paid or paid - orders:
            raise Broken(f"lost: {len(lost)} of {len(promised)} events, orders {sorted(paid - orders)}")
        return f"{len(promised)} events, {len(paid)} order"

    async def broken_version(self) -> None:
        """A version whose menu agent doesn't start."""
        with self._stages("A broken version") as stage:
            began = time.monotonic()
            run = await asyncio.to_thread(
                self._playbook.run, "-e", "rollout_version=1.2.0-broken", "-e", "rollout_gate_s=240"
            )
            self.found["rolled_back_s"] = round(time.monotonic() - began)
            self.found["rolled_back"] = run.kiosk
            if run.code == 0 or (run.kiosk.get("outcome"), run.kiosk.get("runs")) != ("rolled back", "1.1.0"):
                raise Broken(f"it was not rolled back: {run.kiosk}; {run.tail}")
            stage.note = run.kiosk["why"][:100]
        with self._stages("All serves as before") as stage, self._bus() as (url, key):
            run = await asyncio.to_thread(self._playbook.run, "-e", "rollout_version=1.1.0")
            self._good(run, "as it was", "1.1.0")
            stage.note = await self._look_for(url, key, self._folder / "acks.jsonl")

    async def new_keys(self) -> None:
        """Every key of the bus drawn anew; what was said before is still there."""
        with self._stages("New keys for the bus") as stage:
            before = self._machine.run("admin", "sudo sha256sum /data/keys/menu.nk")
            run = await asyncio.to_thread(self._playbook.run, "--tags", "rotate,verify")
            if run.code or self._machine.run("admin", "sudo sha256sum /data/keys/menu.nk") == before:
                raise Broken(f"the keys were not rotated: {run.tail}")
            with self._bus() as (url, key):
                stage.note = await self._look_for(url, key, self._folder / "acks.jsonl")

    def _good(self, run: Run, outcome: str, runs: str) -> Run:
        if run.code or (run.kiosk.get("outcome"), run.kiosk.get("runs")) != (outcome, runs):
            raise Broken(f"{outcome} was expected, to {runs}; found {run.kiosk}: {run.tail}")
        return run

    @contextmanager
    def _bus(self) -> Any:
        """The bus's address here, and the operator's key."""
        keys = self._folder / "keys"
        keys.mkdir(mode=0o700, exist_ok=True)
        key = keys / "operator.nk"
        key.unlink(missing_ok=True)
        key.touch(mode=0o600)
        key.write_text(self._machine.run("admin", "sudo cat /data/keys/operator.nk"), encoding="ascii")
        with self._machine.tunnel("admin", 4222) as port:
            yield f"nats://127.0.0.1:{port}", key


async def _events(url: str, key: Path) -> tuple[set[str], set[str]]:
    """The message ids in the stream of events, and the orders that any of them names."""
    client = Client(url, name=OPERATOR, key_file=key)
    await client.connect(wait_s=_BUS_S)
    ids: set[str] = set()
    orders: set[str] = set()
    try:
        stream = str(EVENTS_STREAM["name"])
        last = (await client.js.stream_info(stream)).state.last_seq
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
        reading = await client.js.subscribe("kiosk.>", stream=stream, ordered_consumer=True, config=config)
        while last:
            message = await reading.next_msg(timeout=_BUS_S)
            ids.add((message.headers or {}).get("Nats-Msg-Id", ""))
            orders |= set(_ORDER.findall(message.data.decode()))
            if message.metadata.sequence.stream >= last:
                break
        await reading.unsubscribe()
    finally:
        await client.close()
    return ids, orders


def _from_outside(listening: list[str]) -> list[str]:
    return sorted(each for each in listening if not each.startswith(("127.", "[::1]")))


def arguments() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(prog="python -m proofs.deploy", description=__doc__)
    parser.add_argument("--accelerator", default="tcg,thread=multi", help="of QEMU; kvm where it can be used")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "deploy", help="where all of it goes")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Do all of it; 1 when a promise broke, 2 when it can't be tried here."""
    chosen = arguments().parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else 120)
    lacking = missing_programs()
    if lacking:
        console.print(f"[red]deploy-proof:[/] Debian packages are missing: apt-get install {' '.join(lacking)}")
        return 2
    folder = chosen.out.resolve() / "proof"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        key = make_ssh_key(folder)
        bundles, disk = _prepared(chosen.out.resolve(), key, console)
        with Machine(disk, folder, key, accelerator=chosen.accelerator) as machine:
            proof = Proof(machine, Playbook(machine, bundles, folder, _SETTINGS), folder, console)
            proof.before()
            proof.install()
            asyncio.run(_rest(proof))
    except (Broken, NotServed) as error:
        console.print(f"[red]broken:[/] {escape(str(error))}", highlight=False)
        return 1
    except (MachineFailed, GuestFailed, RecipeError, OSError, subprocess.SubprocessError) as error:
        console.print(f"[red]deploy-proof:[/] {escape(str(error))}", highlight=False)
        return 2
    report = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **proof.found}
    (folder / "deploy.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.print(f"figures in {folder / 'deploy.json'}", highlight=False)
    return 0


async def _rest(proof: Proof) -> None:
    await proof.update_under_an_order()
    await proof.broken_version()
    await proof.new_keys()


def _prepared(out: Path, key: Path, console: Console) -> tuple[Path, Stock]:
    stages = Stages(console)
    bundles, cache = out / "bundles", REPOSITORY / "build" / "image" / "cache"
    recipe = recipe_of(Arch.AMD64)
    first = bundles / "1.0.0-amd64"
    told = first / "bundle.json"
    if not told.exists() or json.loads(told.read_text(encoding="utf-8"))["commit"] != recipe.commit:
        first = make(
            type(recipe)(recipe.arch, recipe.archive, "1.0.0", recipe.epoch_s, recipe.commit), bundles, cache, stages
        )
    with stages("Two versions more"):
        another(first, bundles / "1.1.0-amd64", "1.1.0")
        another(first, bundles / "1.2.0-broken-amd64", "1.2.0-broken", broken=True)
    with stages("A stock Debian 13"):
        disk = stock(out / "stock", out / "stock.log", key.with_suffix(".pub").read_text(encoding="ascii").strip())
    return bundles, disk


if __name__ == "__main__":
    sys.exit(main())
