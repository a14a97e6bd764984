"""`kiosk leds`: the LED strip by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drivers.leds.dark import darken
from edge.cli.speaking import console, fail, run
from edge.config import Config, ConfigError, load

app = typer.Typer(no_args_is_help=True, help="The LED strip by hand.")


@app.callback()
def leds() -> None:
    """The LED strip by hand."""


@app.command()
def off(
    url: Annotated[
        str | None, typer.Argument(help="The strip, such as spi:/dev/spidev0.0?count=24, instead of kiosk.toml's.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="The kiosk.toml whose [devices] names the strip.")
    ] = None,
) -> None:
    """Darken a strip that somebody left lit: a WS2812 shows its last frame for as long as it has power.

    A unit of systemd's that runs the hardware agent names this in ExecStopPost=, for when it and its guard are killed.
    Where another program drives the strip it is left to that one, with exit code 1.

    Examples: kiosk leds off --config kiosk.toml · kiosk leds off 'spi:/dev/spidev0.0?count=24'
    """
    if url is None:
        try:
            url = (load(config) if config else Config()).devices.leds
        except ConfigError as error:
            fail(str(error))
    run(darken(url))
    console.print(f"dark: {url}", highlight=False)
