"""One change of the fleet, brought to the running hub in the order that leaves nobody let in by mistake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from edge.bus.connection import BusError
from edge.bus.hub import Hub
from edge.fleet.hub_conf import HubFolder, draw
from edge.fleet.nodes import deliver, reload, shut_out
from edge.fleet.register import KEEPER, SYSTEM
from edge.fleet.sources import Changes, reconcile


@dataclass
class Outcome:
    """What became of a change; `problems` are in words, and empty when all of the hub has it."""

    reloaded: list[str] = field(default_factory=list)
    shut_out: list[str] = field(default_factory=list)
    changes: Changes | None = None
    problems: list[str] = field(default_factory=list)


async def apply_all(folder: HubFolder, sign_in: Callable[[Path, str], Hub], *, cut: Collection[str] = ()) -> Outcome:
    """Draw, deliver, have the nodes read it, cut the links of who may not sign in any more, and set the sources.

    `cut` are kiosks whose links are cut in any case: those that got another key. A part that fails doesn't stop the
    others, but is told.
    """
    outcome = Outcome()
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
    return outcome
