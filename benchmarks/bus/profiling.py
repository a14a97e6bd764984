"""Where the time of one way goes: asker and answerer in one process, under cProfile.

Calls into C cost nothing under cProfile and calls of Python functions cost more than they do without it: it shows what
is called and how often; what a change brought, only the suite shows.
"""

from __future__ import annotations

import cProfile
import pstats
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.bus.answering import answering
from benchmarks.bus.asking import asking
from benchmarks.loops import run_on
from benchmarks.rounds import Effort, Way, check
from edge.bus import EmbeddedServer

_SHOWN_PARTS = 3  # of a path: enough to find the file


def profile(way: str, loop: str, effort: Effort, folder: Path, console: Console, *, sort: str, top: int) -> None:
    """Print the `top` functions of `way` with one caller, a call each, and leave the profile in `folder`."""
    calls = effort.calls * effort.rounds
    with tempfile.TemporaryDirectory(dir=folder, prefix="bus-") as store:
        found, wall_s = run_on(loop, _profile(way, calls, Path(store)))
    path = folder / f"{way}-{loop}.prof"
    found.dump_stats(path)
    stats = pstats.Stats(found)
    table = Table(
        title=f"{way} on {loop}: {calls} calls, {wall_s / calls * 1e6:.0f} us each under the profiler",
        title_justify="left",
    )
    for heading in ("own us", "with callees us", "times"):
        table.add_column(heading, justify="right")
    table.add_column("function", no_wrap=True)
    rows = [(own_s, cumulative_s, times, where) for where, (_, times, own_s, cumulative_s, _) in stats.stats.items()]  # type: ignore[attr-defined]  # typeshed leaves Stats.stats out
    rows.sort(key=lambda row: row[1] if sort == "cumtime" else row[0], reverse=True)
    for own_s, cumulative_s, times, (file, line, function) in rows[:top]:
        place = "" if file == "~" else f"{'/'.join(Path(file).parts[-_SHOWN_PARTS:])}:{line} "
        table.add_row(
            f"{own_s / calls * 1e6:.2f}",
            f"{cumulative_s / calls * 1e6:.2f}",
            f"{times / calls:.2f}",
            f"{place}{function}",
        )
    console.print(table, markup=False)
    console.print(f"the whole profile: {path} (python -m pstats, snakeviz)")


async def _profile(name: str, calls: int, store: Path) -> tuple[cProfile.Profile, float]:
    async with EmbeddedServer(store) as server, answering(server.url), asking(server.url, (name,)) as (way,):
        await check([way])
        await _calls(way, calls // 10)
        found = cProfile.Profile()
        began_s = time.perf_counter()
        found.enable()
        try:
            await _calls(way, calls)
        finally:
            found.disable()
        return found, time.perf_counter() - began_s


async def _calls(way: Way, calls: int) -> None:
    for _ in range(calls):
        await way.call()
    await way.settle()
