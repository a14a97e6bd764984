"""The strips that tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drivers.leds.wire import build_shim


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built spidev shim; who asks for it has found that this machine can build it."""
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A temporary folder whose path leaves room for a socket's name, which tmp_path needn't."""
    with tempfile.TemporaryDirectory(prefix="spi") as folder:
        yield Path(folder)
