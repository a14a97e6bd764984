"""The command: `python -m benchmarks` measures, `--profile WAY` shows where the time goes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import machine
from benchmarks.bus import suite as bus
from benchmarks.bus.profiling import PROFILERS, SORTS, Work, profile
from benchmarks.bus.ways import NAMES
from benchmarks.loops import LOOPS
from benchmarks.options import Options
from benchmarks.ordering import suite as ordering
from benchmarks.rounds import Effort, WayFailed
from benchmarks.sampling import ProfilerFailed
from edge.bus import BusError

REPOSITORY = Path(__file__).resolve().parent.parent
SUITES: dict[str, Callable[[Options, Console], dict[str, Any]]] = {"bus": bus.run, "ordering": ordering.run}


def arguments() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    usual = Effort()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=SUITES, action="append", help="this suite (repeatable); default: all")
    parser.add_argument("--loop", choices=(*LOOPS, "both"), default="both", help="the kind of event loop")
    parser.add_argument(
        "--processes",
        type=int,
        choices=(1, 2),
        default=1,
        help="2: a further table with the agents in a process of their own",
    )
    parser.add_argument("--ways", default="", help="only these, by commas, and the raw ones they are compared with")
    parser.add_argument("--rounds", type=_count, default=usual.rounds)
    parser.add_argument("--slices", type=_count, default=usual.slices, help="turns of each way in a round")
    parser.add_argument("--calls", type=_count, default=usual.calls, help="counted calls of one caller a round")
    parser.add_argument("--callers", type=_count, default=usual.callers, help="how many at once")
    parser.add_argument(
        "--calls-at-once", type=_count, default=usual.calls_at_once, help="their calls a round, together"
    )
    parser.add_argument("--seed", type=int, default=usual.seed, help="of the order of turns")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "bench", help="where the figures go")
    parser.add_argument("--profile", choices=NAMES, help="profile this way of the bus instead")
    parser.add_argument("--profiler", choices=PROFILERS, default=PROFILERS[0], help="py-spy where it is installed")
    parser.add_argument("--at-once", action="store_true", help="profile --callers at once, not one")
    parser.add_argument("--sort", choices=SORTS, default=SORTS[0], help="of a profile")
    parser.add_argument("--top", type=_count, default=30, help="lines of a profile")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Measure or profile; the exit code says only whether that could be done, not what was found."""
    chosen = arguments().parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else 160)
    chosen.out.mkdir(parents=True, exist_ok=True)
    effort = Effort(
        rounds=chosen.rounds,
        slices=chosen.slices,
        calls=chosen.calls,
        callers=chosen.callers,
        calls_at_once=chosen.calls_at_once,
        seed=chosen.seed,
    )
    loops = tuple(LOOPS) if chosen.loop == "both" else (chosen.loop,)
    ways = tuple(name.strip() for name in chosen.ways.split(",") if name.strip())
    unknown = [name for name in ways if name not in NAMES]
    if unknown:
        print(f"no way is called {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    try:
        if chosen.profile:
            callers = effort.callers if chosen.at_once else 1
            for loop in loops:
                work = Work(chosen.profile, loop, effort.calls * effort.rounds, callers)
                profile(work, chosen.profiler, chosen.out, console, sort=chosen.sort, top=chosen.top)
            return 0
        options = Options(folder=chosen.out, effort=effort, loops=loops, processes=chosen.processes, ways=ways)
        for name in chosen.only or SUITES:
            _write(name, SUITES[name](options, console), chosen.out, console)
    except (WayFailed, ProfilerFailed, BusError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _write(name: str, found: dict[str, Any], folder: Path, console: Console) -> None:
    report = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": machine.commit(REPOSITORY),
        **found,
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    console.print(f"all rounds: {path}")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
