"""`kiosk bus publish` and `kiosk bus request`: say and ask something."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from edge.bus.connection import DEFAULT_URL
from edge.cli.bus.opening import Url, connected
from edge.cli.speaking import console, json_object, run

Payload = Annotated[
    str,
    typer.Argument(help="The payload as JSON (or a whole envelope).", metavar="PAYLOAD", show_default=False),
]


def publish(
    subject: Annotated[str, typer.Argument(help="An event's subject.", show_default=False)],
    payload: Payload,
    url: Url = DEFAULT_URL,
) -> None:
    """Publish an event in a proper envelope, and wait until the stream has it.

    Example: kiosk bus publish kiosk.vision.person_detected '{"event":"person_detected"}'
    """

    async def say() -> None:
        client = await connected(url)
        try:
            await client.publish(subject, json_object(payload))
        finally:
            await client.close()

    run(say())
    console.print("[green]stored[/]")


def request(
    subject: Annotated[str, typer.Argument(help="A command's subject.", show_default=False)],
    payload: Payload,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the answer.", min=0.01)] = 5.0,
    url: Url = DEFAULT_URL,
) -> None:
    """Ask an agent and show its answer.

    Exits 1 when it refused (the answer's status is error), isn't running or didn't answer.

    Example: kiosk bus request kiosk.agent.menu.search '{"command":"search","query":"burger"}'
    """

    async def ask() -> dict[str, object]:
        client = await connected(url)
        try:
            return await client.request(subject, json_object(payload), timeout)
        finally:
            await client.close()

    answer = run(ask())
    console.print_json(json.dumps(answer))
    body = answer.get("payload")
    if isinstance(body, dict) and body.get("status") == "error":
        raise typer.Exit(1)
