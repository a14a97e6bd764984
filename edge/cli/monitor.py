"""`kiosk monitor`: watch the kiosk, for Prometheus and for a keeper's log."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from edge.bus.dead import Undertaker
from edge.bus.keys import key_path
from edge.cli.bus.opening import KEYS_VARIABLE
from edge.cli.speaking import console, fail, log_to_terminal, run
from edge.config import Config, ConfigError, load
from edge.contract.permissions import MONITOR
from edge.monitor import Monitor
from edge.monitor.rules import rules_text


def monitor(
    *,
    config: Annotated[
        Path | None, typer.Option("--config", help="The kiosk.toml; without one every default holds.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Where it answers on loopback; 0 picks a free port. (default: 8223)"),
    ] = None,
    bus_url: Annotated[
        str | None,
        typer.Option("--bus-url", "--url", envvar="KIOSK_BUS_URL", help="The NATS server, instead of kiosk.toml's."),
    ] = None,
    server_monitor_url: Annotated[
        str | None,
        typer.Option(
            envvar="KIOSK_SERVER_MONITOR_URL",
            help="nats-server's monitoring port. (default: http://127.0.0.1:8222)",
        ),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(envvar=KEYS_VARIABLE, help="The folder of keys (kiosk bus keys), instead of kiosk.toml's."),
    ] = None,
    rules: Annotated[bool, typer.Option("--rules", help="Print the alerts as Prometheus rules, and end.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show everything that is logged.")] = False,
) -> None:
    """Watch the kiosk until told to end: /healthz, /metrics and /alerts on loopback, and a line in the log for each
    alert that begins or ends. Makes the streams and work queues, and mends them.

    Examples: kiosk monitor --config kiosk.toml · kiosk monitor --rules > kiosk-alerts.yml
    """
    if rules:
        print(rules_text(), end="")
        return
    log_to_terminal(verbose=verbose, timestamps=True)
    try:
        chosen = load(config) if config else Config()
    except ConfigError as error:
        fail(str(error))
    watching = configured(chosen, bus_url=bus_url, port=port, server_url=server_monitor_url, keys=keys)
    run(_watch(watching))


def configured(
    config: Config,
    *,
    bus_url: str | None = None,
    port: int | None = None,
    server_url: str | None = None,
    keys: Path | None = None,
) -> Monitor:
    """The monitor as kiosk.toml has it; what is given counts instead."""
    folder = keys or config.bus.keys
    return Monitor(
        bus_url or config.bus.url,
        port=config.monitor.port if port is None else port,
        server_url=server_url or config.monitor.server_url,
        interval_s=config.monitor.interval_s,
        expected=config.monitor.agents,
        key_file=key_path(folder, MONITOR) if folder else None,
        jobs=[lambda client: Undertaker(client).run()],
    )


async def _watch(watching: Monitor) -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    try:
        await watching.connect()
        console.print(f"the monitor answers at {watching.url}", highlight=False)
        await told.wait()
    finally:
        await watching.close()
