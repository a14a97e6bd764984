"""`kiosk firstboot`: what the kiosk does at every boot, before the bus and the agents."""

from __future__ import annotations

import logging
import socket
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from edge.bus.keys import KeyUnusable
from edge.cli.speaking import complaints, console, fail, log_to_terminal
from edge.config import ConfigError
from edge.firstboot import Places, first_boot
from edge.firstboot.checking import EXAMPLE
from edge.firstboot.system import hostname_of

log = logging.getLogger(__name__)


def firstboot(
    *,
    boot: Annotated[
        Path, typer.Option(help="The boot partition: kiosk.toml, wifi.nmconnection, authorized_keys.")
    ] = Path("/boot/config"),
    data: Annotated[Path, typer.Option(help="The data partition.")] = Path("/data"),
    root: Annotated[Path, typer.Option(help="Where the system's own files are; another one for a trial.")] = Path("/"),
    defaults: Annotated[
        Path | None,
        typer.Option(help="The kiosk.toml below the integrator's, instead of /etc/kiosk/kiosk.toml."),
    ] = None,
    ssh_user: Annotated[str, typer.Option(help="Whom authorized_keys lets in.")] = "admin",
    example: Annotated[bool, typer.Option("--example", help="Print a kiosk.toml to begin with, and end.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say each step.")] = False,
) -> None:
    """Take the integrator's files from the boot partition and apply them: name, devices, network, hub and keys.

    Runs at every boot before bus and agents, and may be cut off anywhere. Passwords are moved to /data and wiped from
    the card. With a mistake in a file the kiosk boots with what it had before; the mistake is in MISTAKES.txt on the
    card, on the screen and on the receipt printer.

    Examples: kiosk firstboot --example > kiosk.toml · kiosk firstboot --boot card --data data --root trial
    """
    if example:
        print(EXAMPLE.read_text(encoding="utf-8"), end="")
        return
    log_to_terminal(verbose=verbose)
    places = Places(boot, data, root, defaults, ssh_user)
    if not data.is_dir():
        fail(f"there is no data partition at {data}; is it mounted?")
    try:
        outcome = first_boot(places, step=lambda name: log.debug("%s", name))
    except (ConfigError, KeyUnusable) as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or data}: {error.strerror or error}")
    name = hostname_of(outcome.config.kiosk.id)
    if root == Path("/"):
        try:
            socket.sethostname(name)
        except OSError as error:
            log.warning("the host's name can't be set before the next boot: %s", error.strerror)
    for mistake in outcome.mistakes:
        complaints.print(f"mistake: {mistake.words}", highlight=False, markup=False, soft_wrap=True)
    taken = ", ".join(outcome.taken) or "nothing"
    console.print(
        f"{outcome.config.kiosk.id}, kiosk-edge {version('kiosk-edge')}: {taken} taken from {boot}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
