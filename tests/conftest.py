"""What every test can ask for."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.bus import Client, EmbeddedServer

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of models, pictures and voices that tests read in place."""
    folder = Path(os.environ.get("KIOSK_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(
            f"no test data at {folder}; set KIOSK_TEST_DATA to a folder with models/, images/ and audio/"
        )
    return folder


@pytest.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A real nats-server of the test's own."""
    async with EmbeddedServer(tmp_path / "nats") as server:
        yield server


@pytest.fixture
async def bus(nats_server: EmbeddedServer) -> AsyncIterator[Client]:
    """A connected client on a server that has the contract's streams."""
    client = Client(nats_server.url, name="test")
    await client.connect(wait_s=10, setup=True)
    yield client
    await client.close()
