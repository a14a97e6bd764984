"""What the orchestrator says of a customer's session (section 6.4)."""

from __future__ import annotations

from typing import Literal

from edge.contract.wire import Payload, Seconds

EndReason = Literal["completed", "timeout", "cancelled"]


class SessionStarted(Payload, frozen=True, kw_only=True):
    """A customer's session began; its id is the envelope's."""

    event: Literal["session_started"] = "session_started"
    kiosk_id: str


class SessionEnded(Payload, frozen=True, kw_only=True):
    """A customer's session ended."""

    event: Literal["session_ended"] = "session_ended"
    reason: EndReason
    duration_seconds: Seconds
