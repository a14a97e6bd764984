"""`make kills`: SIGKILL the server again and again during commands and events, and count what that cost.

Exits with 1 when an acknowledged event was lost, a command was done twice, or an asker got no clear end.
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
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import machine
from edge.bus.server import find_server
from proofs.findings import Findings
from proofs.run import WAYS, Plan, prove

REPOSITORY = Path(__file__).resolve().parent.parent
_PACKAGES = ("nats-py", "msgspec")


def arguments() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(prog="python -m proofs.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--commands", type=int, default=10_000, help="asked durably, live, and by a plain client")
    parser.add_argument("--events", type=int, default=10_000, help="from the four agents together, at most 90,000")
    parser.add_argument("--seed", type=int, default=1, help="of the commands' order and the kills' moments")
    parser.add_argument("--server", type=Path, help="the nats-server to kill; default: the one `kiosk virtual` runs")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "kills", help="where figures and store go")
    return parser


def main(words: list[str] | None = None) -> int:
    """Run, show, write; 1 when a promise broke."""
    chosen = arguments().parse_args(words)
    if chosen.events > 90_000:  # the stream itself lets the oldest go beyond 100,000
        sys.stderr.write("at most 90,000 events: KIOSK_EVENTS keeps 100,000\n")
        return 2
    folder = chosen.out / "nats"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    logging.basicConfig(filename=chosen.out / "asker.log", level=logging.WARNING)
    (chosen.out / "nats.agents.log").unlink(missing_ok=True)
    program = chosen.server or find_server()
    plan = Plan(chosen.kills, chosen.commands, chosen.events, chosen.seed, folder, program)
    console = Console(width=None if sys.stdout.isatty() else 110)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    ) as bars:
        commands, events, kills = (
            bars.add_task(what, total=total)
            for what, total in (("commands", plan.commands), ("events", plan.events), ("kills", plan.kills))
        )

        def show(ended: int, said: int, killed: int) -> None:
            for task, done in ((commands, ended), (events, said), (kills, killed)):
                bars.update(task, completed=done)

        found = asyncio.run(prove(plan, show))
    server = machine.server_version(program)
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": machine.commit(REPOSITORY),
        "plan": {"kills": plan.kills, "commands": plan.commands, "events": plan.events, "seed": plan.seed},
        "nats_server": server,
        "machine": machine.facts(_PACKAGES, chosen.out),
        "figures": found.figures(),
    }
    (chosen.out / "kills.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.print(table(found, f"{plan.kills} SIGKILLs of nats-server {server}"))
    shutil.rmtree(folder, ignore_errors=True)
    for promise in found.broken:
        console.print(f"[red]broken:[/] {promise}")
    if not found.broken:
        console.print(f"all promises held; figures in {chosen.out / 'kills.json'}")
    return 1 if found.broken else 0


def table(found: Findings, title: str) -> Table:
    """The figures for a person."""
    figures = found.figures()
    shown = Table("", "count", title=title)
    for text, key in (
        ("acknowledged events lost", "events_lost"),
        ("events stored twice", "events_stored_twice"),
        ("commands done twice", "commands_done_twice"),
        ("askers without an answer or a clear TIMEOUT/UNAVAILABLE", "asks_without_a_clear_end"),
        ("askers with another's answer", "asks_with_anothers_answer"),
    ):
        shown.add_row(text, str(figures[key]), style="red" if figures[key] else "green")
    shown.add_section()
    for way in WAYS:
        ends = {outcome: count for (asked, outcome), count in sorted(found.outcomes.items()) if asked == way}
        words = ", ".join(f"{count} {outcome}" for outcome, count in ends.items())
        shown.add_row(f"asked {way}", f"{sum(ends.values())}: {words}")
    shown.add_row("commands carried out", str(figures["commands_done"]))
    shown.add_row("events acknowledged", str(figures["events_acknowledged"]))
    shown.add_row("events refused by PublishFailed", str(figures["events_not_acknowledged"]))
    shown.add_row("events stored", str(figures["events_stored"]))
    dead = ", ".join(f"{count} {reason}" for reason, count in figures["dead_letters"].items())
    shown.add_row("dead letters", dead or "0")
    shown.add_row("back after a kill, p50 / max", f"{figures['back_p50_s']} / {figures['back_max_s']} s")
    shown.add_row("took", f"{figures['took_s']} s")
    return shown


if __name__ == "__main__":
    sys.exit(main())
