"""The pauses of a replay."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Sequence

import typer

from edge.bus.history import Entry


def speed_of(text: str) -> float:
    """How many times as fast as it happened; 0 and "max" are without a pause.

    Raises:
        typer.BadParameter: it is no such number.
    """
    try:
        speed = 0.0 if text == "max" else float(text)
    except ValueError:
        speed = -1.0
    if not (math.isfinite(speed) and speed >= 0):
        raise typer.BadParameter(f"{text!r} is no speed: give a number such as 1, 10 or 0.5, or max")
    return speed


def due_s(entries: Sequence[Entry], speed: float, max_gap_s: float | None = None) -> list[float]:
    """When each entry is due, in seconds after the first: its pauses, cut to `max_gap_s`, divided by `speed`."""
    due = [0.0] if entries else []
    for before, entry in itertools.pairwise(entries):
        gap_s = max(0.0, (entry.at - before.at).total_seconds())
        cut_s = gap_s if max_gap_s is None else min(gap_s, max_gap_s)
        due.append(due[-1] + (cut_s / speed if speed else 0.0))
    return due


async def in_time(entries: Sequence[Entry], speed: float, max_gap_s: float | None = None) -> AsyncIterator[Entry]:
    """Each entry when it is due; one that is late delays no other."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for entry, at_s in zip(entries, due_s(entries, speed, max_gap_s), strict=True):
        wait_s = began_s + at_s - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        yield entry
