"""`make hub-proof`: three stock Debian 13 machines become a hub by ansible/hub.yml, and stay one while a kiosk speaks.

The first run installs, the second changes nothing. Then a kiosk is let in and speaks, while hub.toml changes and every
node is restarted in its turn, while the keepers get the next version, and while the node that leads is cut off. Every
event has to be there once and in order. The kiosk is revoked last. The machines are containers: namespaces with an own
systemd. Needs root. Exits with 1 when any of it is otherwise, with 2 when it can't be tried here.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
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
from proofs.deploy.door import until_up
from proofs.deploy.playbook import Playbook
from proofs.deploy.stock import USER, stock_tree
from proofs.deploy.trying import tried
from proofs.deploy.versions import bundles_of
from proofs.hub.playbook import HubPlaybook
from proofs.hub.steps import Hubs
from proofs.hub.switch import Switch
from proofs.powercuts.guest import make_ssh_key

_BOOT_S: Final = 900.0
_NODES: Final = ("hub-1", "hub-2", "hub-3")


def arguments() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(prog="python -m proofs.hub", description=__doc__)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "deploy", help="where all of it goes")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Do all of it; 1 when a promise broke, 2 when it can't be tried here."""
    chosen = arguments().parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else 120)
    out = chosen.out.resolve()
    problem = why_not(out) or ("there is no rsync: apt-get install rsync" if shutil.which("rsync") is None else None)
    if problem:
        console.print(f"[red]hub-proof:[/] {escape(problem)}", highlight=False, soft_wrap=True)
        return 2
    folder = out / "hub-proof"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    def proof(stack: ExitStack, playbooks: list[Playbook]) -> dict[str, Any]:
        return _tried(out, folder, stack, playbooks, console)

    return tried("hub-proof", proof, folder / "hub.json", console)


def _tried(out: Path, folder: Path, stack: ExitStack, playbooks: list[Playbook], console: Console) -> dict[str, Any]:
    see_the_archive()
    key = make_ssh_key(folder)
    bundles = bundles_of(out, console)
    stages = Stages(console)
    with stages("A stock Debian 13"):
        tree = stock_tree(out / "stock", out / "stock.log")
    switch = stack.enter_context(Switch())
    with stages("Three of them start"):
        nodes = [Container(name, tree, out / "containers", key) for name in _NODES]
        for number, node in enumerate(nodes):
            stack.enter_context(node)
            switch.connect(node, number)
        for node in nodes:
            until_up(node, USER, _BOOT_S)
    playbook = stack.enter_context(HubPlaybook(nodes, bundles, folder, folder / "hub", {}))
    playbooks.append(playbook)
    hubs = Hubs(nodes, switch, playbook, folder, console)
    hubs.draw(key)
    hubs.install()
    asyncio.run(hubs.rest())
    return hubs.found


if __name__ == "__main__":
    sys.exit(main())
