"""`kiosk fleet key|join`: what is done on the kiosk itself."""

from __future__ import annotations

import asyncio
import grp
from pathlib import Path
from typing import Annotated

import typer

from edge.bus.keys import public_keys
from edge.cli.speaking import EXPECTED, console, run
from edge.config import Config, load
from edge.fleet.errors import FleetError
from edge.fleet.leaf import CONF_NAME, credential_key, make_kiosk_key, member_of, seed_for_hub, stand_alone
from edge.fleet.leaf import join as join_

ConfigOption = Annotated[Path | None, typer.Option("--config", help="The kiosk.toml; without one every default holds.")]


def key(
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="The folder of keys. Without: kiosk.toml's, else keys/ in its data folder."),
    ] = None,
    config: ConfigOption = None,
    credential: Annotated[
        Path | None,
        typer.Option(
            help="A file with a credential that the hub gave: where there is one, it shows that one's public half."
        ),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Make it anew: the hub must be told the new one.")] = False,
) -> None:
    """Make this kiosk's key for the hub where there is none yet, and show its public half, which is no secret.

    On the hub: kiosk fleet add THIS_KIOSK --key PUBLIC
    """
    chosen = run(_config(config))
    print(run(_key(folder or _keys(chosen), credential, new=new)))


def join(
    *,
    config: ConfigOption = None,
    out: Annotated[
        Path, typer.Option(help=f"The folder to write {CONF_NAME} into, which nats-server includes last.")
    ] = Path(),
    keys: Annotated[
        Path | None,
        typer.Option(
            help="The bus's keys (kiosk bus keys), the hub's among them. Without: kiosk.toml's, if it has any."
        ),
    ] = None,
    credential: Annotated[
        Path | None,
        typer.Option(
            help="A file with the credential that the hub gave, as kiosk firstboot keeps it. Else hub.nk holds."
        ),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Where JetStream keeps its files. (default: nats/ in the data folder)")
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="The group that nats-server runs as, to read the file that holds the key.")
    ] = None,
) -> None:
    """Make this kiosk a leaf node of the hub that kiosk.toml names: write what its nats-server includes.

    Without a [hub] in kiosk.toml the file says so and does nothing. Where it can't be joined the file says why, and the
    kiosk serves alone; the command then ends with 1. nats-server reads it when it starts; a changed link needs a
    restart. The unit kiosk-firstboot runs it at each boot.
    """
    run(_join_or_not(config, out, keys, credential, store, group))


async def _config(path: Path | None) -> Config:
    return await asyncio.to_thread(load, path) if path else Config()


def _keys(config: Config) -> Path:
    return config.bus.keys or config.kiosk.data_dir / "keys"


async def _key(folder: Path, credential: Path | None, *, new: bool) -> str:
    if credential is not None and not new and await asyncio.to_thread(credential.exists):
        return await asyncio.to_thread(credential_key, credential)
    return (await asyncio.to_thread(make_kiosk_key, folder, new=new)).public


async def _join_or_not(  # noqa: PLR0917 - the command's own options
    config: Path | None, out: Path, keys: Path | None, credential: Path | None, store: Path | None, group: str | None
) -> None:
    try:
        await _join(config, out, keys, credential, store, group)
    except BaseException as error:  # whatever it is: the keys in a file of before may be no agent's any more
        why = error if isinstance(error, EXPECTED) else f"it failed ({type(error).__name__})"
        stand_alone(out, f"This kiosk can't join its hub, and serves alone: {why}")
        raise


async def _join(  # noqa: PLR0917 - the command's own options
    config: Path | None, out: Path, keys: Path | None, credential: Path | None, store: Path | None, group: str | None
) -> None:
    chosen = await _config(config)
    try:
        number = None if group is None else grp.getgrnam(group).gr_gid
    except KeyError:
        raise FleetError(f"there is no group {group!r}") from None
    given = credential or _given_by_firstboot(chosen)
    folder = keys or chosen.bus.keys
    where = folder or _keys(chosen)
    member = member_of(chosen)
    public = public_keys(folder) if member is not None and folder is not None else None
    seed = None if member is None else seed_for_hub(given, where)
    changed = join_(chosen, public, seed, out, store=store or chosen.kiosk.data_dir / "nats", group=number)
    if member is None:
        console.print("kiosk.toml names no hub: this kiosk is in no fleet", highlight=False)
        return
    what = "[yellow]written anew: restart nats-server[/]" if changed else "as it was"
    console.print(f"{out / CONF_NAME}: {what}", highlight=False, soft_wrap=True)
    console.print(f"{member.kiosk} lets its hub ask: {', '.join(member.asks) or 'nothing'}", highlight=False)


def _given_by_firstboot(config: Config) -> Path | None:
    """Where kiosk firstboot keeps the card's credential (docs/first-boot.md), if it can be read."""
    path = config.kiosk.data_dir / "kiosk" / "secrets" / "hub.credential"
    try:
        return path if path.is_file() else None
    except OSError:
        return None
