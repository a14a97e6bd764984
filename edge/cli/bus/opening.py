"""What every `kiosk bus` subcommand begins with: the server's address, who we are, and a connection to it."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import Annotated

import typer

from edge.bus import Client
from edge.bus.keys import key_path
from edge.contract.permissions import OPERATOR

KEYS_VARIABLE = "KIOSK_BUS_KEYS"
_CONNECT_S = 5.0
_keys: ContextVar[Path | None] = ContextVar("kiosk_bus_keys", default=None)

Url = Annotated[str, typer.Option("--url", envvar="KIOSK_BUS_URL", help="The NATS server.")]


def sign_in(
    keys: Annotated[
        Path | None,
        typer.Option(
            envvar=KEYS_VARIABLE,
            help="The folder of keys (kiosk bus keys): sign in as the operator. Without, the bus must want no keys.",
        ),
    ] = None,
) -> None:
    """Look at the bus, watch it, publish and ask on it.

    Where it wants keys: kiosk bus --keys DIR status
    """
    _keys.set(keys)


async def connected(url: str) -> Client:
    """The operator's client on the bus at `url`.

    Raises:
        BusUnreachable: no server answers.
        SignInRefused: the server wants a key, or another.
    """
    keys = _keys.get()
    client = Client(url, name=OPERATOR, key_file=key_path(keys, OPERATOR) if keys else None)
    await client.connect(wait_s=_CONNECT_S)
    return client
