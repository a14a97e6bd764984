"""One change of the fleet, brought to the running hub in the order that leaves nobody let in by mistake."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge.bus.connection import BusError
from edge.bus.files import put
from edge.bus.hub import Hub
from edge.fleet.hub_conf import HubFolder, draw
from edge.fleet.nodes import deliver, reload, shut_out
from edge.fleet.register import KEEPER, SYSTEM
from edge.fleet.sources import Changes, reconcile

BEHIND: Final = "behind.json"


@dataclass
class Outcome:
    """What became of a change; `problems` are in words, and empty when all of the hub has it."""

    reloaded: list[str] = field(default_factory=list)
    shut_out: list[str] = field(default_factory=list)
    changes: Changes | None = None
    problems: list[str] = field(default_factory=list)


async def apply_all(folder: HubFolder, sign_in: Callable[[Path, str], Hub], *, cut: Collection[str] = ()) -> Outcome:
    """Draw, deliver, have the nodes read it, cut the links of who may not sign in any more, and set the sources.

    `cut` are kiosks whose links are cut in any case: those that got another key, now or by `apply_later`. A part that
    fails doesn't stop the others, but is told, and still to come (`BEHIND`).
    """
    outcome = Outcome()
    cut = await asyncio.to_thread(_fall_behind, folder, cut)
    await asyncio.to_thread(draw, folder)
    settings, register = folder.settings(), folder.register()
    outcome.problems += await deliver(folder, settings)
    try:
        async with sign_in(folder.path, SYSTEM) as system:
            read = await reload(system, settings)
            out = await shut_out(system, register.active, cut)
            outcome.reloaded, outcome.shut_out = read.reloaded, out.shut_out
            outcome.problems += [*read.problems, *out.problems]
        async with sign_in(folder.path, KEEPER) as keeper:
            outcome.changes = await reconcile(keeper, settings, register)
    except BusError as error:
        outcome.problems.append(str(error))
    if not outcome.problems:
        await asyncio.to_thread(_catch_up, folder, cut)
    return outcome


def apply_later(folder: HubFolder, *, cut: Collection[str] = ()) -> None:
    """Draw only, and keep in the folder that the running hub has not got it: `BEHIND` is there until it has.

    Raises:
        FleetError, KeyUnusable, OSError: it can't be done.
    """
    _fall_behind(folder, cut)
    draw(folder)


def _fall_behind(folder: HubFolder, cut: Collection[str]) -> list[str]:
    """All kiosks whose links are to be cut, also by changes that did not get to the hub."""
    all_of_them = sorted({*cut, *_behind(folder)})
    put(folder.path / BEHIND, json.dumps({"cut": all_of_them}) + "\n")
    return all_of_them


def _catch_up(folder: HubFolder, cut: Collection[str]) -> None:
    if set(_behind(folder)) <= set(cut):  # else somebody changed something meanwhile
        (folder.path / BEHIND).unlink(missing_ok=True)


def _behind(folder: HubFolder) -> list[str]:
    try:
        found = json.loads((folder.path / BEHIND).read_text(encoding="utf-8"))
        return [str(each) for each in found["cut"]]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []
