"""What every `kiosk bus` subcommand begins with: the server's address, and a connection to it."""

from __future__ import annotations

from typing import Annotated

import typer

from edge.bus import Client

_CONNECT_S = 5.0

Url = Annotated[str, typer.Option("--url", envvar="KIOSK_BUS_URL", help="The NATS server.")]


async def connected(url: str) -> Client:
    """A client on the bus at `url`.

    Raises:
        BusUnreachable: no server answers.
    """
    client = Client(url, name="kiosk-cli")
    await client.connect(wait_s=_CONNECT_S)
    return client
