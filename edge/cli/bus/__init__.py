"""`kiosk bus`: look at the bus, watch it, say and ask something on it. A file a subcommand."""

from __future__ import annotations

import typer

from edge.cli.bus import dead
from edge.cli.bus.keys import keys
from edge.cli.bus.opening import sign_in
from edge.cli.bus.replaying import replay
from edge.cli.bus.saying import publish, request
from edge.cli.bus.status import status
from edge.cli.bus.tracing import trace
from edge.cli.bus.watching import watch

app = typer.Typer(no_args_is_help=True)
app.callback()(sign_in)
for subcommand in (status, watch, trace, replay, publish, request, keys):
    app.command()(subcommand)
app.add_typer(dead.app, name="dead")
