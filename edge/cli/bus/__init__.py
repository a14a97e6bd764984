"""`kiosk bus`: look at the bus, watch it, say and ask something on it. A file a subcommand."""

from __future__ import annotations

import typer

from edge.cli.bus.saying import publish, request
from edge.cli.bus.status import status
from edge.cli.bus.watching import watch

app = typer.Typer(no_args_is_help=True, help="Look at the bus, watch it, publish and ask on it.")
for subcommand in (status, watch, publish, request):
    app.command()(subcommand)
