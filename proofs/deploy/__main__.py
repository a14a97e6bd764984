"""`make deploy-proof`: a stock Debian 13 becomes a kiosk by ansible/deploy.yml, and is updated under an order.

The first run installs, the second changes nothing. `--check --diff` says what a version would change, and changes
nothing. A version that comes while a customer orders waits for them, and loses nothing they were promised. A version
that does not serve is taken back by itself, and with several kiosks gets no further than the first. All ports are tried
before and after. The kiosk then joins a fleet, gets new keys there, and is revoked. Exits with 1 when any of it is
otherwise, with 2 when it can't be tried here.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from image.recipe import REPOSITORY
from image.stages import Stages
from proofs.deploy.container import Container, see_the_archive, why_not
from proofs.deploy.door import Target
from proofs.deploy.joined import Joined
from proofs.deploy.machine import Machine
from proofs.deploy.playbook import Playbook
from proofs.deploy.several import Several
from proofs.deploy.steps import Proof
from proofs.deploy.stock import stock, stock_tree
from proofs.deploy.trying import tried
from proofs.deploy.versions import bundles_of
from proofs.powercuts.guest import make_ssh_key, missing_programs

# An emulated kiosk takes its time, and a customer may think for as long as the playbook takes to get there.
SETTINGS: Final[dict[str, Any]] = {
    "frontend_screen": False,
    "rollout_hold_s": 15,
    "rollout_gate_s": 600,
    "rollout_wait_s": 1800,
    "agents_settings": {
        "kiosk": {"id": "{{ inventory_hostname }}"},
        "orchestrator": {"idle_s": 900.0, "left_grace_s": 900.0},
    },
}


def arguments() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(prog="python -m proofs.deploy", description=__doc__)
    parser.add_argument(
        "--target",
        choices=("qemu", "container"),
        default="qemu",
        help="qemu: a machine with its own kernel, two hours by emulation. container: the same Debian under systemd in "
        "namespaces, a few minutes; needs root",
    )
    parser.add_argument("--kiosks", type=_kiosks, default=1, help="3 or more: the steps of a rollout too (containers)")
    parser.add_argument("--accelerator", default="tcg,thread=multi", help="of QEMU; kvm where it can be used")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "deploy", help="where all of it goes")
    return parser


def _kiosks(word: str) -> int:
    count = int(word) if word.isdigit() else 0
    if count not in (1, *range(3, 100)):
        raise argparse.ArgumentTypeError("1, or 3 and more: a first one, one that fails, one behind it")
    return count


def main(words: Sequence[str] | None = None) -> int:
    """Do all of it; 1 when a promise broke, 2 when it can't be tried here."""
    parser = arguments()
    chosen = parser.parse_args(words)
    if chosen.kiosks > 1 and chosen.target != "container":
        parser.error("several kiosks are for --target container")
    console = Console(width=None if sys.stdout.isatty() else 120)
    out = chosen.out.resolve()
    problem = _lacking(chosen.target, out)
    if problem:
        console.print(f"[red]deploy-proof:[/] {escape(problem)}", highlight=False, soft_wrap=True)
        return 2
    folder = out / "proof"
    folder.mkdir(parents=True, exist_ok=True)

    def proof(stack: ExitStack, playbooks: list[Playbook]) -> dict[str, Any]:
        return {"target": chosen.target, **_tried(chosen, folder, stack, playbooks, console)}

    return tried("deploy-proof", proof, folder / "deploy.json", console)


def _lacking(target: str, out: Path) -> str | None:
    if target == "container":
        return why_not(out)
    lacking = missing_programs()
    return f"Debian packages are missing: apt-get install {' '.join(lacking)}" if lacking else None


def _tried(
    chosen: argparse.Namespace, folder: Path, stack: ExitStack, playbooks: list[Playbook], console: Console
) -> dict[str, Any]:
    key = make_ssh_key(folder)
    if chosen.target == "container":
        see_the_archive()
    bundles = bundles_of(chosen.out.resolve(), console)
    targets = _targets(chosen, folder, key, Stages(console))
    stack.enter_context(targets[0])
    playbooks.append(stack.enter_context(Playbook(targets[:1], bundles, folder, SETTINGS)))
    proof = Proof(targets[0], playbooks[-1], SETTINGS, folder, console)
    proof.before()
    proof.install()
    asyncio.run(_rest(proof))
    if len(targets) > 1:
        for each in targets[1:]:
            stack.enter_context(each)
        several = folder / "several"
        several.mkdir(exist_ok=True)
        playbooks.append(stack.enter_context(Playbook(targets, bundles, several, SETTINGS)))
        rollout = Several(targets, playbooks[-1], SETTINGS, console)
        rollout.install()
        rollout.broken_canary()
        rollout.failing_batch()
        proof.found["several"] = rollout.found
    joined = Joined(targets[0], playbooks[0], folder / "hub", console)
    asyncio.run(joined.all())
    proof.found["fleet"] = joined.found
    return proof.found


async def _rest(proof: Proof) -> None:
    foreseen = await asyncio.to_thread(proof.check)
    await proof.update_under_an_order(foreseen)
    await asyncio.to_thread(proof.no_version)
    await proof.broken_version()
    await proof.new_keys()


def _targets(chosen: argparse.Namespace, folder: Path, key: Path, stages: Stages) -> list[Target]:
    out = chosen.out.resolve()
    targets: list[Target]
    names = [f"kiosk-{number:03}" for number in range(1, chosen.kiosks + 1)]
    with stages("A stock Debian 13"):
        if chosen.target == "container":
            tree = stock_tree(out / "stock", out / "stock.log")
            targets = [Container(name, tree, out / "containers", key) for name in names]
            return targets
        public = key.with_suffix(".pub").read_text(encoding="ascii").strip()
        disk = stock(out / "stock", out / "stock.log", public)
        targets = [Machine(name, disk, folder, key, accelerator=chosen.accelerator) for name in names]
    return targets


if __name__ == "__main__":
    sys.exit(main())
