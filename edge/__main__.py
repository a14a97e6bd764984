"""The `kiosk` command."""

from __future__ import annotations

import typer

from edge.cli import bus, contract, leds, menu, models, payment, update
from edge.cli.agents import run_agents
from edge.cli.doctor import doctor
from edge.cli.firstboot import firstboot
from edge.cli.flash import flash
from edge.cli.monitor import monitor
from edge.cli.page import page
from edge.cli.ticket import ticket
from edge.cli.virtual import virtual

app = typer.Typer(
    name="kiosk",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The software on a self-service ordering kiosk. Start with: kiosk virtual",
)
app.command()(virtual)
app.command("run")(run_agents)
app.command()(monitor)
app.add_typer(bus.app, name="bus")
app.add_typer(contract.app, name="contract")
app.add_typer(menu.app, name="menu")
app.add_typer(models.app, name="models")
app.add_typer(payment.app, name="payment")
app.add_typer(leds.app, name="leds")
app.command()(flash)
app.add_typer(update.app, name="update")
app.command()(doctor)
app.command()(firstboot)
app.command()(page)
app.command()(ticket)


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
