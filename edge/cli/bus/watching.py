"""`kiosk bus watch`: messages as they come."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from edge.bus.connection import DEFAULT_URL
from edge.cli.bus.opening import Url, connected
from edge.cli.speaking import complaints, console, run
from edge.contract.envelope import NATSMessage
from edge.contract.errors import ContractError
from edge.contract.subjects import ALL


def watch(
    subject: Annotated[str, typer.Argument(help="Which subjects; * is one word, > the rest.")] = ALL,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    count: Annotated[int | None, typer.Option(help="Stop after so many messages.", min=1)] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Show messages as they come. Ctrl-C ends.

    Examples: kiosk bus watch · kiosk bus watch 'kiosk.voice.*' · kiosk bus watch --json | jq .
    """

    async def look() -> None:
        client = await connected(url)
        seen = 0
        try:
            async for where, message in client.watch(subject):
                _show(where, message, as_json=as_json)
                seen += 1
                if seen == count:
                    return
        finally:
            await client.close()

    run(look())


def _show(subject: str, message: NATSMessage | ContractError, *, as_json: bool) -> None:
    if isinstance(message, ContractError):
        if as_json:
            print(json.dumps({"subject": subject, "malformed": str(message)}), flush=True)
        else:
            complaints.print(f"{subject}  [red]malformed:[/] {message}", highlight=False)
        return
    if as_json:
        print(json.dumps({"subject": subject} | vars(message), ensure_ascii=False), flush=True)
    else:
        clock = message.timestamp[11:23]
        text = json.dumps(message.payload, ensure_ascii=False)
        console.print(f"[dim]{clock:12}[/] [cyan]{subject}[/] ", end="", highlight=False)
        console.print(text, markup=False, soft_wrap=True)
