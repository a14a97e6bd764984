"""`kiosk bus keys`: make the keys of the bus's users on this device."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from edge.bus.keys import CONF_NAME, KeyUnusable, make_keys, write_conf
from edge.cli.bus.opening import KEYS_VARIABLE
from edge.cli.speaking import console, fail
from edge.config import Config, ConfigError, load
from edge.contract.permissions import SIGNED_IN

_STATES = {"made": "[green]made[/]", "kept": "kept", "replaced": "[yellow]replaced[/]"}


def keys(
    folder: Annotated[
        Path | None,
        typer.Option(
            "--dir",
            envvar=KEYS_VARIABLE,
            help="The folder of keys. Without: kiosk.toml's, else keys/ in its data folder.",
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="The kiosk.toml; without one every default holds.")
    ] = None,
    conf: Annotated[
        Path | None,
        typer.Option(help=f"Where to write what nats-server includes, instead of {CONF_NAME} beside the keys."),
    ] = None,
    rotate: Annotated[
        list[str] | None,
        typer.Option(help="Make this user's key anew, or all of them; may be given again.", metavar="USER|all"),
    ] = None,
) -> None:
    """Make the keys that aren't there yet, and draw what nats-server includes: who may say and hear what.

    A key that is there is kept, unless --rotate names it. Then nats-server must read its configuration again
    (nats-server --signal reload), and who had the old key must start again.

    Examples: kiosk bus keys --dir keys · kiosk bus keys --dir keys --rotate payment
    """
    try:
        chosen = load(config) if config else Config()
        where = folder or chosen.bus.keys or chosen.kiosk.data_dir / "keys"
        made = make_keys(where, replace=SIGNED_IN if rotate and "all" in rotate else rotate or ())
        to = conf or where / CONF_NAME
        changed = write_conf(to, {each.user: each.public for each in made})
    except (ConfigError, KeyUnusable) as error:
        fail(str(error))
    table = Table("user", "key", "public key", box=None, header_style="dim")
    for each in made:
        table.add_row(each.user, _STATES[each.state], each.public)
    console.print(table)
    console.print(f"keys in {where}, readable by you alone", highlight=False, soft_wrap=True)
    what = "[yellow]written anew: nats-server must read it[/]" if changed else "as it was"
    console.print(f"{to} for nats-server: {what}", highlight=False, soft_wrap=True)
