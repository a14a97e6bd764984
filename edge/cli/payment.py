"""`kiosk payment`: what the journal says, and giving money back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from edge import config
from edge.agents.payment import answers
from edge.agents.payment.journal import Attempt, Journal, JournalError
from edge.agents.payment.states import OPEN, State, Why
from edge.cli.speaking import console, fail, run

app = typer.Typer(
    no_args_is_help=True,
    help="List payments, follow one through its states, give one back, count a card's points.",
)

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="The kiosk.toml; without one every default holds.", show_default=False)
]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Where the journal is, instead of kiosk.toml's.", show_default=False)
]

_COLOURS = {State.CAPTURED: "green", State.DECLINED: "yellow", State.CANCELLED: "dim"}


def _journal(file: Path | None, data: Path | None) -> Journal:
    """The kiosk's journal, read beside the agent that may have it open."""
    try:
        folder = data or (config.load(file) if file else config.Config()).kiosk.data_dir
    except config.ConfigError as error:
        fail(str(error))
    path = folder / "payments" / "journal.sqlite"
    if not path.is_file():
        fail(f"no payments yet: there is no {path} (--data-dir names another folder)")
    return Journal(path)


def _state(attempt: Attempt) -> str:
    words = f"{attempt.state} ({attempt.why})" if attempt.why else str(attempt.state)
    return f"[{_COLOURS.get(attempt.state, 'red')}]{words}[/]"


@app.command("list")
def list_them(
    last: Annotated[int, typer.Option("--last", "-n", min=1, max=10_000, help="How many, newest first.")] = 20,
    unsettled: Annotated[
        bool, typer.Option("--unsettled", help="Only what is open, in doubt, or owed to a customer.")
    ] = False,
    config_file: ConfigFile = None,
    data: DataDir = None,
) -> None:
    """Show attempts to pay: when, for how much, and what became of them."""
    journal = _journal(config_file, data)

    async def read() -> list[Attempt]:
        try:
            if not unsettled:
                return await journal.latest(last)
            return [*await journal.unfinished(), *await journal.in_state(State.REFUNDING)]
        finally:
            await journal.close()

    table = Table("begun (UTC)", "attempt", "amount", "state", "transaction", box=None, header_style="dim")
    for attempt in run(read()):
        begun = attempt.begun_at.strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(begun, attempt.key, str(attempt.amount), _state(attempt), attempt.transaction_id)
    console.print(table if table.row_count else "nothing")


@app.command()
def show(
    order: Annotated[str, typer.Argument(help="The order's id, as on the receipt.")],
    config_file: ConfigFile = None,
    data: DataDir = None,
) -> None:
    """Follow an order's payment through its states, with what was bought and the gateway's own reference."""
    journal = _journal(config_file, data)

    async def read() -> None:
        try:
            attempt = await _found(journal, order)
            console.print(f"order {order}: {attempt.amount}, {_state(attempt)}", highlight=False)
            for line in attempt.lines:
                chosen = f" ({', '.join(line.customizations)})" if line.customizations else ""
                console.print(f"  {line.qty} x {line.name}{chosen}  {line.total}", highlight=False)
            console.print(f"  transaction {attempt.transaction_id}", highlight=False)
            console.print(f"  at the gateway: {attempt.reference or 'not known there'}", highlight=False)
            for at, state, why in await journal.history(attempt.key):
                console.print(f"  {at:%Y-%m-%d %H:%M:%S} {state}{f' ({why})' if why else ''}", highlight=False)
        finally:
            await journal.close()

    run(read())


@app.command()
def refund(
    order: Annotated[str, typer.Argument(help="The order's id, as on the receipt.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    config_file: ConfigFile = None,
    data: DataDir = None,
) -> None:
    """Give a whole charge back. It is written down here and carried out by the payment agent: within seconds while
    it runs, else when it starts."""
    journal = _journal(config_file, data)

    async def owe() -> Attempt:
        try:
            attempt = await _found(journal, order)
            if attempt.state in OPEN:
                raise JournalError(f"order {order} is {attempt.state}: the payment agent settles it first")
            if attempt.state is not State.CAPTURED:
                raise JournalError(f"order {order} is {attempt.state}: there is nothing to give back")
            if not yes:
                typer.confirm(f"Give {attempt.amount} of order {order} back?", abort=True)
            return await journal.move(attempt, State.REFUNDING, Why.CLERK)
        finally:
            await journal.close()

    owed = run(owe())
    console.print(f"order {order}: {owed.amount} is owed; `kiosk payment show {order}` tells when it is given back")


@app.command()
def points(
    card: Annotated[str, typer.Argument(help="The loyalty card's id, such as LOYALTY123.")],
    config_file: ConfigFile = None,
    data: DataDir = None,
) -> None:
    """Count the points that a loyalty card earned at this kiosk. What was given back earns none."""
    journal = _journal(config_file, data)

    async def count() -> int:
        try:
            return sum(answers.loyalty_points(attempt) for attempt in await journal.points(card))
        finally:
            await journal.close()

    console.print(f"{card}: {run(count())} points")


async def _found(journal: Journal, order: str) -> Attempt:
    attempt = await journal.last(order)
    if attempt is None:
        raise JournalError(f"the journal knows nothing of order {order}: `kiosk payment list` shows the last ones")
    return attempt
