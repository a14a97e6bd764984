"""`python -m proofs.fleet.many`: some hundreds of kiosks on one hub of three nodes, to measure what one costs.

The kiosks are accounts of a few nat-servers instead of a server each: every one has its own key, link, JetStream and
KIOSK_EVENTS, as a real one has, and the hub can't tell the difference. On loopback, with TLS.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import nats
from rich.console import Console

from benchmarks import machine
from edge.bus.connection import BusUnreachable
from edge.bus.hub import Hub
from edge.bus.keys import new_seed, public_of
from edge.bus.leaf import LeafLink
from edge.bus.server import find_server
from edge.contract.fleet import FLEET_EVENTS, InFleet, exports, imports
from edge.fleet.applying import apply_all
from edge.fleet.register import changing
from proofs.fleet.machines import HubMachines, Process, free_port, settings_on

REPOSITORY = Path(__file__).resolve().parent.parent.parent
_PER_SERVER: Final = 100
_WAIT_S: Final = 150.0


def main(words: list[str] | None = None) -> int:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m proofs.fleet.many", description=__doc__)
    parser.add_argument("--kiosks", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--events", type=int, default=20, help="that each says")
    parser.add_argument("--group", type=int, default=0, help="kiosks a stream; 0: all in one")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "fleet")
    chosen = parser.parse_args(words)
    chosen.out.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False)
    rows = []
    for count in chosen.kiosks:
        folder = Path(tempfile.mkdtemp(prefix="kiosk-many-"))
        try:
            rows.append(asyncio.run(_measure(folder, count, chosen.events, chosen.group)))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        console.print_json(json.dumps(rows[-1]))
    report = {
        "nats_server": machine.server_version(find_server()),
        "machine": machine.facts(("nats-py",), chosen.out),
        "rows": rows,
    }
    (chosen.out / "many.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


async def _measure(folder: Path, count: int, events: int, group: int) -> dict[str, Any]:
    hub = HubMachines.found(folder / "hub", settings_on(dict.fromkeys("abc", "127.0.0.1"), loopback=True))
    kiosks = {f"kiosk-{number:05}": new_seed() for number in range(count)}
    servers: list[tuple[Process, int, list[str]]] = []
    found: dict[str, Any] = {"kiosks": count, "kiosks_a_stream": group or count}
    try:
        await hub.start()
        await asyncio.sleep(1)
        found["hub_mb_empty"] = _memory_mb(hub)
        with changing(hub.folder.path) as register:
            for number, (name, seed) in enumerate(kiosks.items()):
                register.add(name, public_of(seed), f"g{number // group}" if group else "")
        began_s = time.monotonic()
        outcome = await apply_all(hub.folder, hub.sign_in)
        found["apply_s"] = round(time.monotonic() - began_s, 1)
        found["problems"] = outcome.problems
        users = (hub.folder.node("a") / "users.conf").stat().st_size
        found["users_conf_kb"] = round(users / 1000)
        async with hub.sign_in(hub.folder.path, "keeper") as there:
            servers = await _start(folder, hub, kiosks)
            began_s = time.monotonic()
            await asyncio.gather(*(_say(port, names, events) for _, port, names in servers))
            found["arrived_s"] = await _all_arrived(there, count * events, began_s)
            found["hub_mb"] = _memory_mb(hub)
            found["hub_kb_a_kiosk"] = round((found["hub_mb"] - found["hub_mb_empty"]) * 1000 / count / 3, 1)
            began_s = time.monotonic()
            for stream in await there.streams(FLEET_EVENTS):
                info = await there.api(f"STREAM.INFO.{stream}", timeout_s=30)
            found["stream_info_ms"] = round((time.monotonic() - began_s) * 1000)
            found["one_more_s"] = await _one_more(hub)
            leader = hub.nodes[str(info["cluster"]["leader"])]
            began_s = time.monotonic()
            await leader.end(signal.SIGKILL)
            await asyncio.gather(*(_say(port, names, events) for _, port, names in servers))
            found["all_arrived_after_a_kill_s"] = await _all_arrived(there, 2 * count * events, began_s)
            leader.start()
    finally:
        await asyncio.gather(*(process.end(signal.SIGKILL) for process, _, _ in servers))
        await hub.stop()
    return found


async def _start(folder: Path, hub: HubMachines, kiosks: dict[str, str]) -> list[tuple[Process, int, list[str]]]:
    """Servers that are a hundred kiosks each."""
    names = list(kiosks)
    urls = tuple(hub.folder.settings().leaf_urls)
    started = []
    for begin in range(0, len(names), _PER_SERVER):
        chosen, port, at = names[begin : begin + _PER_SERVER], free_port(), folder / f"kiosks-{begin}"
        at.mkdir()
        accounts: dict[str, Any] = {}
        remotes = []
        for name in chosen:
            member = InFleet(name)
            link = f"FLEET_{name}"
            accounts[name] = {
                "jetstream": "enabled",
                "users": [{"user": name, "password": "x"}],
                "exports": [{kind: each[kind] for kind in each if kind != "accounts"} for each in exports(member)],
            }
            accounts[link] = {"imports": imports(member, name)}
            line = next(each for each in LeafLink(member, urls, kiosks[name], hub.folder.ca).lines() if "nkey:" in each)
            remotes.append(line.replace("account: FLEET", f'account: "{link}"'))
        conf = at / "nats-server.conf"
        conf.write_text(
            "\n".join(
                [
                    f"listen: 127.0.0.1:{port}",
                    f"server_name: kiosks-{begin}",
                    f'jetstream: {{ store_dir: "{at}/store", domain: kiosks-{begin}, max_file_store: 2GB }}',
                    f"accounts: {json.dumps(accounts)}",
                    "leafnodes: { remotes: [",
                    *remotes,
                    "] }",
                ]
            ),
            encoding="utf-8",
        )
        process = Process(conf)
        process.start()
        started.append((process, port, chosen))
    return started


async def _say(port: int, names: list[str], events: int) -> None:
    """Each of these kiosks says its events."""

    async def quiet(_: Exception) -> None: ...

    for name in names:
        client = await nats.connect(
            f"nats://{name}:x@127.0.0.1:{port}",
            error_cb=quiet,
            max_reconnect_attempts=100,
            reconnect_time_wait=0.2,
        )
        wanted = {"name": "KIOSK_EVENTS", "subjects": ["kiosk.ui.>"], "storage": "file", "retention": "limits"}
        await client.request("$JS.API.STREAM.CREATE.KIOSK_EVENTS", json.dumps(wanted).encode(), timeout=20)
        for _ in range(events):
            await client.request("kiosk.ui.update", b'{"payload":{"event":"ui_update"}}' + b" " * 400, timeout=20)
        await client.close()


async def _all_arrived(hub: Hub, wanted: int, began_s: float) -> float:
    async with asyncio.timeout(_WAIT_S):
        while True:
            with contextlib.suppress(BusUnreachable):  # another node is on its way to lead
                kept = 0
                for stream in await hub.streams(FLEET_EVENTS):
                    kept += int((await hub.api(f"STREAM.INFO.{stream}", timeout_s=5))["state"]["messages"])
                if kept >= wanted:
                    return round(time.monotonic() - began_s, 1)
            await asyncio.sleep(0.5)


async def _one_more(hub: HubMachines) -> float:
    """How long it takes to let one more kiosk in."""
    with changing(hub.folder.path) as register:
        register.add("one-more", public_of(new_seed()))
    began_s = time.monotonic()
    await apply_all(hub.folder, hub.sign_in)
    return round(time.monotonic() - began_s, 1)


def _memory_mb(hub: HubMachines) -> float:
    """The resident memory of the hub's nodes together."""
    total_kb = 0
    for node in hub.nodes.values():
        status = Path(f"/proc/{node.pid}/status").read_text(encoding="utf-8")
        total_kb += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return round(total_kb / 1000, 1)


if __name__ == "__main__":
    sys.exit(main())
