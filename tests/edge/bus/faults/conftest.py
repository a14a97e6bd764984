"""What the fault tests share."""

from __future__ import annotations

import pytest

from edge.bus import connection


@pytest.fixture(autouse=True)
def quick_reconnects(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Try again after a moment, not after section 2.3's two seconds; `specified_pace` leaves them."""
    if "specified_pace" not in request.fixturenames:
        monkeypatch.setattr(connection, "RECONNECT_WAIT_S", 0.1)


@pytest.fixture
def specified_pace() -> None:
    """Reconnect as section 2.3 has it."""
