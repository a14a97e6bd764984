"""`kiosk fleet hub|apply|pass`: the hub's configuration, and bringing it to where it runs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from edge.cli.fleet.opening import DEFAULT_FOLDER, FolderOption, JsonOption, signed_in
from edge.cli.speaking import complaints, console, fail, run
from edge.fleet.applying import Outcome, apply_all
from edge.fleet.hub_conf import HubFolder, draw, found, write_pass
from edge.fleet.leaf import kiosk_toml
from edge.fleet.settings import PORTS, Settings, first_settings

_NODE = "NAME=HOST"


def hub(
    folder: Annotated[Path, typer.Argument(help="Where the hub is looked after. Keep it: it holds the fleet's keys.")],
    node: Annotated[
        list[str] | None,
        typer.Option(metavar=_NODE, help="A node, by a name and the host that kiosks reach it by. Give three."),
    ] = None,
) -> None:
    """Begin a hub, or draw an existing one's files anew after a change of its hub.toml.

    Makes certificates and keys that aren't there, and a folder a node with all that nats-server needs to run it.

    Example: kiosk fleet hub hub --node a=hub-a.example.com --node b=hub-b.example.com --node c=hub-c.example.com
    """
    nodes = dict(_named(each) for each in node or [])
    at = HubFolder(folder)

    async def work() -> list[str]:
        if nodes:
            if (folder / "hub.toml").exists():
                fail(f"there is a hub at {folder} already: its nodes are in {folder / 'hub.toml'}", 2)
            found(at, first_settings(nodes))
        return await asyncio.to_thread(draw, at)

    changed = run(work())
    if not changed:
        console.print("nothing changed")
    for name in changed:
        console.print(f"drawn: {at.node(name)}", highlight=False, soft_wrap=True)
    if nodes:
        console.print(
            f"Bring each folder to its node and run nats-server -c nats-server.conf in it; then: "
            f"kiosk fleet apply --hub {folder}",
            highlight=False,
            soft_wrap=True,
        )


def apply(hub: FolderOption = DEFAULT_FOLDER) -> None:
    """Bring the folder to the running hub: its files to the nodes (hub.toml's deliver), users and streams.

    Kiosks that were revoked are shut out, and every kiosk's events are sourced. Run it after a change of hub.toml, and
    when an earlier one could not be brought to every node.
    """
    tell(run(apply_all(HubFolder(hub), signed_in)))


def pass_(
    user: Annotated[str, typer.Argument(help="Whose: a person's name, or keeper.")],
    to: Annotated[Path, typer.Argument(help="The folder to write; bring it to that machine.")],
    hub: FolderOption = DEFAULT_FOLDER,
) -> None:
    """Write a small folder with which one user reaches the hub from another machine: addresses, certificate, a key."""
    run(_pass(HubFolder(hub), user, to))
    console.print(f"{to} lets its bearer in as {user}: kiosk fleet status --hub {to} --as {user}", highlight=False)


def section(hub: FolderOption = DEFAULT_FOLDER, *, as_json: JsonOption = False) -> None:
    """Print the section [hub] that every kiosk of the fleet has in its kiosk.toml. It holds no secret."""
    folder = HubFolder(hub)
    urls, ca = run(_section(folder))
    told = json.dumps({"url": urls[0], "more_urls": urls[1:], "ca": ca}) + "\n"
    print(told if as_json else kiosk_toml(urls, ca, None), end="")


def nodes(hub: FolderOption = DEFAULT_FOLDER, *, as_json: JsonOption = False) -> None:
    """List the hub's nodes: where each is, and the folder that it needs. It needs no running hub."""
    folder = HubFolder(hub)
    settings = run(_settings(folder))
    if as_json:
        for name, node in settings.nodes.items():
            known = {"node": name, "folder": str(folder.node(name).resolve()), "delivered": bool(node.deliver)} | {
                "store_dir": settings.limits.store_dir
            }
            print(json.dumps(known | {port: getattr(node, port) for port in PORTS} | {"host": node.host}))
        return
    table = Table(
        "node", "host", *(port.removesuffix("_port") for port in PORTS), "deliver", box=None, header_style="dim"
    )
    for name, node in settings.nodes.items():
        ports = (str(getattr(node, port)) for port in PORTS)
        table.add_row(name, node.host, *ports, escape(" ".join(node.deliver)) or "[yellow]by hand[/]")
    console.print(table)


def tell(outcome: Outcome) -> None:
    """Say what became of a change; ends the command with 1 when a node has not got it."""
    changes = outcome.changes
    if outcome.reloaded:
        console.print(f"read by: {', '.join(outcome.reloaded)}", highlight=False)
    for kiosk in outcome.shut_out:
        console.print(f"cut off: {kiosk}", highlight=False)
    if changes is not None:
        for stream in changes.made:
            console.print(f"made stream {stream}", highlight=False)
        for word, by_stream in (("now takes events of", changes.added), ("takes no more events of", changes.removed)):
            for stream, kiosks in by_stream.items():
                if kiosks:
                    console.print(f"{stream} {word} {', '.join(kiosks)}", highlight=False, soft_wrap=True)
    for problem in outcome.problems:
        complaints.print(f"[bold red]kiosk:[/] {problem}", highlight=False, soft_wrap=True)
    if outcome.problems:
        fail("the hub has not got all of it: kiosk fleet apply tries again")


def _named(text: str) -> tuple[str, str]:
    name, equals, host = text.partition("=")
    if not (equals and name and host):
        raise typer.BadParameter(f"{text!r} is no node: give {_NODE}, such as a=hub-a.example.com")
    return name, host


async def _settings(folder: HubFolder) -> Settings:
    return folder.settings()


async def _section(folder: HubFolder) -> tuple[list[str], str]:
    return folder.settings().leaf_urls, await asyncio.to_thread(folder.ca.read_text, "utf-8")


async def _pass(folder: HubFolder, user: str, to: Path) -> None:
    await asyncio.to_thread(write_pass, folder, user, to)
