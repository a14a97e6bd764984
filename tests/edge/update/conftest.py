"""A machine with two slots, and the real RAUC on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.update.kiosk import Machine
from tests.edge.update.rauc_service import RaucService, skip_without_mounting, skip_without_programs


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "machine")


@pytest.fixture
def rauc(tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> RaucService:
    """RAUC with keys and a configuration; nothing runs yet."""
    skip_without_programs()
    service = RaucService(tmp_path / "rauc", machine)
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    return service


@pytest.fixture
def rauc_runs(rauc: RaucService, tmp_path: Path) -> Iterator[RaucService]:
    """RAUC and its service, which can install."""
    skip_without_mounting(tmp_path)
    yield from (rauc for _ in rauc.start())
