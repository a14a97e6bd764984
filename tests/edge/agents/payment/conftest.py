"""A shop with a payment agent on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.bus import EmbeddedServer
from tests.edge.agents.payment.shop import Shop


@pytest.fixture
async def shop(nats_server: EmbeddedServer, tmp_path: Path) -> AsyncIterator[Shop]:
    shop = Shop(tmp_path, nats_server.url)
    yield shop
    for agent in shop.agents:
        await agent.close()
