"""`make fleet`: three hub nodes and five kiosks in network namespaces, killed, cut off for a shortened day, revoked.

Exits with 1 when an event is missing, doubled, out of order or under another's name, when a loss isn't told exactly, or
when a revoked kiosk is heard; with 2 where there can be no network namespaces.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks import machine
from edge.bus.server import find_server
from edge.fleet.applying import apply_all
from edge.fleet.register import changing
from proofs.fleet.findings import Findings
from proofs.fleet.machines import HubMachines, KioskMachine, settings_on
from proofs.fleet.network import Network, NoNamespaces
from proofs.fleet.run import Fleet, NotSo, Plan, prove

REPOSITORY = Path(__file__).resolve().parent.parent.parent
_NODES = ("hub-a", "hub-b", "hub-c")


def arguments() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(prog="python -m proofs.fleet", description=__doc__)
    parser.add_argument("--kiosks", type=int, default=5)
    parser.add_argument("--events", type=int, default=100, help="that each kiosk says in each part")
    parser.add_argument("--day", type=float, default=20.0, help="how long a shortened day is, in seconds")
    parser.add_argument("--limit", type=int, default=300, help="how many events a kiosk keeps, for 100,000")
    parser.add_argument("--age", type=float, default=120.0, help="how long it keeps one, in seconds, for 24 hours")
    parser.add_argument("--server", type=Path, help="the hub's nats-server; default: the one `kiosk virtual` runs")
    parser.add_argument("--kiosk-server", type=Path, help="the kiosks' nats-server; default: the hub's")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "fleet", help="where the figures go")
    return parser


def main(words: list[str] | None = None) -> int:
    """Run, show, write; 1 when a promise broke."""
    chosen = arguments().parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    if chosen.kiosks < 3:
        sys.stderr.write("at least 3 kiosks: two lose events, another is revoked\n")
        return 2
    chosen.out.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=chosen.out / "fleet.log", level=logging.INFO, filemode="w")
    folder = Path(tempfile.mkdtemp(prefix="kiosk-fleet-"))
    try:
        found = asyncio.run(_prove(chosen, folder, console))
    except NoNamespaces as error:
        sys.stderr.write(f"python -m proofs.fleet: {error}\n")
        return 2
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    program = chosen.server or find_server()
    report = {
        "commit": machine.commit(REPOSITORY),
        "nats_server": machine.server_version(program),
        "kiosk_nats_server": machine.server_version(chosen.kiosk_server or program),
        "machine": machine.facts(("nats-py",), chosen.out),
        "figures": found.figures(),
    }
    (chosen.out / "fleet.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    for promise in found.broken:
        console.print(f"[red]broken:[/] {promise}")
    console.print(f"took {found.took_s:.0f} s; figures in {chosen.out / 'fleet.json'}")
    console.print(found.last_line, soft_wrap=True)
    return 1 if found.broken else 0


async def _prove(chosen: argparse.Namespace, folder: Path, console: Console) -> Findings:
    with Network() as network:
        placed = {name: network.machine(name) for name in _NODES}
        hub = HubMachines.found(
            folder / "hub",
            settings_on({name: address for name, (address, _, _) in placed.items()}, loopback=False),
            prefixes={name: prefix for name, (_, _, prefix) in placed.items()},
            program=chosen.server,
        )
        kiosks = []
        for number in range(chosen.kiosks):
            name = f"kiosk-{number + 1:03}"
            _, shop, prefix = network.machine(f"k{number + 1}")
            (folder / name).mkdir()
            kiosks.append(
                KioskMachine(
                    name,
                    folder / name,
                    4222,
                    shop,
                    prefix,
                    chosen.kiosk_server or chosen.server,
                    {"max_msgs": chosen.limit, "max_age": int(chosen.age * 1e9)},
                )
            )
        try:
            return await _with(hub, kiosks, network, chosen, console)
        finally:
            await asyncio.gather(*(kiosk.stop() for kiosk in kiosks))
            await hub.stop()


async def _with(
    hub: HubMachines, kiosks: list[KioskMachine], network: Network, chosen: argparse.Namespace, console: Console
) -> Findings:
    console.print(f"a hub of {len(hub.nodes)} nodes and {len(kiosks)} kiosks, each a network namespace")
    await hub.start()
    with changing(hub.folder.path) as register:
        for kiosk in kiosks:
            register.add(kiosk.name, kiosk.make_key())
    outcome = await apply_all(hub.folder, hub.sign_in)
    found = Findings(broken=list(outcome.problems))
    urls, ca = hub.folder.settings().leaf_urls, hub.folder.ca.read_text(encoding="utf-8")
    for kiosk in kiosks:
        kiosk.join(urls, ca)
    await asyncio.gather(*(kiosk.start() for kiosk in kiosks))
    plan = Plan(chosen.events, chosen.day, chosen.limit, chosen.age)
    try:
        done = await prove(
            Fleet(hub, kiosks, _Cables(network, kiosks)), plan, lambda words: console.print(f"  {words}")
        )
    except NotSo as error:
        found.broken.append(str(error))
        return found
    done.broken[:0] = found.broken
    return done


class _Cables:
    """The network's cables, by the kiosks' names."""

    def __init__(self, network: Network, kiosks: list[KioskMachine]) -> None:
        self._network = network
        self._machines = {kiosk.name: f"k{number + 1}" for number, kiosk in enumerate(kiosks)}

    def pull(self, name: str) -> None:
        self._network.pull(self._machines[name])

    def plug(self, name: str) -> None:
        self._network.plug(self._machines[name])


if __name__ == "__main__":
    sys.exit(main())
