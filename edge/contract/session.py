"""What the orchestrator says of a customer's session (section 6.4), and how it is asked to let nobody begin one."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

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


class SetService(Payload, frozen=True, kw_only=True):
    """Take the kiosk out of service once no customer is being served, give it back, or (without `wanted`) just ask.

    Ours, for whoever updates a kiosk: ask until `in_service` is false, work, then give it back with true. `reason` is
    for the page. A closure ends by itself after `for_s`, and when the machine starts anew: who asked may be gone.
    """

    command: Literal["set_service"] = "set_service"
    wanted: bool | None = None
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""
    for_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 900.0


class Service(Payload, frozen=True, kw_only=True):
    """Whether customers can begin, whether one is being served now, and whether a closure was asked for.

    `missing` names what the kiosk can't do without and hasn't got, such as menu or payment.
    """

    status: Literal["success"] = "success"
    in_service: bool
    serving: bool
    closing: bool
    missing: list[str] = []
