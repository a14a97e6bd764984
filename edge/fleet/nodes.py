"""Bringing a change to the hub's running nodes, and shutting a kiosk out at once.

Reading the configuration again is not enough for that: nats-server (2.10 and 2.15) then lets go of clients whose user
is gone, but not of leaf nodes. So the kiosk's link is cut as well, and with its key it doesn't come back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge.bus.connection import BusUnreachable
from edge.bus.hub import Hub, HubRefused
from edge.contract.fleet import HUB_ACCOUNT
from edge.fleet.hub_conf import HubFolder
from edge.fleet.settings import Settings

log = logging.getLogger(__name__)

_DELIVER_S: Final = 120.0
_LISTEN_S: Final = 2.0


@dataclass(frozen=True)
class Link:
    """A leaf node's link to a node of the hub. `kiosk` is whose key it has, `claims` what it calls itself.

    Whose key it has shows by what it listens to: the hub lets each kiosk listen under its own name only.
    """

    server_id: str
    number: int | None
    kiosk: str | None
    claims: str
    address: str


@dataclass
class Applied:
    """What became of a change. `problems` are in words; `shut_out` the kiosks whose links were cut."""

    reloaded: list[str] = field(default_factory=list)
    shut_out: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


async def deliver(folder: HubFolder, settings: Settings) -> list[str]:
    """Bring each node's folder to where it runs, by hub.toml's `deliver`; what went wrong, in words."""
    return [
        each for each in await asyncio.gather(*(_deliver(folder, settings, name) for name in settings.nodes)) if each
    ]


async def reload(system: Hub, settings: Settings) -> Applied:
    """Have every node read its configuration again."""
    done = Applied()
    servers = {each["server"]["name"]: each["server"]["id"] for each in await system.ask_servers("LEAFZ")}
    for name in settings.nodes:
        if name not in servers:
            done.problems.append(f"node {name} doesn't answer: it reads the change when it starts")
            continue
        try:
            await system.ask_server(servers[name], "RELOAD")
            done.reloaded.append(name)
        except (HubRefused, BusUnreachable) as error:
            done.problems.append(f"node {name} did not read the change: {error}")
    return done


async def shut_out(system: Hub, members: Collection[str], also: Collection[str] = ()) -> Applied:
    """Cut the links of leaf nodes that are none of `members`, and those of `also`: who may, comes back by itself."""
    done = Applied()
    for link in await links(system):
        if link.kiosk in members and link.kiosk not in also:
            continue
        name = link.kiosk or link.claims
        if link.number is None:
            done.problems.append(f"{name} is still connected: this nats-server can't cut one link. Restart the nodes")
            continue
        try:
            await system.ask_server(link.server_id, "KICK", {"cid": link.number})
            done.shut_out.append(name)
        except (HubRefused, BusUnreachable) as error:
            done.problems.append(f"{name} is still connected: {error}")
    return done


async def links(system: Hub) -> list[Link]:
    """The leaf nodes that are connected now."""
    answers = await system.ask_servers("LEAFZ", {"subscriptions": True, "account": HUB_ACCOUNT}, listen_s=_LISTEN_S)
    return [_link(each["server"]["id"], leaf) for each in answers for leaf in each["data"].get("leafs") or []]


def _link(server_id: str, leaf: dict[str, Any]) -> Link:
    names = {
        words[2]
        for words in (each.split(".") for each in leaf.get("subscriptions_list") or [])
        if words[:2] == ["hub", "api"] and len(words) > 3
    }
    return Link(
        server_id,
        leaf.get("id"),
        names.pop() if len(names) == 1 else None,
        str(leaf.get("name", "?")),
        str(leaf.get("ip", "?")),
    )


async def _deliver(folder: HubFolder, settings: Settings, name: str) -> str | None:
    node = settings.nodes[name]
    if not node.deliver:
        return None
    at: Path = folder.node(name)
    command = [each.format(folder=at, host=node.host) for each in node.deliver]
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:
        return f"node {name}: {command[0]}: {error.strerror}"
    try:
        said, _ = await asyncio.wait_for(process.communicate(), _DELIVER_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"node {name}: {command[0]} did not end within {_DELIVER_S:g} s"
    if process.returncode != 0:
        words = said.decode(errors="replace").strip().splitlines()
        return f"node {name}: {command[0]} failed: {words[-1] if words else process.returncode}"
    return None
