"""How a pull tells of its progress, and bars on a terminal for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

Phase = Literal["waiting", "downloading", "checking", "done", "failed"]


@dataclass(frozen=True)
class Progress:
    """Where one download stands.

    `names` are the assets it brings (one package can carry several). `done_bytes` and `total_bytes` count
    what is transferred: of a package, the package. `total_bytes` is None while unknown.
    """

    names: tuple[str, ...]
    phase: Phase
    done_bytes: int = 0
    total_bytes: int | None = None


Report = Callable[[Progress], None]


@contextmanager
def progress_bars(console: Console | None = None) -> Iterator[Report]:
    """Draw one bar a download, with bytes, rate and time left; pass what this yields to `Store.pull`."""
    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[phase]}"),
        console=console,
    )
    tasks: dict[tuple[str, ...], TaskID] = {}

    def report(step: Progress) -> None:
        if step.names not in tasks:
            tasks[step.names] = bars.add_task(", ".join(step.names), total=None, phase=step.phase)
        task = tasks[step.names]
        bars.update(task, completed=step.done_bytes, total=step.total_bytes, phase=step.phase)

    with bars:
        yield report
