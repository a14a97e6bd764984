"""The `kiosk` command."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version
from typing import Annotated, Final

import typer

# Each command, and where it is: a group of them is an `app`. Only what is asked for is imported, for on a kiosk each
# unit starts one, all at the same time; who asks for help gets all of them.
COMMANDS: Final = {
    "virtual": "edge.cli.virtual:virtual",
    "run": "edge.cli.agents:run_agents",
    "monitor": "edge.cli.monitor:monitor",
    "bus": "edge.cli.bus:app",
    "contract": "edge.cli.contract:app",
    "menu": "edge.cli.menu:app",
    "models": "edge.cli.models:app",
    "payment": "edge.cli.payment:app",
    "leds": "edge.cli.leds:app",
    "flash": "edge.cli.flash:flash",
    "fleet": "edge.cli.fleet:app",
    "update": "edge.cli.update:app",
    "service": "edge.cli.service:app",
    "doctor": "edge.cli.doctor:doctor",
    "firstboot": "edge.cli.firstboot:firstboot",
    "page": "edge.cli.page:page",
    "ticket": "edge.cli.ticket:ticket",
}


def application(asked: str = "") -> typer.Typer:
    """The command line with the command `asked` in it; with all of them if there is none of that name."""
    app = typer.Typer(
        name="kiosk",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="The software on a self-service ordering kiosk. Start with: kiosk virtual",
        # A single command would be taken for the program itself.
        callback=_program,
    )
    for name in [asked] if asked in COMMANDS else COMMANDS:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def main() -> None:
    """Run the command."""
    application(sys.argv[1] if len(sys.argv) > 1 else "")()


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"kiosk-edge {version('kiosk-edge')}")
        raise typer.Exit


def _program(
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    pass


if __name__ == "__main__":
    main()
