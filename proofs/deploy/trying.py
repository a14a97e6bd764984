"""What the proofs of the playbooks share: how a try ends, and waiting for what has to become so."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.markup import escape

from edge.bus.connection import BusUnreachable
from edge.fleet.errors import FleetError
from image.recipe import RecipeError
from proofs.deploy.door import MachineFailed
from proofs.deploy.playbook import Playbook
from proofs.deploy.steps import Broken
from proofs.powercuts.customer import NotServed
from proofs.powercuts.guest import GuestFailed

_LOOK_S: Final = 0.5
# Why something can't be tried here, or went wrong beside what is tried. RuntimeError: a server that doesn't start.
_FAILED: Final = (
    MachineFailed,
    GuestFailed,
    FleetError,
    RecipeError,
    OSError,
    RuntimeError,
    subprocess.SubprocessError,
)

Found = TypeVar("Found")
_Proof = Callable[[ExitStack, list[Playbook]], dict[str, Any]]


def tried(name: str, proof: _Proof, report: Path, console: Console) -> int:
    """Do `proof` to its end, write what it found to `report`, and say how it went.

    `proof` leaves what has to be undone on the stack, and its playbooks in the list: they end when this does, also by
    SIGTERM. Returns what to exit with: 1 when a promise broke, 2 when it couldn't be tried.
    """
    playbooks: list[Playbook] = []

    def end(*_: object) -> None:
        for each in playbooks:
            each.stop()
        sys.exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        with ExitStack() as stack:
            found = proof(stack, playbooks)
    except (Broken, NotServed) as error:
        console.print(f"[red]broken:[/] {escape(str(error))}", highlight=False)
        return 1
    except _FAILED as error:
        console.print(f"[red]{name}:[/] {escape(str(error))}", highlight=False)
        return 2
    except KeyboardInterrupt:
        console.print(f"[red]{name}:[/] stopped; nothing runs any more")
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)
    told = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **found}
    report.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    console.print(f"figures in {report}", highlight=False)
    return 0


async def until(look: Callable[[], Coroutine[Any, Any, Found]], what: str, within_s: float) -> Found:
    """What `look` finds, once it finds something. A hub or a kiosk that is away is waited for.

    Raises:
        Broken: it doesn't within `within_s`; the text is about `what`, which was to be.
    """
    until_s = time.monotonic() + within_s
    why = ""
    while time.monotonic() < until_s:
        try:
            found = await look()
            if found:
                return found
        except (FleetError, BusUnreachable) as error:
            why = f": {error}"
        await asyncio.sleep(_LOOK_S)
    raise Broken(f"not within {within_s:g} s: {what}{why}")
