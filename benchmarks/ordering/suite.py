"""The suite: latency through the bus, search quality, hit rates; each beside what it is held to."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.loops import run_on
from benchmarks.options import Options
from benchmarks.ordering import diner
from benchmarks.ordering.history import HitRates, hit_rates
from benchmarks.ordering.latency import TARGET_P95_MS, measure
from edge.agents.menu.catalogue import Menu
from edge.agents.menu.search import Finder
from edge.agents.menu.shelf import Shelf

LEAST_RECALL, LEAST_RATIO = 0.95, 1.5
_SEEDS = (1, 2, 3)


def run(options: Options, console: Console) -> dict[str, Any]:
    """Measure, show, and return everything that was found, ready for JSON."""
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="ordering-") as folder:
        facts = machine.facts(("nats-py", "msgspec", "uvloop"), Path(folder))
        latencies = []
        for loop in options.loops:
            place = Path(folder) / loop
            place.mkdir()
            latencies += [(loop, each) for each in run_on(loop, measure(place))]
    table = Table("2,000 dishes", "loop", "p50 ms", "p95 ms", "max ms", "CPU ms", f"p95 <= {TARGET_P95_MS:g}")
    for loop, each in latencies:
        numbers = (each.p50_ms, each.p95_ms, each.max_ms, each.cpu_ms)
        table.add_row(each.what, loop, *map(str, numbers), _met(each.p95_ms <= TARGET_P95_MS))
    console.print(table)

    recalls, missed = quality()
    table = Table("recall at 5", "queries", "recall", f">= {LEAST_RECALL}")
    for kind, values in recalls.items():
        mean = sum(values) / len(values)
        table.add_row(
            kind, str(len(values)), f"{mean:.3f}", _met(mean >= LEAST_RECALL) if kind in ("all", "typo") else ""
        )
    console.print(table)

    rates: list[tuple[str, int, int, HitRates]] = []
    table = Table(
        "hit rate at 2", "seed", "past orders", "learned", "rules", "popularity", "by rule", f"ratio >= {LEAST_RATIO}"
    )
    for name, menu in (("diner", diner.menu()), ("shipped", Menu.load())):
        for seed in _SEEDS:
            for past in (500, 4000):
                found = hit_rates(menu, seed, past)
                rates.append((name, seed, past, found))
                shown = (found.learned, found.rules, found.popularity, found.popularity_by_rule)
                ratio = f"{found.ratio:.2f} {_met(found.ratio >= LEAST_RATIO)}"
                table.add_row(name, str(seed), str(past), *(f"{each:.3f}" for each in shown), ratio)
    console.print(table)
    return {
        "suite": "ordering",
        "machine": facts | {"load_1_min_after": machine.load()},
        "latency": [{"loop": loop, **asdict(each)} for loop, each in latencies],
        "recall_at_5": {kind: sum(values) / len(values) for kind, values in recalls.items()},
        "missed": missed,
        "hit_rate_at_2": [
            {"menu": name, "seed": seed, "past": past, **asdict(found), "ratio": found.ratio}
            for name, seed, past, found in rates
        ],
    }


def quality() -> tuple[dict[str, list[float]], dict[str, list[str]]]:
    """The recall at 5 of each query by its kind, with all together as "all"; and what was found where it isn't 1."""
    shelf = Shelf()
    shelf.put(diner.menu())
    finder = Finder(shelf)
    recalls: defaultdict[str, list[float]] = defaultdict(list)
    missed: dict[str, list[str]] = {}
    for query in diner.queries():
        found = [dish.name for dish in finder.find(query.typed)]
        value = diner.recall(found, query.meant)
        recalls[query.kind].append(value)
        recalls["all"].append(value)
        if value < 1:
            missed[query.typed] = found[:5]
    return dict(recalls), missed


def _met(held: bool) -> str:
    return "met" if held else "missed"
