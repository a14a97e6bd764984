"""What is kept of a command that was given up on: `kiosk.dead.{agent}` in KIOSK_DEAD. Ours, not the specification's."""

from __future__ import annotations

from typing import Literal

from edge.contract.wire import Payload


class DeadCommand(Payload, frozen=True, kw_only=True):
    """A durable command that nobody will carry out any more.

    `reason`: it came to its agent after its deadline (expired); its last delivery was never acknowledged, so that
    it may have been done in part (given_up); no agent ever took it (unclaimed). `message` is the command's whole
    envelope as it was sent, as text; null when it was gone before it could be kept.
    """

    event: Literal["command_died"] = "command_died"
    subject: str
    agent: str
    reason: Literal["expired", "given_up", "unclaimed"]
    deliveries: int
    stored_at: str
    message: str | None
