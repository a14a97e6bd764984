"""The suite: a server as shipped, every way on it, on each kind of event loop."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from benchmarks import machine
from benchmarks.bus.answering import answering, answering_elsewhere
from benchmarks.bus.asking import (
    ASKING,
    DURABLE,
    FASTSTREAM,
    LIVE,
    LIVE_CLIENT,
    MEANING,
    PUBLISH,
    PUBLISHING,
    RAW,
    RAW_PUBLISH,
    asking,
    sizes,
)
from benchmarks.loops import run_on
from benchmarks.options import Options
from benchmarks.ratios import CPU, MEASURES, P50, P95, THROUGHPUT, Spread, Target
from benchmarks.rounds import Effort, Round, measure, turns
from edge.bus import EmbeddedServer
from edge.bus.server import find_server

PACKAGES = ("nats-py", "msgspec", "uvloop", "faststream", "pydantic")
TARGETS = (
    Target(LIVE, RAW, P50, 1.2),
    Target(LIVE_CLIENT, RAW, P50, 1.2),
    Target(DURABLE, RAW, P50, 1.4),
    Target(LIVE, FASTSTREAM, THROUGHPUT, 2, at_least=True),
    Target(LIVE_CLIENT, FASTSTREAM, THROUGHPUT, 2, at_least=True),
    Target(DURABLE, FASTSTREAM, THROUGHPUT, 2, at_least=True),
    Target(PUBLISH, RAW_PUBLISH, P50, 1.1),
)
NAMES = (*ASKING, *PUBLISHING)


def base_of(way: str) -> str:
    """The raw way that `way` is a multiple of."""
    return RAW_PUBLISH if way in PUBLISHING else RAW


def run(options: Options, console: Console) -> dict[str, Any]:
    """Measure, show, and return everything that was found, ready for JSON."""
    names = tuple(name for name in NAMES if not options.ways or name in options.ways)
    names = tuple(name for name in NAMES if name in names or name in {base_of(name) for name in names})
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="bus-") as folder:
        report: dict[str, Any] = {
            "suite": "bus",
            "machine": machine.facts(PACKAGES, Path(folder))
            | {"nats-server": machine.server_version(find_server()), "store": "file, sync_interval: always"},
            "effort": asdict(options.effort),
            "meaning": {name: MEANING[name] for name in names},
            "runs": [],
        }
        console.print(_machine_words(report["machine"]))
        kinds = [(loop, processes) for processes in range(1, options.processes + 1) for loop in options.loops]
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        # Drawn between turns, not by a thread of its own during them.
        with Progress(*columns, console=console, auto_refresh=False, transient=True) as progress:
            for loop, processes in kinds:
                task = progress.add_task(f"{loop}, {_where(processes)}", total=turns(len(names), options.effort))

                def tick(task: Any = task) -> None:
                    progress.advance(task)
                    progress.refresh()

                store = Path(folder) / f"{loop}-{processes}"
                rounds, bytes_each = run_on(
                    loop, _measure(store, names, options.effort, loop=loop, processes=processes, tick=tick)
                )
                report["runs"].append(_as_json(loop, processes, rounds, bytes_each, names))
                progress.print(_tables(loop, processes, rounds, names, options.effort))
    report["machine"]["load_1_min_after"] = machine.load()
    return report


async def _measure(
    store: Path, names: Sequence[str], effort: Effort, *, loop: str, processes: int, tick: Callable[[], None]
) -> tuple[list[Round], dict[str, dict[str, int]]]:
    async with EmbeddedServer(store) as server:
        answerers = answering(server.url) if processes == 1 else answering_elsewhere(server.url, loop)
        async with answerers, asking(server.url, tuple(names)) as ways:
            bytes_each = await sizes(server.url, ways)
            return await measure(ways, effort, tick), bytes_each


def _targets(names: Sequence[str]) -> list[Target]:
    return [target for target in TARGETS if target.way in names and target.to in names]


def _as_json(
    loop: str, processes: int, rounds: Sequence[Round], bytes_each: dict[str, dict[str, int]], names: Sequence[str]
) -> dict[str, Any]:
    return {
        "loop": loop,
        "processes": processes,
        "bytes": bytes_each,
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
            for target in _targets(names)
            for found in (target.measure.ratio(rounds, target.way, target.to),)
        ],
    }


# -- for people ---------------------------------------------------------------------------------------------


def _tables(loop: str, processes: int, rounds: Sequence[Round], names: Sequence[str], effort: Effort) -> RenderableType:
    shown = Table(
        title=f"{loop}, {_where(processes)}: median of {len(rounds)} rounds (least to most)", title_justify="left"
    )
    shown.add_column("", no_wrap=True)
    for heading in (
        "p50 us",
        "p95 us",
        "CPU us",
        "p50 / raw",
        "p95 / raw",
        "CPU / raw",
        f"{effort.callers} callers/s",
        "/ raw",
        "/ FastStream",
    ):
        shown.add_column(heading, justify="right", no_wrap=True)
    for name in names:
        raw = base_of(name)
        if name == RAW_PUBLISH and RAW in names:
            shown.add_section()
        of_itself = name == raw
        shown.add_row(
            name,
            *(f"{what.spread(rounds, name).median:,.0f}" for what in (P50, P95, CPU)),
            *("" if of_itself else _words(what.ratio(rounds, name, raw)) for what in (P50, P95, CPU)),
            f"{THROUGHPUT.spread(rounds, name).median:,.0f}",
            "" if of_itself else _words(THROUGHPUT.ratio(rounds, name, raw)),
            _to_faststream(rounds, name, names),
        )
    targets = Table(title="Targets", title_justify="left")
    for heading, justify in (("", "left"), ("target", "left"), ("found", "right")):
        targets.add_column(heading, justify=justify)  # type: ignore[arg-type]  # rich's Literal of three words
    for target in _targets(names):
        found = target.measure.ratio(rounds, target.way, target.to)
        mark = Text("met", style="green") if target.met_by(found) else Text("missed", style="red")
        targets.add_row(mark, target.words, _words(found))
    return Group(shown, targets) if targets.row_count else shown


def _to_faststream(rounds: Sequence[Round], name: str, names: Sequence[str]) -> str:
    if name in PUBLISHING or name == FASTSTREAM or FASTSTREAM not in names:
        return ""
    return _words(THROUGHPUT.ratio(rounds, name, FASTSTREAM))


def _words(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.least:.2f}-{spread.most:.2f})"


def _where(processes: int) -> str:
    return "agents in the same process" if processes == 1 else "agents in a process of their own"


def _machine_words(found: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    return (
        f"{found['cores']} cores ({found['processor']}), load {found['load_1_min']:.1f}; Python {found['python']}, "
        f"nats-server {found['nats-server']}, {versions}; {found['file_system']}, "
        f"4 KB on the disk in {found['fsync_p50_us']:.0f} us"
    )
