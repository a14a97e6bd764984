"""A machine with two slots."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edge.update.kiosk import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")
