"""What a process holds: memory, file descriptors, threads, tasks; and whether it grows."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import statistics
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Vitals:
    """What this process and its nats-server hold after `customers` of the day."""

    customers: int
    rss_mb: float
    descriptors: int
    threads: int
    tasks: int
    server_rss_mb: float
    server_descriptors: int


def vitals(customers: int) -> Vitals:
    """Now, after a collection: what is only waiting to be collected is no leak."""
    gc.collect()
    server = _server()
    return Vitals(
        customers,
        _rss_mb("self"),
        descriptors("self") - 1,  # one of them is for looking
        threading.active_count(),
        len(asyncio.all_tasks()),
        _rss_mb(server) if server else 0.0,
        descriptors(server) if server else 0,
    )


def _rss_mb(process: str) -> float:
    return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * _PAGE / 1e6


def descriptors(process: str) -> int:
    """How many file descriptors the process of that number, or "self", has open."""
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


def _server() -> str | None:
    """The process number of our nats-server, if it runs."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):  # it may end while we look
            name, _, rest = stat.read_text(encoding="utf-8").partition("(")[2].rpartition(")")
            if name == "nats-server" and int(rest.split()[1]) == os.getpid():
                return stat.parent.name
    return None


def growth_kb(samples: Sequence[Vitals]) -> float:
    """Memory that each customer leaves behind, in KB: the median slope of all lines through two of `samples`.

    (Theil and Sen's.) A single step, as an allocator makes one when it takes a further arena, doesn't tilt it.
    """
    slopes = [
        (after.rss_mb - before.rss_mb) / (after.customers - before.customers)
        for before, after in itertools.combinations(samples, 2)
        if after.customers > before.customers
    ]
    return statistics.median(slopes) * 1000 if slopes else 0.0


def trend(samples: Sequence[int]) -> int:
    """How many more there are in the second half of `samples` than in the first, by their medians."""
    half = len(samples) // 2
    if half == 0:
        return 0
    return round(statistics.median(samples[-half:]) - statistics.median(samples[:half]))
