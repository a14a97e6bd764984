"""How the command speaks: one console, errors in a line, JSON in colour."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from drivers.errors import DriverError
from edge.agents.menu.catalogue import MenuInvalid
from edge.agents.payment.gateway import GatewayError
from edge.agents.payment.journal import JournalError
from edge.assembly import LibraryMissing
from edge.bus import BusError
from edge.bus.keys import KeyUnusable
from edge.config import ConfigError
from edge.contract.errors import AskError, ContractError
from edge.models import ModelError

T = TypeVar("T")

console = Console()
complaints = Console(stderr=True)

# What a user can mend, or must hear of: said in a line, without a traceback.
EXPECTED = (
    AskError,
    BusError,
    ConfigError,
    ContractError,
    DriverError,
    GatewayError,
    JournalError,
    KeyUnusable,
    LibraryMissing,
    MenuInvalid,
    ModelError,
)


def fail(text: str, code: int = 1) -> NoReturn:
    """Say what went wrong and stop."""
    complaints.print(f"[bold red]kiosk:[/] {escape(text)}", highlight=False)
    raise typer.Exit(code)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a subcommand's work; an expected error becomes a line, Ctrl-C a quiet end."""
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            return runner.run(work)
    except EXPECTED as error:
        fail(str(error))
    except OSError as error:  # a folder that can't be written, a port that is taken
        fail(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _new_loop() -> asyncio.AbstractEventLoop:
    """uvloop where it is installed: a quarter off each round trip on the bus (docs/speed.md)."""
    try:
        import uvloop  # noqa: PLC0415 - there is none for some systems
    except ModuleNotFoundError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def log_to_terminal(*, verbose: bool, timestamps: bool = False) -> None:
    """Let the program's log reach the terminal: warnings, or with `verbose` everything of ours."""
    shape = "%(asctime)s %(levelname)-7s %(message)s" if timestamps else "%(levelname)-7s %(message)s"
    logging.basicConfig(level=logging.WARNING, format=shape)
    for ours in ("edge", "drivers"):
        logging.getLogger(ours).setLevel(logging.DEBUG if verbose else logging.WARNING)


def json_object(text: str) -> dict[str, Any]:
    """A JSON object given on the command line; an envelope's payload is taken out of it."""
    try:
        value = json.loads(text)
    except ValueError as error:
        fail(f"the payload is not JSON: {error}", 2)
    if not isinstance(value, dict):
        fail('the payload must be a JSON object, such as \'{"command":"search","query":"burger"}\'', 2)
    payload = value.get("payload", value)
    if not isinstance(payload, dict):
        fail("the envelope's payload must be a JSON object", 2)
    return payload
