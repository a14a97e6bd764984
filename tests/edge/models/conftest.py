"""What keeps a developer's own settings out of these tests, and the network out of those that ask."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KIOSK_MODELS", "KIOSK_MODELS_MIRROR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients' own settings for a machine that reaches no registry."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")  # port 9, discard: nobody listens
    monkeypatch.setenv("npm_config_fetch_retries", "0")
