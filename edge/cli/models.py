"""`kiosk models`: what a kiosk needs besides its code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from edge.cli.speaking import console, fail, run
from edge.models import ModelError, Store, progress_bars

app = typer.Typer(no_args_is_help=True, help="List, pull and verify models, pictures and the page's client.")

Folder = Annotated[
    Path | None,
    typer.Option("--folder", envvar="KIOSK_MODELS", help="Where they are kept.", show_default=False),
]
Names = Annotated[list[str] | None, typer.Argument(help="Which; without names, the default set.", show_default=False)]


def _store(folder: Path | None) -> Store:
    try:
        return Store(folder)
    except ModelError as error:
        fail(str(error))


@app.command("list")
def list_them(folder: Folder = None) -> None:
    """Show the manifest: what there is, what it is for, its licence, and whether it is here."""
    store = _store(folder)
    table = Table("", "name", "kind", "MB", "licence", "what for", box=None, header_style="dim")
    notes = []
    for asset in store.manifest.assets:
        here = (
            "[green]●[/]" if (store.folder / asset.file).exists() else ("[red]○[/]" if asset.default else "[dim]○[/]")
        )
        table.add_row(here, asset.name, asset.kind, f"{asset.bytes / 1e6:.1f}", asset.licence, asset.purpose)
        if asset.licence_note:
            notes.append(f"{asset.name}: {asset.licence_note}")
    console.print(table)
    console.print(f"[dim]● here  ○ not here; in {store.folder}[/]", highlight=False)
    for note in notes:
        console.print(f"[dim]{note}[/]", highlight=False)


@app.command()
def pull(
    names: Names = None,
    mirror: Annotated[
        Path | None,
        typer.Option(envvar="KIOSK_MODELS_MIRROR", help="A folder to look in first; files are checked all the same."),
    ] = None,
    folder: Folder = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bars.")] = False,
) -> None:
    """Bring models here, each with its checksum. What is here and good is kept."""
    store = _store(folder)
    try:
        all_here = all(finding.state == "good" for finding in store.verify(names))
    except ModelError as error:
        fail(str(error))
    if quiet or all_here:
        pulled = run(store.pull(names, mirror=mirror))
    else:
        with progress_bars(console) as report:
            pulled = run(store.pull(names, mirror=mirror, progress=report))
    new = [each.name for each in pulled if each.origin != "held"]
    if not quiet:
        console.print(f"{len(new)} new, {len(pulled) - len(new)} already here, in {store.folder}", highlight=False)


def pull_missing() -> None:
    """Bring the default set here, saying nothing when it is."""
    store = _store(None)
    if any(finding.state != "good" for finding in store.verify()):
        with progress_bars(console) as report:
            run(store.pull(progress=report))


@app.command()
def verify(names: Names = None, folder: Folder = None) -> None:
    """Check what is here against the manifest's checksums. Exits 1 when something is missing or damaged."""
    store = _store(folder)
    try:
        findings = store.verify(names)
    except ModelError as error:
        fail(str(error))
    colour = {"good": "green", "missing": "yellow", "damaged": "red"}
    for finding in findings:
        console.print(f"[{colour[finding.state]}]{finding.state:8}[/] {finding.name}: {finding.words}", highlight=False)
    if any(finding.state != "good" for finding in findings):
        raise typer.Exit(1)
