"""Where the time of one way goes, asker and answerer in one process.

Two profilers. cProfile counts calls, but makes those of Python functions dearer than they are. py-spy samples from
outside, when it is installed: its times are true, and it can't count. What a change brought, only the suite shows.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.bus.answering import answering
from benchmarks.bus.asking import asking
from benchmarks.loops import run_on
from benchmarks.rounds import Way, check
from benchmarks.sampling import Row, sampled, sampling, short
from edge.bus import EmbeddedServer

PROFILERS = ("cprofile", "py-spy")
SORTS = ("own", "with-callees")


@dataclass(frozen=True)
class Work:
    """What to profile: `calls` of `way` by so many `callers`."""

    way: str
    loop: str
    calls: int
    callers: int = 1


def profile(work: Work, profiler: str, folder: Path, console: Console, *, sort: str, top: int) -> None:
    """Print the `top` functions of `work`, in us a call of the way, and leave the whole profile in `folder`.

    Raises:
        ProfilerFailed: py-spy isn't installed, or isn't allowed to.
        WayFailed: the way does not do what it should.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix="bus-") as store:
        rows, wall_s, path = run_on(work.loop, _profile(work, profiler, Path(store), folder))
    table = Table(
        title=f"{work.way} on {work.loop}, {work.callers} at once, {profiler}: {work.calls} calls, "
        f"{wall_s / work.calls * 1e6:.0f} us each under the profiler",
        title_justify="left",
    )
    for heading in ("own us", "with callees us", "times"):
        table.add_column(heading, justify="right")
    table.add_column("function", no_wrap=True)
    rows.sort(key=lambda row: row.own_s if sort == "own" else row.with_callees_s, reverse=True)
    for row in rows[:top]:
        table.add_row(
            f"{row.own_s / work.calls * 1e6:.2f}",
            f"{row.with_callees_s / work.calls * 1e6:.2f}",
            "" if row.times is None else f"{row.times / work.calls:.2f}",
            row.function,
        )
    console.print(table, markup=False)
    console.print(f"the whole profile: {path}")


async def _profile(work: Work, profiler: str, store: Path, folder: Path) -> tuple[list[Row], float, Path]:
    async with (
        EmbeddedServer(store) as server,
        answering(server.url),
        asking(server.url, (work.way,)) as (way,),
    ):
        await check([way])
        await _calls(way, max(1, work.calls // 10), work.callers)
        if profiler == "cprofile":
            return await _count(way, work, folder / f"{work.way}-{work.loop}.prof")
        return await _sample(way, work, folder / f"{work.way}-{work.loop}.stacks")


async def _calls(way: Way, calls: int, callers: int) -> float:
    """Make the calls, and return how long they took until the last answer, in s."""
    left = calls

    async def make_calls() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await way.call()

    began_s = time.perf_counter()
    await asyncio.gather(*(make_calls() for _ in range(callers)))
    return time.perf_counter() - began_s


# -- cProfile -----------------------------------------------------------------------------------------------


async def _count(way: Way, work: Work, path: Path) -> tuple[list[Row], float, Path]:
    found = cProfile.Profile()
    found.enable()
    try:
        wall_s = await _calls(way, work.calls, work.callers)
    finally:
        found.disable()
    found.dump_stats(path)
    stats = pstats.Stats(found)
    rows = [
        Row(own_s, with_callees_s, times, _where(*where))
        for where, (_, times, own_s, with_callees_s, _) in stats.stats.items()  # type: ignore[attr-defined]  # typeshed leaves Stats.stats out
    ]
    return rows, wall_s, path


def _where(file: str, line: int, function: str) -> str:
    return function if file == "~" else f"{short(file)}:{line} {function}"


# -- py-spy -------------------------------------------------------------------------------------------------


async def _sample(way: Way, work: Work, path: Path) -> tuple[list[Row], float, Path]:
    async with sampling(path):
        wall_s = await _calls(way, work.calls, work.callers)
    return await asyncio.to_thread(sampled, path), wall_s, path
