"""The suite: a server as shipped, every way on it, on each kind of event loop."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import machine
from benchmarks.bus import tables
from benchmarks.bus.answering import answering, answering_elsewhere
from benchmarks.bus.asking import asking, sizes
from benchmarks.bus.ways import MEANING, base_of, targets, with_bases
from benchmarks.loops import run_on
from benchmarks.options import Options
from benchmarks.ratios import MEASURES
from benchmarks.rounds import Effort, Round, measure, turns
from edge.bus import EmbeddedServer
from edge.bus.server import find_server

PACKAGES = ("nats-py", "msgspec", "uvloop", "faststream", "pydantic")


def run(options: Options, console: Console) -> dict[str, Any]:
    """Measure, show, and return everything that was found, ready for JSON."""
    names = with_bases(options.ways)
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="bus-") as folder:
        report: dict[str, Any] = {
            "suite": "bus",
            "machine": machine.facts(PACKAGES, Path(folder))
            | {"nats-server": machine.server_version(find_server()), "store": "file, sync_interval: always"},
            "effort": asdict(options.effort),
            "meaning": {name: MEANING[name] for name in names},
            "runs": [],
        }
        console.print(tables.on_what(report["machine"]))
        kinds = [(loop, processes) for processes in range(1, options.processes + 1) for loop in options.loops]
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        # Drawn between turns, not by a thread of its own during them.
        with Progress(*columns, console=console, auto_refresh=False, transient=True) as progress:
            for loop, processes in kinds:
                task = progress.add_task(f"{loop}, {tables.where(processes)}", total=turns(len(names), options.effort))

                def tick(task: Any = task) -> None:
                    progress.advance(task)
                    progress.refresh()

                store = Path(folder) / f"{loop}-{processes}"
                rounds, seen = run_on(
                    loop, _measure(store, names, options.effort, loop=loop, processes=processes, tick=tick)
                )
                report["runs"].append(_as_json(loop, processes, rounds, seen, names))
                for table in tables.of_run(f"{loop}, {tables.where(processes)}", rounds, names, options.effort.callers):
                    progress.print(table)
    report["machine"]["load_1_min_after"] = machine.load()
    return report


async def _measure(
    store: Path, names: Sequence[str], effort: Effort, *, loop: str, processes: int, tick: Callable[[], None]
) -> tuple[list[Round], dict[str, Any]]:
    async with EmbeddedServer(store) as server:
        answerers = answering(server.url) if processes == 1 else answering_elsewhere(server.url, loop)
        async with answerers as answerer, asking(server.url, tuple(names)) as ways:
            bytes_each = await sizes(server.url, ways)
            return await measure(ways, effort, tick), {"bytes": bytes_each, "process_ids": [os.getpid(), answerer]}


def _as_json(
    loop: str, processes: int, rounds: Sequence[Round], seen: dict[str, Any], names: Sequence[str]
) -> dict[str, Any]:
    return {
        "loop": loop,
        "processes": processes,
        **seen,
        "rounds": [asdict(one) for one in rounds],
        "ratios_to_raw": {
            name: {measure: asdict(what.ratio(rounds, name, base_of(name))) for measure, what in MEASURES.items()}
            for name in names
        },
        "targets": [
            {
                "way": target.way,
                "to": target.to,
                "measure": target.measure.words,
                "limit": target.limit,
                "at_least": target.at_least,
                "found": asdict(found),
                "met": target.met_by(found),
            }
            for target in targets(names)
            for found in (target.measure.ratio(rounds, target.way, target.to),)
        ],
    }
