"""What every test can ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of models, pictures and voices that tests read in place."""
    folder = Path(os.environ.get("KIOSK_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}; set KIOSK_TEST_DATA to a folder with models/, images/ and audio/")
    return folder
