"""What the subcommands of `kiosk fleet` begin with: the hub's folder, and a connection to the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge.bus.hub import Hub
from edge.fleet.hub_conf import OPERATOR, HubFolder, checked_key
from edge.fleet.settings import Settings

FolderOption = Annotated[
    Path,
    typer.Option("--hub", envvar="KIOSK_FLEET_HUB", help="The hub's folder, or a pass to it (kiosk fleet pass)."),
]
AsOption = Annotated[str, typer.Option("--as", help="Who you are there: the name of a key in the folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: one JSON object a line.")]
DEFAULT_FOLDER = Path("hub")
DEFAULT_USER = OPERATOR


def signed_in(folder: Path, user: str) -> Hub:
    """A connection to the hub as `user`, to be opened with ``async with``.

    Raises:
        FleetError: there is no hub at `folder`, or no key of `user`.
    """
    at = HubFolder(folder)
    settings: Settings = at.settings()
    return Hub(settings.client_urls, user=user, key_file=checked_key(at, user), ca_file=at.ca)
