"""`kiosk ticket`: say who and where this kiosk is, and what its devices are doing, once it serves."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from edge.bus import Client
from edge.bus.keys import key_path
from edge.cli.speaking import console, log_to_terminal, run
from edge.config import Config, load
from edge.contract.permissions import OPERATOR
from edge.firstboot import Places
from edge.firstboot.ticket import Status, tell_card_and_paper, wait_and_tell


def ticket(
    *,
    boot: Annotated[Path, typer.Option(help="The boot partition, for STATUS.txt.")] = Path("/boot/config"),
    data: Annotated[Path, typer.Option(help="The data partition.")] = Path("/data"),
    bus_url: Annotated[
        str | None,
        typer.Option("--url", envvar="KIOSK_BUS_URL", help="The NATS server, instead of kiosk.toml's."),
    ] = None,
    wait_s: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds after which it is said that the kiosk does not serve yet.")
    ] = 180.0,
    network_s: Annotated[
        float, typer.Option("--network", min=0, help="Seconds that a kiosk that serves may wait for an address.")
    ] = 30.0,
) -> None:
    """Wait until the kiosk serves, then tell how it is: STATUS.txt on the boot partition, a ticket once a version.

    The ticket's QR code is a line for an Ansible inventory.

    Runs beside the agents, after kiosk firstboot, as the user who may read the operator's key.

    Examples: kiosk ticket · kiosk ticket --boot card --data data --wait 10
    """
    log_to_terminal(verbose=False)
    places = Places(boot, data)
    run(_tell(places, bus_url, wait_s, network_s))


async def _tell(places: Places, bus_url: str | None, wait_s: float, network_s: float) -> None:
    config = load(places.applied) if places.applied.exists() else Config()
    keys = config.bus.keys
    client = Client(bus_url or config.bus.url, name=OPERATOR, key_file=key_path(keys, OPERATOR) if keys else None)
    tell = tell_card_and_paper(places.boot, places.notices)

    def say(status: Status, whole: bool) -> None:
        console.print("\n".join([status.kiosk_id, *status.lines]), highlight=False, markup=False, soft_wrap=True)
        tell(status, whole)

    try:
        await wait_and_tell(config, client, version("kiosk-edge"), wait_s=wait_s, network_s=network_s, tell=say)
    finally:
        await client.close()
