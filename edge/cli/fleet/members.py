"""`kiosk fleet add|revoke|list|person`: who belongs to the fleet."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from edge.bus.files import put
from edge.bus.keys import new_seed, public_of
from edge.cli.fleet.hub import tell
from edge.cli.fleet.opening import DEFAULT_FOLDER, FolderOption, JsonOption, signed_in
from edge.cli.speaking import console, run
from edge.fleet.applying import apply_all, apply_later
from edge.fleet.hub_conf import HubFolder, add_person, remove_person
from edge.fleet.leaf import kiosk_toml
from edge.fleet.register import Register, changing

Later = Annotated[
    bool, typer.Option("--later", help="Only write it down; kiosk fleet apply brings it to the running hub.")
]


def add(
    kiosk: Annotated[str, typer.Argument(help="The kiosk's id, as in its kiosk.toml.")],
    *,
    key: Annotated[
        str | None,
        typer.Option(
            help="The public key that `kiosk fleet key` showed on the kiosk: no secret leaves it.", metavar="U…"
        ),
    ] = None,
    group: Annotated[
        str, typer.Option(help="Keep its events in a stream of this group: beyond some 1,000 kiosks (docs/fleet.md).")
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Where to write the section [hub] for its kiosk.toml; - prints it. (default: KIOSK.toml)"),
    ] = None,
    later: Later = False,
    hub: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Let a kiosk into the fleet, and write what goes into its kiosk.toml.

    Without --key a credential is made here and written into that file, and nowhere else: put it on the kiosk's card,
    which is wiped of it at the first boot, and delete the file. A kiosk that is known gets the new key instead of its
    old one.

    Examples: kiosk fleet add shop-7 · kiosk fleet add shop-7 --key UBKY…EPKI
    """
    run(_add(HubFolder(hub), kiosk, key, group, out or Path(f"{kiosk}.toml"), later=later))


async def _add(folder: HubFolder, kiosk: str, key: str | None, group: str, out: Path, *, later: bool) -> None:
    seed = None if key else new_seed()
    settings = folder.settings()
    with changing(folder.path) as register:
        known = kiosk in register.kiosks
        register.add(kiosk, key or public_of(seed or ""), group)
    ca = await asyncio.to_thread(folder.ca.read_text, "utf-8")
    section = f"# What {kiosk} needs to belong to the fleet.\n{kiosk_toml(settings.leaf_urls, ca, seed)}"
    if out == Path("-"):
        print(section, end="")
    else:
        put(out, section, mode=0o600)
        console.print(f"{kiosk} may sign in; for its kiosk.toml: {out}", highlight=False, soft_wrap=True)
    if seed and out != Path("-"):
        console.print("It holds the kiosk's key, the only copy: delete it once it is on the card.")
    await _bring(folder, later=later, cut=[kiosk] if known else [])


def revoke(
    kiosk: Annotated[str, typer.Argument(help="The kiosk's id.")],
    *,
    later: Later = False,
    hub: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Shut a kiosk out at once. What it had sent stays. Its key is never taken again: `add` it with a new one."""
    run(_revoke(HubFolder(hub), kiosk, later=later))


async def _revoke(folder: HubFolder, kiosk: str, *, later: bool) -> None:
    folder.settings()  # says so when there is no hub
    with changing(folder.path) as register:
        register.revoke(kiosk)
    console.print(f"{kiosk} may not sign in any more", highlight=False)
    await _bring(folder, later=later, cut=[kiosk])


def person(
    name: Annotated[str, typer.Argument(help="Who: letters, digits and _.")],
    *,
    ask: Annotated[
        list[str] | None, typer.Option(help="A kiosk that they may ask; * for every one. May be given again.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Let them in no longer.")] = False,
    later: Later = False,
    hub: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Let a person look at the fleet (status, watch), and ask kiosks where --ask says so.

    `kiosk fleet pass NAME FOLDER` writes what they need on their own machine.
    """
    run(_person(HubFolder(hub), name, ask or [], remove=remove, later=later))


async def _person(folder: HubFolder, name: str, asks: list[str], *, remove: bool, later: bool) -> None:
    folder.settings()  # says so when there is no hub
    if remove:
        remove_person(folder, name)
        console.print(f"{name} may not sign in any more", highlight=False)
    else:
        path = add_person(folder, name, asks)
        console.print(f"{name} may look, and ask {', '.join(asks) or 'nobody'}; the key: {path}", highlight=False)
    await _bring(folder, later=later)


def list_(hub: FolderOption = DEFAULT_FOLDER, *, as_json: JsonOption = False) -> None:
    """List who belongs to the fleet by the register: kiosks and people. It needs no running hub."""
    register = run(_read(HubFolder(hub)))
    if as_json:
        for name, member in sorted(register.kiosks.items()):
            print(
                json.dumps(
                    {
                        "kiosk": name,
                        "key": member.key,
                        "group": member.group,
                        "stream": member.stream,
                        "added": _day(member.added_s),
                        "revoked": _day(member.revoked_s) if member.revoked_s else None,
                    }
                )
            )
        return
    table = Table("kiosk", "stream", "key", "added", "revoked", box=None, header_style="dim")
    for name, member in sorted(register.kiosks.items()):
        revoked = f"[red]{_day(member.revoked_s)}[/]" if member.revoked_s else ""
        table.add_row(name, member.stream, member.key, _day(member.added_s), revoked)
    people = Table("person", "may ask", "key", box=None, header_style="dim")
    for name, each in sorted(register.people.items()):
        people.add_row(name, ", ".join(each.asks) or "nobody", each.key)
    console.print(table if register.kiosks else "no kiosks yet: kiosk fleet add KIOSK")
    console.print(people)


async def _read(folder: HubFolder) -> Register:
    folder.settings()  # says so when there is no hub
    return folder.register()


async def _bring(folder: HubFolder, *, later: bool, cut: list[str] | None = None) -> None:
    if later:
        await asyncio.to_thread(apply_later, folder, cut=cut or [])
        return
    tell(await apply_all(folder, signed_in, cut=cut or []))


def _day(at_s: float | None) -> str:
    return (
        "" if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    )
