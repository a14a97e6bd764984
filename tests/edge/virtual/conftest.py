"""A virtual kiosk of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.config import Config
from edge.models import Store
from edge.virtual.kiosk import VirtualKiosk


@pytest.fixture
async def kiosk(model_store: Store, tmp_path: Path) -> AsyncIterator[VirtualKiosk]:
    """All of it, on free ports."""
    async with VirtualKiosk(Config(), model_store, tmp_path / "data") as kiosk:
        yield kiosk
