"""`kiosk bus dead`: commands that were given up on."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from edge.bus.connection import DEFAULT_URL
from edge.bus.dead import Grave, ask_again, envelope_of, forget, graves
from edge.cli.bus.opening import Url, connected
from edge.cli.speaking import console, fail, run
from edge.contract.errors import ContractError
from edge.contract.subjects import PAYMENT_PROCESS
from edge.contract.wire import Payload, to_fields, to_json

app = typer.Typer(
    help="List the commands that were given up on, ask them again, forget them.", invoke_without_command=True
)

_REASONS = {
    "expired": "came to the agent after its deadline; not done",
    "given_up": "the agent died over it, as often as it may be delivered; perhaps done in part",
    "unclaimed": "no agent took it; not done",
}

Number = Annotated[int, typer.Argument(help="The record's number, as `kiosk bus dead` lists it.", show_default=False)]


async def _all(url: str) -> list[Grave]:
    client = await connected(url)
    try:
        return [grave async for grave in graves(client)]
    finally:
        await client.close()


@app.callback()
def listing(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    url: Url = DEFAULT_URL,
) -> None:
    """List the commands that were given up on: when, what, why.

    Their askers were told TIMEOUT or UNAVAILABLE. Records are kept for 30 days.

    Examples: kiosk bus dead · kiosk bus dead show 3 · kiosk bus dead replay 3 · kiosk bus dead forget --all
    """
    if context.invoked_subcommand is not None:
        return
    found = run(_all(url))
    if as_json:
        for grave in found:
            print(json.dumps({"number": grave.number, "died_at": grave.died_at} | to_fields(grave.command)))
        return
    if not found:
        console.print("nothing was given up on")
        return
    table = Table("number", "died at", "command", "delivered", "why", box=None, header_style="dim")
    for grave in found:
        command = grave.command
        table.add_row(
            str(grave.number), grave.died_at, command.subject, f"{command.deliveries}x", _REASONS[command.reason]
        )
    console.print(table)


@app.command()
def show(number: Number, url: Url = DEFAULT_URL) -> None:
    """Show one record with the command as it was sent."""
    grave = _find(number, run(_all(url)))
    console.print_json(
        json.dumps({"number": grave.number, "died_at": grave.died_at} | to_fields(grave.command) | _content(grave))
    )


@app.command()
def replay(
    number: Number,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds to wait for the answer; default: the command's own.", min=0.01)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask a payment again without asking you.")] = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Ask the command again, show the answer, and forget the record when it was answered.

    A payment wants your word: its customer may have left. (It is never charged twice: the payment agent keeps a
    journal by order.)
    """
    grave = _find(number, run(_all(url)))
    if grave.command.subject in PAYMENT_PROCESS.subjects and not yes:
        typer.confirm("This is a payment, and its customer may have left. Ask for it again?", abort=True)

    async def ask() -> Payload:
        client = await connected(url)
        try:
            answer = await ask_again(client, grave.command, timeout)
            await forget(client, number)
        finally:
            await client.close()
        return answer

    console.print_json(to_json(to_fields(run(ask()))).decode())


@app.command(name="forget")
def forget_(
    number: Annotated[int | None, typer.Argument(help="The record's number.", show_default=False)] = None,
    everything: Annotated[bool, typer.Option("--all", help="Forget all of them.")] = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Remove a record, or all."""
    if (number is None) != everything:
        fail("say which: a number, or --all", 2)
    found = run(_all(url))
    chosen = found if number is None else [_find(number, found)]

    async def remove() -> None:
        client = await connected(url)
        try:
            for grave in chosen:
                await forget(client, grave.number)
        finally:
            await client.close()

    run(remove())
    console.print(f"forgot {len(chosen)}")


def _find(number: int, found: list[Grave]) -> Grave:
    chosen = next((grave for grave in found if grave.number == number), None)
    if chosen is None:
        fail(f"there is no record {number}; kiosk bus dead lists them")
    return chosen


def _content(grave: Grave) -> dict[str, object]:
    """The command read, where it can be."""
    try:
        return {"message": vars(envelope_of(grave.command))}
    except ContractError:
        return {}
