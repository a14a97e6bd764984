"""`make day`: a day of hundreds of customers and their accidents in fast motion, and what it left behind.

Exits with 1 when an order's money or receipt is wrong, a customer was let down, or something leaks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks import machine
from day.run import MOST_GROWTH_KB, Findings, live

REPOSITORY = Path(__file__).resolve().parents[2]
_PACKAGES = ("nats-py", "onnxruntime", "numpy", "pocketsphinx")


def main(words: list[str] | None = None) -> int:
    """Live, show, write; 1 when a promise broke."""
    parser = argparse.ArgumentParser(prog="python -m day", description=__doc__)
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1, help="of what customers do and what goes wrong")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "day", help="where figures and data go")
    chosen = parser.parse_args(words)
    if chosen.customers < 1:
        parser.error("--customers is at least 1")
    folder = chosen.out / "kiosk"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    logging.basicConfig(filename=chosen.out / "kiosk.log", filemode="w", level=logging.INFO)
    console = Console(width=None if sys.stdout.isatty() else 110)
    with Progress(
        TextColumn("customers"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as bars:
        task = bars.add_task("day", total=chosen.customers)
        found = asyncio.run(live(chosen.customers, chosen.seed, folder, lambda done: bars.update(task, completed=done)))
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": machine.commit(REPOSITORY),
        "machine": machine.facts(_PACKAGES, folder),
        **found.figures(),
    }
    (chosen.out / "day.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    for shown in (visits(found), money(found), leaks(found)):
        console.print(shown)
    for promise in found.broken:
        console.print(f"[red]broken:[/] {promise}")
    console.print(f"{chosen.out / 'day.json'}", highlight=False)
    return int(bool(found.broken))


def visits(found: Findings) -> Table:
    """How the visits ended, and what went wrong meanwhile."""
    shown = Table("how it ended", "customers", title=f"{found.customers} customers, seed {found.seed}", min_width=60)
    for name, count in found.endings.items():
        shown.add_row(name, str(count))
    if found.unseen:
        shown.add_row("(not seen in time, so touched the screen)", str(found.unseen))
    if found.failed:
        shown.add_row("[red]let down", str(len(found.failed)))
    shown.add_section()
    for name, count in found.accidents.items():
        shown.add_row(f"accident: {name}", str(count))
    return shown


def money(found: Findings) -> Table:
    """The books."""
    books = found.books
    shown = Table("the books", "", min_width=60)
    for name, count in (
        ("orders paid", len(books.paid)),
        ("charges", sum(books.charges.values())),
        ("receipts of paid orders", sum(books.receipts.values())),
        ("receipts the attendant asked for", found.reprints),
        ("cards declined", books.declined),
        ("disagreements", len(books.wrong)),
    ):
        shown.add_row(name, str(count))
    return shown


def leaks(found: Findings) -> Table:
    """What was held when warm, and at the end."""
    shown = Table("held", "opened", "warm", "at the end", "after closing", title=f"{found.took_s:.0f} s", min_width=60)
    first, warm, end = found.samples[0], found.warm[0], found.warm[-1]
    shown.add_row("customers so far", str(first.customers), str(warm.customers), str(end.customers), "")
    for name, what, left in (
        ("resident memory, MB", "rss_mb", ""),
        ("with what is free given back, MB", "trimmed_mb", ""),
        ("of it in use, MB", "used_mb", ""),
        ("Python's blocks", "python_blocks", ""),
        ("file descriptors", "descriptors", f"{found.descriptors_left} left"),
        ("threads", "threads", f"{len(found.threads_left)} left"),
        ("tasks", "tasks", f"{len(found.tasks_left)} left"),
        ("nats-server's memory, MB", "server_rss_mb", ""),
        ("nats-server's descriptors", "server_descriptors", ""),
    ):
        values = [getattr(each, what) for each in (first, warm, end)]
        shown.add_row(name, *(f"{value:.1f}" if isinstance(value, float) else str(value) for value in values), left)
    shown.add_section()
    shown.add_row("stays in use, KB a customer", "", "", f"{found.growth_kb:.1f}", f"at most {MOST_GROWTH_KB:.0f}")
    return shown


if __name__ == "__main__":
    raise SystemExit(main())
