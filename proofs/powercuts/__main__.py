"""`make power-cuts`: record a busy kiosk's writes in QEMU, cut its power at 1,000 moments, and look at what is left.

Each cut's disk is checked (partition table, file systems, the bus's store, the books of payments), and some are booted
whole and have to serve. What is found is kept in the folder of figures: stopped and started again, a run goes on.
Exits with 1 when a promise broke; with --without-sync when none did.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import machine
from edge.bus.server import find_server
from proofs.powercuts.boots import boot_all
from proofs.powercuts.cuts import Bench, choose, examine
from proofs.powercuts.filesystems import missing_tools
from proofs.powercuts.findings import BootFound, CutFound, Kept, Sum
from proofs.powercuts.guest import GuestFailed, missing_programs, qemu_version
from proofs.powercuts.log import LogDamaged
from proofs.powercuts.partitions import NoPartitions
from proofs.powercuts.recording import Recording, RecordingUnusable, Wish, kept, record

REPOSITORY = Path(__file__).resolve().parent.parent.parent
IMAGE = REPOSITORY / "build" / "image" / "kiosk-amd64.img"
_SHOWN = 10


def arguments() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(prog="python -m proofs.powercuts", description=__doc__)
    parser.add_argument("--image", type=Path, default=IMAGE, help="the amd64 image; make image ARCH=amd64 makes it")
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument(
        "--boots", type=int, help="how many of the cuts are booted whole; default 30, or 0 without sync"
    )
    parser.add_argument("--customers", type=int, default=40, help="served while the writes are recorded")
    parser.add_argument("--seed", type=int, default=1, help="of customers, moments, and of what each cut takes")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="cuts looked at at the same time")
    parser.add_argument("--within", type=float, default=600.0, metavar="S", help="how long a boot may take to serve")
    parser.add_argument("--accelerator", default="tcg,thread=multi", help="of QEMU; kvm where it can be used")
    parser.add_argument("--fresh", action="store_true", help="record anew, even if the last recording would do")
    parser.add_argument(
        "--without-sync", action="store_true", help="the contrary: nats-server as it comes, which has to lose events"
    )
    parser.add_argument("--server", type=Path, help="the nats-server to read stores with; default: `kiosk virtual`'s")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "power-cuts", help="where all of it goes")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Record, cut, boot, show, write; 1 when a promise broke, 2 when it can't be tried here."""
    chosen = arguments().parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else 120)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to end, it takes QEMU with it
    try:
        return _prove(chosen, console)
    except (GuestFailed, RecordingUnusable, LogDamaged, NoPartitions, OSError) as error:
        console.print(f"[red]power-cuts:[/] {escape(str(error))}", highlight=False)
        return 2
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from here")
        return 130


def _prove(chosen: argparse.Namespace, console: Console) -> int:
    lacking = [*missing_tools(), *missing_programs()]
    if lacking:
        raise GuestFailed(f"Debian packages are missing: apt-get install {' '.join(sorted(set(lacking)))}")
    if not chosen.image.is_file():
        raise RecordingUnusable(f"there is no image at {chosen.image}: make image ARCH=amd64 makes one")
    qemu = qemu_version()
    wish = Wish(
        image=chosen.image,
        customers=chosen.customers,
        seed=chosen.seed,
        without_sync=chosen.without_sync,
        within_s=chosen.within,
        qemu=qemu,
        accelerator=chosen.accelerator,
    )
    folder = chosen.out / ("without-sync" if chosen.without_sync else "as-shipped")
    boots = chosen.boots if chosen.boots is not None else 0 if chosen.without_sync else 30
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    ) as bars:
        recording = _recorded(folder, wish, bars, fresh=chosen.fresh)
        total = _cut(recording, chosen, boots, wish, bars)
    figures = total.figures()
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": machine.commit(REPOSITORY),
        "machine": machine.facts((), folder),
        "nats_server_reading": machine.server_version(chosen.server or find_server()),
        "recording": _facts(recording),
        "seed": chosen.seed,
        "figures": figures,
    }
    (folder / "power-cuts.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.print(table(total, recording))
    for words in total.wrong[:_SHOWN]:
        console.print(f"[red]broken:[/] {escape(words)}", highlight=False)
    console.print(f"figures in {folder / 'power-cuts.json'}")
    console.print(total.last_line(), highlight=False, soft_wrap=True)
    if chosen.without_sync:
        return 0 if figures["events_lost"] else 1
    return 1 if total.wrong else 0


def _recorded(folder: Path, wish: Wish, bars: Progress, *, fresh: bool) -> Recording:
    recording = None if fresh else kept(folder, wish)
    if recording is not None:
        return recording
    task = bars.add_task("recording", total=wish.customers)

    def tell(what: str, done: int, of: int) -> None:
        bars.update(task, description=f"recording: {what}", completed=done, total=of)

    return asyncio.run(record(folder, wish, tell))


def _cut(recording: Recording, chosen: argparse.Namespace, boots: int, wish: Wish, bars: Progress) -> Sum:
    bench = Bench(recording)
    positions = choose(bench.log, recording.served_from_bytes, chosen.cuts, chosen.seed)
    to_boot = positions[:: max(1, len(positions) // boots)][:boots] if boots else []
    kept_cuts = Kept(recording.folder / f"cuts-{chosen.seed}.jsonl", CutFound)
    kept_boots = Kept(recording.folder / f"boots-{chosen.seed}.jsonl", BootFound)
    cuts = {cut.position: cut for cut in kept_cuts.read() if cut.position in set(positions)}
    booted = {boot.position: boot for boot in kept_boots.read() if boot.position in set(to_boot)}
    cutting = bars.add_task("power cuts", total=len(positions), completed=len(cuts))
    booting = bars.add_task("boots", total=len(to_boot), completed=len(booted))

    def tell_cut(found: CutFound) -> None:
        cuts[found.position] = found
        kept_cuts.add(found)
        _advance(bars, cutting, "power cuts", sum(bool(each.found.wrong) for each in cuts.values()))

    def tell_boot(found: BootFound) -> None:
        booted[found.position] = found
        kept_boots.add(found)
        _advance(bars, booting, "boots", sum(bool(each.not_served or each.found.wrong) for each in booted.values()))

    left = [position for position in positions if position not in cuts]
    examine(recording, left, seed=chosen.seed, jobs=chosen.jobs, server=chosen.server, tell=tell_cut)
    left = [position for position in to_boot if position not in booted]
    if left:
        boot_all(recording, left, wish=wish, seed=chosen.seed, server=chosen.server, tell=tell_boot)
    return Sum([cuts[position] for position in positions], [booted[position] for position in to_boot])


def _advance(bars: Progress, task: TaskID, what: str, wrong: int) -> None:
    bars.update(task, advance=1, description=f"{what} [red]({wrong} broken)[/]" if wrong else what)


def _facts(recording: Recording) -> dict[str, object]:
    about = recording.about
    return {
        "image": about.image,
        "customers": about.customers,
        "without_sync": about.without_sync,
        "to_serving_s": round(about.to_serving_s, 1),
        "took_s": round(about.took_s, 1),
        "qemu": about.qemu,
        "log_bytes": recording.log.stat().st_size,
    }


def table(total: Sum, recording: Recording) -> Table:
    """The figures for a person."""
    figures, about = total.figures(), recording.about
    shown = Table("", "count", title=f"power cuts of {about.image}, {about.customers} customers, QEMU {about.qemu}")
    for text, key in (
        ("acknowledged events lost", "events_lost"),
        ("acknowledged orders lost", "orders_lost"),
        ("orders charged twice", "orders_charged_twice"),
        ("disagreements of journal and bank", "books_wrong"),
        ("partition tables, file systems, stores that did not come back", "not_back"),
        ("slots that were written to", "slots_written"),
        ("boots that did not serve a customer", "boots_not_serving"),
    ):
        shown.add_row(text, str(figures[key]), style="red" if figures[key] else "green")
    shown.add_section()
    for text, key in (
        ("power cuts", "cuts"),
        ("writes that no flush had covered", "writes_at_risk"),
        ("  of them torn", "writes_torn"),
        ("  of them lost", "writes_lost"),
        ("events looked for", "events_due"),
        ("paid orders looked for", "orders_due"),
        ("orders in doubt, to be asked of the bank", "orders_in_doubt"),
        ("file systems that needed more than their journal", "repaired"),
        ("boots", "boots"),
    ):
        shown.add_row(text, str(figures[key]))
    if total.boots:
        times = figures["to_serving_s"]
        shown.add_row("boot to serving, p50 / max", f"{times[len(times) // 2]} / {times[-1]} s")
    return shown


if __name__ == "__main__":
    sys.exit(main())
