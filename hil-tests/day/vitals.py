"""What a process holds: memory, file descriptors, threads, tasks; and whether it grows."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import itertools
import os
import statistics
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_BLOCK_KB = 0.1  # a block of Python's: a dict, a bound method, a short text
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Vitals:
    """What this process and its nats-server hold after `customers` of the day."""

    customers: int
    rss_mb: float  # as the day left it
    trimmed_mb: float  # after the C library gave back to the system what it had free
    used_mb: float  # of it, what the C library's allocator has given out; the rest is its and Python's to give again
    python_blocks: int  # that Python's own allocator has given out, each at most 512 bytes
    descriptors: int
    threads: int
    tasks: int
    server_rss_mb: float
    server_descriptors: int


def vitals(customers: int) -> Vitals:
    """Now, after a collection: what is only waiting to be collected is no leak, nor what is free and kept."""
    gc.collect()
    server = _server()
    return Vitals(
        customers,
        _rss_mb("self"),
        _trimmed_mb(),
        _used_mb(),
        sys.getallocatedblocks(),
        descriptors("self") - 1,  # one of them is for looking
        threading.active_count(),
        len(asyncio.all_tasks()),
        _rss_mb(server) if server else 0.0,
        descriptors(server) if server else 0,
    )


class _Mallinfo2(ctypes.Structure):
    """What glibc 2.33 and later tell of all their arenas, in bytes (mallinfo(3))."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]


def _trimmed_mb() -> float:
    """What is resident once glibc gave back the free pages in all its arenas (malloc_trim(3)); else just resident."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
    return _rss_mb("self")


def _used_mb() -> float:
    """0 where the C library doesn't tell."""
    with contextlib.suppress(AttributeError, OSError):
        tell = ctypes.CDLL(None).mallinfo2
        tell.restype = _Mallinfo2
        told = tell()
        return float(told.uordblks + told.hblkhd) / 1e6
    return 0.0


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
    """Memory that each customer leaves in use, in KB, native and Python's.

    Not of the resident size: that goes up in steps of megabytes when an allocator finds no gap that fits, and rests.
    """
    native_kb = 1000 * _slope(samples, lambda each: each.used_mb)
    return native_kb + _BLOCK_KB * _slope(samples, lambda each: each.python_blocks)


def _slope(samples: Sequence[Vitals], value: Callable[[Vitals], float]) -> float:
    """How much more of `value` a customer: the median slope of all lines through two samples (Theil and Sen's)."""
    slopes = [
        (value(after) - value(before)) / (after.customers - before.customers)
        for before, after in itertools.combinations(samples, 2)
        if after.customers > before.customers
    ]
    return statistics.median(slopes) if slopes else 0.0


def trend(samples: Sequence[int]) -> int:
    """How many more there are in the second half of `samples` than in the first, by their medians."""
    half = len(samples) // 2
    if half == 0:
        return 0
    return round(statistics.median(samples[-half:]) - statistics.median(samples[:half]))
