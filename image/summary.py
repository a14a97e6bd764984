"""What was built, as a table at the end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from image.build import Build
from image.layout import PARTITIONS
from image.outputs import debian_packages, units
from image.sbom import python_packages

_LARGEST = 6


def summary(build: Build, files: Iterable[Path], console: Console) -> None:
    """Print what is in the image, where it is, and what took how long."""
    debian = debian_packages(build.tree)
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column(f"{build.recipe.name} {build.recipe.version}")
    table.add_column("")
    table.add_row("root", f"{build.root.stat().st_size / 1e6:.0f} MB of {_slot_mib()} MiB a slot")
    table.add_row("Debian", f"{len(debian)} packages, {sum(each.installed_kib for each in debian) / 1024:.0f} MiB")
    largest = ", ".join(f"{each.name} {each.installed_kib / 1024:.0f}" for each in debian[:_LARGEST])
    table.add_row("  the largest (MiB)", largest)
    table.add_row("Python", f"{len(python_packages(build.recipe, build.tree))} packages")
    table.add_row("units", ", ".join(units(build.tree)))
    for each in files:
        blocks = each.stat().st_blocks * 512 / 1e6
        table.add_row(each.name, f"{blocks:.0f} MB on disk")
    table.add_row("took", f"{sum(stage.took_s for stage in build.stages.done):.0f} s")
    console.print()
    console.print(table, highlight=False)
    console.print(f"[dim]in {build.folders.out}[/]", highlight=False, soft_wrap=True)


def _slot_mib() -> int:
    return next(each.size_mib for each in PARTITIONS if each.label == "root-a")
