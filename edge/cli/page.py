"""`kiosk page`: serve the kiosk page on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from edge.cli.speaking import console, log_to_terminal, run
from edge.cli.supervised import Supervisor
from edge.config import Config, load
from edge.firstboot import Places
from edge.frontend import PageConfig, PageServer, make_app
from edge.models import Store


def page(
    *,
    config: Annotated[
        Path | None, typer.Option("--config", help="The kiosk.toml; without one every default holds.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Where it is served on loopback; 0 picks a free port. (default: 8080)"),
    ] = None,
    receipts: Annotated[
        Path | None, typer.Option(help="Where receipts are, instead of receipts/ in the data folder.")
    ] = None,
) -> None:
    """Serve the kiosk page until told to end.

    The page itself is a client of the bus: nats-server has to let its address in (nats-server-keys.conf).

    Examples: kiosk page --config kiosk.toml
    """
    log_to_terminal(verbose=False, timestamps=True)
    run(_serve(config, port, receipts))


async def _serve(config_path: Path | None, port: int | None, receipts: Path | None) -> None:
    config = load(config_path) if config_path else Config()
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    systemd = Supervisor.of(os.environ)
    data = config.kiosk.data_dir
    app = make_app(
        config=PageConfig(config.page.websocket_url, config.kiosk.id, config.kiosk.currency),
        nats_client=Store(config.models.folder).path("nats_ws"),
        receipts_dir=receipts or data / "receipts",
        mistakes=Places(Path(), data).mistakes,
    )
    server = PageServer(config.page.port if port is None else port)
    server.bind()
    try:
        await server.serve(app)
        systemd.ready(f"the page is at {server.origin}/")
        console.print(f"the page is at {server.origin}/", highlight=False)
        async with systemd.watching():
            await told.wait()
        systemd.stopping()
    finally:
        await server.stop()
