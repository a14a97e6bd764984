"""`make crash-matrix`: kill -9 whoever takes part in a paying order, at every step of it, and count the money.

Real processes: nats-server, an agent each, the gateway. At each named crash point of the code the process that comes by
stands still, the victim is killed, and systemd's part is played: the victim is started again. The customer does what
customers do. Then the gateway's ledger, the payment agent's journal, the receipts and what the screens said have to
agree. Further cases have messages come twice, late, or after the next one. Exits with 1 when money is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import fnmatch
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks import machine
from edge.bus.server import ServerFailed, ServerMissing, find_server
from proofs.crashes.plan import Case, cases
from proofs.crashes.programs import REPOSITORY, DidNotStart
from proofs.crashes.report import DOCUMENT, about, last_line, rewritten, to_json
from proofs.crashes.run import Outcome, run

_SHOWN = 20


def arguments() -> argparse.ArgumentParser:
    """What can be said on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m proofs.crashes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="PATTERN",
        help="only cases whose name matches, as in 'payment.*', '* / nats-server', 'card tapped*'; repeatable",
    )
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth of them")
    parser.add_argument("--list", action="store_true", help="name the cases and run none")
    parser.add_argument(
        "--jobs", type=int, default=2 * (os.cpu_count() or 1), help="kiosks side by side [default: two a core]"
    )
    parser.add_argument(
        "--write", action="store_true", help=f"of a whole run, write the tables into {DOCUMENT.relative_to(REPOSITORY)}"
    )
    parser.add_argument(
        "--out", type=Path, default=REPOSITORY / "build" / "crash-matrix", help="where figures and logs go"
    )
    return parser


def chosen_cases(patterns: Sequence[str] | None, every: int) -> list[Case]:
    """The cases that `--only` and `--every` mean."""
    named = [case for case in cases() if not patterns or any(fnmatch.fnmatch(case.name, each) for each in patterns)]
    return named[:: max(1, every)]


def main(words: Sequence[str] | None = None) -> int:
    """Run, show, write; 1 when money is wrong, 2 when it can't be tried here."""
    chosen = arguments().parse_args(words)
    console = Console(width=None if sys.stdout.isatty() else 120)
    picked = chosen_cases(chosen.only, chosen.every)
    if chosen.list or not picked:
        for case in picked:
            console.print(case.name, highlight=False)
        if not picked:
            console.print(f"no case is called {' or '.join(chosen.only)}; --list names all", highlight=False)
        return 0 if picked else 2
    shutil.rmtree(chosen.out, ignore_errors=True)
    chosen.out.mkdir(parents=True)
    logging.basicConfig(filename=chosen.out / "customers.log", level=logging.WARNING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to end, it takes its processes with it
    began_s = time.monotonic()
    try:
        outcomes = _run(picked, chosen.out, chosen.jobs, console)
    except (DidNotStart, ServerMissing, ServerFailed, OSError) as error:
        console.print(f"[red]crash-matrix:[/] {escape(str(error))}; logs are in {chosen.out}", highlight=False)
        return 2
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    facts = about(outcomes, time.monotonic() - began_s, chosen.jobs)
    facts |= {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": machine.commit(REPOSITORY),
        "nats_server": machine.server_version(find_server()),
        "machine": machine.facts(("nats-py", "msgspec"), chosen.out),
    }
    (chosen.out / "crash-matrix.json").write_text(to_json(outcomes, facts), encoding="utf-8")
    if chosen.write and len(outcomes) == len(cases()):
        DOCUMENT.write_text(rewritten(DOCUMENT.read_text(encoding="utf-8"), outcomes, facts), encoding="utf-8")
    wrong = [words for outcome in outcomes for words in outcome.wrong]
    for each in wrong[:_SHOWN]:
        console.print(f"[red]broken:[/] {escape(each)}", highlight=False, soft_wrap=True)
    if len(wrong) > _SHOWN:
        console.print(f"and {len(wrong) - _SHOWN} more")
    console.print(f"each case, and every program's log: {chosen.out}", highlight=False, soft_wrap=True)
    console.print(last_line(outcomes), highlight=False, soft_wrap=True)
    return 1 if wrong else 0


def _run(picked: Sequence[Case], out: Path, jobs: int, console: Console) -> list[Outcome]:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as bars:
        task = bars.add_task("cases", total=len(picked))
        broken = 0

        def tell(outcome: Outcome) -> None:
            nonlocal broken
            broken += not outcome.good
            words = f"cases [red]({broken} broken)[/]" if broken else "cases"
            bars.update(task, advance=1, description=words)

        return asyncio.run(run(picked, out, jobs=jobs, tell=tell))


if __name__ == "__main__":
    sys.exit(main())
