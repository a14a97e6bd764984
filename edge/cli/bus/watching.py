"""`kiosk bus watch`: messages as they come."""

from __future__ import annotations

from typing import Annotated

import typer

from edge.bus.connection import DEFAULT_URL
from edge.bus.history import choosing, live
from edge.cli.bus.ids import SessionId, TraceId
from edge.cli.bus.opening import Url, connected
from edge.cli.bus.telling import as_fields, print_json, show
from edge.cli.speaking import console, run
from edge.contract.subjects import ALL


def watch(
    subject: Annotated[str, typer.Argument(help="Which subjects; * is one word, > the rest.")] = ALL,
    *,
    session: SessionId = "",
    trace: TraceId = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    count: Annotated[int | None, typer.Option(help="Stop after so many messages.", min=1)] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Show events and commands as they come: time, session, trace, subject, and what it says. Ctrl-C ends.

    Examples: kiosk bus watch · kiosk bus watch 'kiosk.voice.*' · kiosk bus watch --trace 3f8c --json | jq .
    """
    chosen = choosing(session=session, trace=trace)

    async def look() -> None:
        client = await connected(url)
        seen = 0
        try:
            async for entry in live(client, subject):
                if not chosen(entry):
                    continue
                if as_json:
                    print_json(as_fields(entry))
                else:
                    show(entry, console)
                seen += 1
                if seen == count:
                    return
        finally:
            await client.close()

    run(look())
