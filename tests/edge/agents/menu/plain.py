"""A NATS client that knows only the specification: no types, no headers, no SDK of ours."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import nats

from edge.bus import EmbeddedServer


async def asked_plainly(server: EmbeddedServer, subject: str, request: str, timeout_s: float = 2) -> dict[str, Any]:
    """The payload of the answer to `request`, JSON text, on `subject`.

    Returns once the agent's queue has put the stored copy away, so that no test ends in the middle of it.
    """
    plain = await nats.connect(server.url)
    try:
        answer = json.loads((await plain.request(subject, request.encode(), timeout=timeout_s)).data)
        async with asyncio.timeout(10):
            while (await plain.jetstream().stream_info("KIOSK_COMMANDS")).state.messages:
                await plain.flush()
    finally:
        await plain.close()
    payload = answer["payload"]
    assert isinstance(payload, dict)
    return payload
