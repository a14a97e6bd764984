"""`kiosk fleet serve|dashboard|rules`: the keeper of the fleet's books, and what Prometheus and Grafana take."""

from __future__ import annotations

import asyncio
import signal
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from edge.cli.fleet.opening import DEFAULT_FOLDER, FolderOption, signed_in
from edge.cli.speaking import console, log_to_terminal, run
from edge.fleet.keeper import Keeper
from edge.fleet.metrics import Exporter
from edge.fleet.register import KEEPER


def serve(
    *,
    host: Annotated[str, typer.Option(help="Where it answers /metrics and /healthz.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free port.")] = 9700,
    interval: Annotated[
        float, typer.Option(min=0.2, help="Every how many seconds each kiosk is asked how it is.")
    ] = 15.0,
    hub: FolderOption = DEFAULT_FOLDER,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show everything that is logged.")] = False,
) -> None:
    """Keep the fleet's books until told to end: who is connected, what arrives, what was lost; Prometheus metrics.

    Run one on each node: one keeps, the others wait to take over.
    """
    log_to_terminal(verbose=verbose, timestamps=True)
    run(_serve(hub, host, port, interval))


async def _serve(folder: Path, host: str, port: int, interval_s: float) -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with signed_in(folder, KEEPER) as hub:
        keeper = Keeper(hub, interval_s=interval_s)
        async with Exporter(keeper, host=host, port=port) as exporter:
            console.print(f"the keeper answers at {exporter.url}", highlight=False)
            keeping = asyncio.create_task(keeper.run())
            ending = asyncio.create_task(told.wait())
            try:
                await asyncio.wait([keeping, ending], return_when=asyncio.FIRST_COMPLETED)
                if keeping.done():
                    keeping.result()
            finally:
                ending.cancel()
                keeping.cancel()
                await asyncio.gather(keeping, ending, return_exceptions=True)
                await keeper.close()


def dashboard() -> None:
    """Print an example dashboard for Grafana, which shows the keeper's metrics."""
    print(files("edge.fleet").joinpath("dashboard.json").read_text(encoding="utf-8"), end="")


def rules() -> None:
    """Print the fleet's alerts as Prometheus rules."""
    print(files("edge.fleet").joinpath("fleet-alerts.yml").read_text(encoding="utf-8"), end="")
