"""What the error codes mean (section 8.2), and which of them to expect of whom."""

from __future__ import annotations

from typing import Any

from edge.contract.errors import ErrorCode
from edge.contract.subjects import Command

MEANINGS: dict[ErrorCode, str] = {
    ErrorCode.TIMEOUT: "The agent did not respond in time.",
    ErrorCode.UNAVAILABLE: "The agent is not running, or can't work now.",
    ErrorCode.MENU_NOT_FOUND: "No dish matches the search, or has that id.",
    ErrorCode.ITEM_OUT_OF_STOCK: "The dish is sold out.",
    ErrorCode.PAYMENT_DECLINED: "The card was declined.",
    ErrorCode.PAYMENT_TIMEOUT: "No card was tapped in time.",
    ErrorCode.HARDWARE_ERROR: "A peripheral failed; the message says which and how.",
    ErrorCode.INVALID_REQUEST: "The request is not what the contract says; the message names the field. "
    "Ours: section 8.2 has no code for it.",
    ErrorCode.INTERNAL_ERROR: "The agent has a fault; its log has the details. Ours: section 8.2 has no code for it.",
}

# What our client says when no answer comes, and what any agent may answer.
BY_THE_CLIENT = (ErrorCode.TIMEOUT, ErrorCode.UNAVAILABLE)
BY_ANY_AGENT = (ErrorCode.INVALID_REQUEST, ErrorCode.INTERNAL_ERROR)

# What an agent may answer besides.
BY_AGENT: dict[str, tuple[ErrorCode, ...]] = {
    "menu": (ErrorCode.MENU_NOT_FOUND,),
    "recsys": (),
    "payment": (
        ErrorCode.PAYMENT_DECLINED,
        ErrorCode.PAYMENT_TIMEOUT,
        ErrorCode.ITEM_OUT_OF_STOCK,
        ErrorCode.UNAVAILABLE,
    ),
    "hardware": (ErrorCode.HARDWARE_ERROR,),
    "orchestrator": (),
}


def codes_of(command: Command[Any, Any]) -> tuple[ErrorCode, ...]:
    """What an asker of `command` should be ready for: the agent's own codes first."""
    return tuple(dict.fromkeys((*BY_AGENT[command.done_by], *BY_THE_CLIENT, *BY_ANY_AGENT)))
