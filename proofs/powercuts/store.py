"""Which events a JetStream store holds: the real nats-server is started on it, and asked."""

from __future__ import annotations

import asyncio
from pathlib import Path

from edge.bus import Client, EmbeddedServer
from edge.bus.connection import BusError
from edge.bus.server import PageAccess

_CONNECT_S = 30.0


class StoreUnusable(Exception):
    """nats-server does not start on the store, or does not answer; the text is what it said."""


def held_events(store: Path, server: Path | None = None) -> set[str]:
    """The msg_ids of the events in the store_dir `store`, which the server changes.

    `server` is the nats-server to start; without, the one that `kiosk virtual` runs.

    Raises:
        StoreUnusable: it can't be asked.
    """
    try:
        return asyncio.run(_held(store, server))
    except (BusError, OSError, TimeoutError) as error:
        raise StoreUnusable(str(error) or type(error).__name__) from error


async def _held(store: Path, program: Path | None) -> set[str]:
    # With a page it has the contract's accounts, in whose name the kiosk's server keeps its streams, and wants no keys.
    async with EmbeddedServer(store, program=program, page=PageAccess("http://127.0.0.1")) as server:
        client = Client(server.url, name="power-cuts")
        await client.connect(wait_s=_CONNECT_S)
        try:
            return {message.msg_id async for message in client.stored()}
        finally:
            await client.close()
