"""What every test can ask for."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from edge.bus import Client, EmbeddedServer
from edge.models import Store

REPOSITORY = Path(__file__).resolve().parent.parent

# Hypothesis's 200 ms an example are a speed test, and these machines are shared.
settings.register_profile("kiosk", deadline=None)
settings.load_profile("kiosk")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of models, pictures and voices that tests read in place."""
    folder = Path(os.environ.get("KIOSK_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}; set KIOSK_TEST_DATA to a folder with models/, images/ and audio/")
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


def server_2_10() -> Path:
    """The oldest nats-server we support, as `make test` installs it; skips where it isn't."""
    named = os.environ.get("KIOSK_NATS_SERVER_2_10")
    program = Path(named) if named else Path(sys.prefix) / "nats-server-2.10" / "bin" / "nats-server"
    if not program.is_file():
        pytest.skip(f"no nats-server 2.10 at {program}: make setup-test installs it")
    return program


@pytest.fixture(params=["newest", "2.10"])
async def each_server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """The newest nats-server, and 2.10, which the image and docker-compose.yml use."""
    program = server_2_10() if request.param == "2.10" else None
    async with EmbeddedServer(tmp_path / "nats", program=program) as server:
        yield server


@pytest.fixture(scope="session")
def model_store() -> Store:
    """What `kiosk models pull` brings; skips where it wasn't pulled."""
    store = Store()
    for finding in store.verify():
        if finding.state != "good":
            pytest.skip(f"{finding.words} (make setup-test pulls it)")
    return store
