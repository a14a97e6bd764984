"""`kiosk virtual`: a whole kiosk with no hardware."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from edge.bus.telemetry import exporting
from edge.cli.models import pull_missing
from edge.cli.speaking import console, log_to_terminal, run
from edge.config import Config, load
from edge.models import Store

if TYPE_CHECKING:
    from edge.virtual.kiosk import VirtualKiosk
    from edge.virtual.story import Step

BUS_PORT = 4222
PAGE_PORT = 8080
MONITOR_PORT = 8223


def virtual(
    *,
    bus_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help=f"The bus's port; 0 picks a free one. [default: {BUS_PORT}]"),
    ] = None,
    page_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help=f"The page's port; 0 picks a free one. [default: {PAGE_PORT}]"),
    ] = None,
    monitor_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help=f"The monitor's port; 0 picks a free one. [default: {MONITOR_PORT}]"),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where streams, payments and receipts are kept; without it they are forgotten at the end."),
    ] = None,
    story: Annotated[
        bool,
        typer.Option("--story", help="Play one scripted customer without a browser, and end (free ports)."),
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Take the kiosk's id, shop, menu and so on from this kiosk.toml."),
    ] = None,
    keys: Annotated[
        bool,
        typer.Option("--keys", help="Let nobody onto the bus without a key: each agent is a user with its own rights."),
    ] = False,
    pull: Annotated[bool, typer.Option("--pull", help="Pull the models first, if they are not here.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what the agents log.")] = False,
) -> None:
    """Run the virtual kiosk: the real server and agents, simulated peripherals, a page with a bench.

    With --story one customer comes, orders by voice and by touch, pays with a tap, takes the receipt and
    leaves; each step is printed with its time. Exits 0, or 1 with the step that failed.
    """
    log_to_terminal(verbose=verbose)
    if pull:
        pull_missing()
    # A story takes free ports, so that it runs beside a kiosk that is already up.
    ports = (
        bus_port if bus_port is not None else 0 if story else BUS_PORT,
        page_port if page_port is not None else 0 if story else PAGE_PORT,
        monitor_port if monitor_port is not None else 0 if story else MONITOR_PORT,
    )
    with contextlib.ExitStack() as leaving:
        folder = data_dir or Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="kiosk-")))
        code = run(_run(config, folder, ports, story=story, keys=keys))
    raise typer.Exit(code)


async def _run(
    config_path: Path | None, data_dir: Path, ports: tuple[int, int, int], *, story: bool, keys: bool
) -> int:
    from edge.virtual.kiosk import Ports, VirtualKiosk  # noqa: PLC0415 - a second of imports, only here

    config = load(config_path) if config_path else Config()
    told_to_end = _on_signals()
    kiosk = VirtualKiosk(config, Store(config.models.folder), data_dir, Ports(*ports), keys=keys)
    async with (
        exporting(config.telemetry.endpoint, config.kiosk.id),
        contextlib.AsyncExitStack() as leaving,
    ):
        with console.status("starting the kiosk …"):
            starting = asyncio.create_task(leaving.enter_async_context(kiosk))
            ending = asyncio.create_task(told_to_end.wait())
            await asyncio.wait((starting, ending), return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                await asyncio.wait((starting,))
                return 130
            await starting
        console.print(f"[bold green]The kiosk is up[/] after {kiosk.started_in_s:.1f} s", highlight=False)
        console.print(f"  bus   {kiosk.server.url}", highlight=False)
        console.print(f"  page  {kiosk.page_url}", highlight=False)
        console.print(f"  state {kiosk.monitor.url}/healthz  /metrics  /alerts", highlight=False)
        if kiosk.keys:
            console.print(f"  keys  {kiosk.keys}  (kiosk bus --keys …)", highlight=False, soft_wrap=True)
        if story:
            return await _play(kiosk)
        console.print("[dim]Ctrl-C ends it[/]")
        await told_to_end.wait()
        console.print("ending …")
    return 0


def _on_signals() -> asyncio.Event:
    """Set by Ctrl-C or SIGTERM, so that everything ends in its order."""
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told


async def _play(kiosk: VirtualKiosk) -> int:
    from edge.virtual.story import Story, StoryFailed  # noqa: PLC0415 - as above

    story = Story(kiosk.stage, kiosk.bus, _tell)
    try:
        await story.play()
    except StoryFailed:
        return 1
    console.print("[bold green]The story is told:[/] the customer was served")
    return 0


def _tell(step: Step) -> None:
    if step.took_s is None:
        return
    mark = "[red]✗[/]" if step.problem else "[green]✓[/]"
    console.print(f"{mark} {step.took_s:5.1f} s  [bold]{escape(step.title)}[/]", highlight=False)
    for finding in step.findings:
        console.print(f"            {escape(finding)}", highlight=False, soft_wrap=True)
    if step.problem:
        console.print(f"            [red]{escape(step.problem)}[/]", highlight=False, soft_wrap=True)
