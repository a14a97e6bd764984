"""`kiosk fleet`: many kiosks and their hub. A file a part of it."""

from __future__ import annotations

import typer

from edge.cli.fleet.hub import apply, hub, nodes, pass_, section
from edge.cli.fleet.looking import ask, losses, status, watch
from edge.cli.fleet.members import add, list_, person, revoke
from edge.cli.fleet.on_kiosk import join, key
from edge.cli.fleet.serving import dashboard, rules, serve

app = typer.Typer(
    no_args_is_help=True,
    help="Many kiosks and their hub: who belongs to it, what arrives, questions to one kiosk. docs/fleet.md begins "
    "with nothing and ends with a hub and a kiosk.",
)
app.command()(hub)
app.command("apply")(apply)
app.command()(add)
app.command()(revoke)
app.command("list")(list_)
app.command()(person)
app.command("pass")(pass_)
app.command()(section)
app.command()(nodes)
app.command()(key)
app.command()(join)
app.command()(serve)
app.command()(status)
app.command()(ask)
app.command()(watch)
app.command()(losses)
app.command()(dashboard)
app.command()(rules)
