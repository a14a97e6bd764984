"""What is being done, for who waits: a line a stage, with its time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@dataclass
class Stage:
    """One stage. `note` is said behind it when it is done, such as where its result came from."""

    name: str
    note: str = ""
    took_s: float = 0.0


@dataclass
class Stages:
    """The stages of one build, in order."""

    console: Console
    done: list[Stage] = field(default_factory=list)

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[Stage]:
        """Show `name` as what is being done until the block ends."""
        stage = Stage(name)
        began = time.monotonic()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            progress.add_task(name)
            yield stage
        stage.took_s = time.monotonic() - began
        self.done.append(stage)
        self.console.print(
            f"[green]✓[/] {name:<34} {stage.took_s:6.1f} s  [dim]{stage.note}[/]", highlight=False, soft_wrap=True
        )
