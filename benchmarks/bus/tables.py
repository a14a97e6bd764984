"""The figures for people: a table with one caller, one with many, one of the targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from benchmarks.bus.ways import FASTSTREAM, PUBLISHING, RAW, RAW_PUBLISH, base_of, targets
from benchmarks.ratios import CPU, CPU_AT_ONCE, P50, P50_AT_ONCE, P95, THROUGHPUT, Measure, Spread
from benchmarks.rounds import Round


def of_run(title: str, rounds: Sequence[Round], names: Sequence[str], callers: int) -> list[Table]:
    """The tables of one run; `title` says on what it ran."""
    spread = f"median of {len(rounds)} rounds, ratios with least and most"
    tables = [_alone(f"{title}; one caller: {spread}", rounds, names)]
    tables.append(_at_once(f"{title}; {callers} callers: {spread}", rounds, names))
    if targets(names):
        tables.append(_targets(f"{title}: targets", rounds, names))
    return tables


def _alone(title: str, rounds: Sequence[Round], names: Sequence[str]) -> Table:
    shown = _table(title, "p50 us", "p95 us", "CPU us", "p50 / raw", "p95 / raw", "CPU / raw")
    for name in names:
        _divide(shown, name, names)
        shown.add_row(
            name,
            *(f"{what.spread(rounds, name).median:,.0f}" for what in (P50, P95, CPU)),
            *(_ratio(what, rounds, name, base_of(name)) for what in (P50, P95, CPU)),
        )
    return shown


def _at_once(title: str, rounds: Sequence[Round], names: Sequence[str]) -> Table:
    shown = _table(title, "a second", "p50 us", "CPU us", "/ raw", "CPU / raw", "/ FastStream", "CPU / FastStream")
    for name in names:
        _divide(shown, name, names)
        beside = FASTSTREAM if FASTSTREAM in names and name not in PUBLISHING else name
        shown.add_row(
            name,
            *(f"{what.spread(rounds, name).median:,.0f}" for what in (THROUGHPUT, P50_AT_ONCE, CPU_AT_ONCE)),
            *(_ratio(what, rounds, name, base_of(name)) for what in (THROUGHPUT, CPU_AT_ONCE)),
            *(_ratio(what, rounds, name, beside) for what in (THROUGHPUT, CPU_AT_ONCE)),
        )
    return shown


def _targets(title: str, rounds: Sequence[Round], names: Sequence[str]) -> Table:
    shown = Table(title=title, title_justify="left")
    shown.add_column("")
    shown.add_column("target")
    shown.add_column("found", justify="right")
    for target in targets(names):
        found = target.measure.ratio(rounds, target.way, target.to)
        mark = Text("met", style="green") if target.met_by(found) else Text("missed", style="red")
        shown.add_row(mark, target.words, _words(found))
    return shown


def _table(title: str, *headings: str) -> Table:
    shown = Table(title=title, title_justify="left")
    shown.add_column("", no_wrap=True)
    for heading in headings:
        shown.add_column(heading, justify="right")
    return shown


def _divide(shown: Table, name: str, names: Sequence[str]) -> None:
    if name == RAW_PUBLISH and RAW in names:
        shown.add_section()


def _ratio(what: Measure, rounds: Sequence[Round], way: str, to: str) -> str:
    return "" if way == to else _words(what.ratio(rounds, way, to))


def _words(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.least:.2f}-{spread.most:.2f})"


def where(processes: int) -> str:
    """Where the agents are."""
    return "agents in the same process" if processes == 1 else "agents in a process of their own"


def on_what(found: dict[str, Any]) -> str:
    """The machine in a sentence."""
    versions = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    return (
        f"{found['cores']} cores ({found['processor']}), load {found['load_1_min']:.1f}; Python {found['python']}, "
        f"nats-server {found['nats-server']}, {versions}; {found['file_system']}, "
        f"4 KB on the disk in {found['fsync_p50_us']:.0f} us"
    )
