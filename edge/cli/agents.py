"""`kiosk run`: agents on a kiosk, and the monitor, any number in one process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from edge.bus.alive import stuck
from edge.bus.telemetry import exporting
from edge.cli.monitor import configured
from edge.cli.speaking import console, fail, log_to_terminal, run
from edge.cli.supervised import Probe, Supervisor
from edge.config import Config, load
from edge.contract.permissions import MONITOR
from edge.contract.subjects import AGENTS
from edge.models import Store

PARTS = (MONITOR, *AGENTS)


def run_agents(
    agents: Annotated[
        list[str],
        typer.Argument(metavar="AGENT…", help=f"Which: {', '.join(PARTS)}, or all of them.", show_default=False),
    ],
    config: Annotated[
        Path | None, typer.Option("--config", help="The kiosk.toml; without one every default holds.")
    ] = None,
    bus_url: Annotated[
        str | None,
        typer.Option("--url", envvar="KIOSK_BUS_URL", help="The NATS server, instead of kiosk.toml's."),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where journal, receipts and the device key are, instead of kiosk.toml's."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show everything that is logged.")] = False,
) -> None:
    """Run agents until told to end (Ctrl-C, SIGTERM). They wait for the bus, and come back after it was gone.

    The monitor (kiosk monitor) is one of them: where the bus wants keys, the others wait for the streams it makes.
    Under systemd (Type=notify) they say when they serve, and with WatchdogSec= that they are alive.

    Examples: kiosk run all --config kiosk.toml · kiosk run vision voice
    """
    log_to_terminal(verbose=verbose, timestamps=True)
    names = list(PARTS) if agents == ["all"] else sorted(dict.fromkeys(agents), key=lambda name: name != MONITOR)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        fail(f"there is no agent {unknown[0]!r}; there are: {', '.join(PARTS)}, or all", 2)
    run(_run(names, config, bus_url, data_dir))


async def _run(names: list[str], config_path: Path | None, bus_url: str | None, data_dir: Path | None) -> None:
    from edge.assembly import Assembly  # noqa: PLC0415 - a second of imports that few commands need

    config = load(config_path) if config_path else Config()
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    ending = asyncio.create_task(told.wait())
    url = bus_url or config.bus.url
    systemd = Supervisor.of(os.environ)
    probes: list[Probe] = []
    async with (
        exporting(config.telemetry.endpoint, config.kiosk.id),
        contextlib.AsyncExitStack() as leaving,
        systemd.starting() as started,
    ):
        assembly = Assembly(
            config,
            Store(config.models.folder),
            data_dir or config.kiosk.data_dir,
            bus_url=url,
            keys=config.bus.keys,
        )
        leaving.push_async_callback(assembly.close)
        for name in names:
            systemd.status(f"loading {name}")
            agent = (
                configured(config, bus_url=url) if name == MONITOR else await asyncio.to_thread(assembly.build, name)
            )
            leaving.push_async_callback(agent.close)
            probes.append(partial(stuck, agent.client))
            systemd.status(f"{name} waits for the bus at {url}")
            connecting = asyncio.create_task(agent.connect())
            await asyncio.wait([connecting, ending], return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                connecting.cancel()
                systemd.stopping()
                return
            await connecting
            console.print(f"{name} is up", highlight=False)
        started()
        systemd.ready(f"serving: {', '.join(names)}")
        async with systemd.watching(*probes):
            await ending
        systemd.stopping()
