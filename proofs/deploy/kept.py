"""What the machine's bus holds: every event of it, and the orders they are about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from nats.js.api import ConsumerConfig, DeliverPolicy

from edge.bus import Client
from edge.contract.permissions import OPERATOR
from edge.contract.streams import EVENTS_STREAM
from proofs.deploy.door import Target

BUS_S: Final = 300.0
# In the receipt that the screen showed, above all.
_ORDER: Final = re.compile(r'"order_id":\s*"([^"]+)"')


@contextmanager
def bus_of(target: Target, folder: Path) -> Iterator[tuple[str, Path]]:
    """The address here of the machine's bus, and the operator's key, which is kept in `folder`."""
    keys = folder / "keys"
    keys.mkdir(mode=0o700, exist_ok=True)
    key = keys / "operator.nk"
    key.unlink(missing_ok=True)
    key.touch(mode=0o600)
    key.write_text(target.door.run("admin", "sudo cat /data/keys/operator.nk"), encoding="ascii")
    with target.door.tunnel("admin", 4222) as port:
        yield f"nats://127.0.0.1:{port}", key


async def last_sequence(url: str, key: Path) -> int:
    """The number of the newest event."""
    client = Client(url, name=OPERATOR, key_file=key)
    await client.connect(wait_s=BUS_S)
    try:
        return int((await client.js.stream_info(str(EVENTS_STREAM["name"]))).state.last_seq)
    finally:
        await client.close()


async def events(url: str, key: Path) -> tuple[set[str], set[str]]:
    """The message ids in the stream of events, and the orders that any of them names."""
    client = Client(url, name=OPERATOR, key_file=key)
    await client.connect(wait_s=BUS_S)
    ids: set[str] = set()
    orders: set[str] = set()
    try:
        stream = str(EVENTS_STREAM["name"])
        last = (await client.js.stream_info(stream)).state.last_seq
        config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
        reading = await client.js.subscribe("kiosk.>", stream=stream, ordered_consumer=True, config=config)
        while last:
            message = await reading.next_msg(timeout=BUS_S)
            ids.add((message.headers or {}).get("Nats-Msg-Id", ""))
            orders |= set(_ORDER.findall(message.data.decode()))
            if message.metadata.sequence.stream >= last:
                break
        await reading.unsubscribe()
    finally:
        await client.close()
    return ids, orders
