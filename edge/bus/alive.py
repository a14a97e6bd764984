"""Whether a client still works: the difference between a server that is gone and a client that is stuck."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import urlsplit

from nats.aio.client import Client as NatsClient

from edge.bus.client import Client
from edge.bus.connection import BusError

_PORT: Final = 4222


async def stuck(client: Client, within_s: float) -> str | None:
    """What keeps `client` from ever working again; None if it works, or waits for a server, as it may for ever.

    It sends a message to itself. If that doesn't come back within `within_s`, a new connection tries: only where that
    one is greeted within as long, it is the old one's fault. Takes at most twice `within_s`.
    """
    if client.left:
        return None
    ended = _ended(client.nc)
    if ended is not None:
        return ended
    if not client.connected or await _answered(client, within_s) or not client.connected:
        return None
    if not await _server_speaks(client.url, within_s):
        return None  # to nobody
    return f"the server answers, and its answer doesn't come to {client.name}"


async def _server_speaks(url: str, within_s: float) -> bool:
    """Whether the server greets who connects, as it does before it asks for a key."""
    address = urlsplit(url)
    writer = None
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(address.hostname, address.port or _PORT)
            return (await reader.readuntil(b" ")).strip() == b"INFO"
    except (TimeoutError, OSError, EOFError, asyncio.LimitOverrunError):
        return False
    finally:
        if writer is not None:
            writer.close()


async def _answered(client: Client, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            await client.settle()
    except (TimeoutError, BusError):
        return False
    return True


def _ended(nc: NatsClient) -> str | None:
    """The task of the connection that ended while it should go on (nats-py 2.16)."""
    if nc.is_connected:
        needed = {"reading": nc._reading_task, "writing": nc._flusher_task}
    elif nc.is_reconnecting:
        needed = {"connecting again": nc._reconnection_task}
    else:
        return None
    for name, task in needed.items():
        if task is not None and task.done():
            return f"its {name} has ended"
    return None
