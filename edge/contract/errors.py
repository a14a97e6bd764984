"""Error codes of section 8.2, the format of 8.1, and our one addition, INVALID_REQUEST."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """What an agent may answer when it can't do as asked."""

    TIMEOUT = "TIMEOUT"
    UNAVAILABLE = "UNAVAILABLE"
    MENU_NOT_FOUND = "MENU_NOT_FOUND"
    ITEM_OUT_OF_STOCK = "ITEM_OUT_OF_STOCK"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    PAYMENT_TIMEOUT = "PAYMENT_TIMEOUT"
    HARDWARE_ERROR = "HARDWARE_ERROR"
    INVALID_REQUEST = "INVALID_REQUEST"  # ours: the specification has no code for a malformed request
    INTERNAL_ERROR = "INTERNAL_ERROR"  # ours: the agent has a fault; its log has the details

    @property
    def retryable(self) -> bool:
        """Whether asking again may help (section 8.2)."""
        return self in _RETRYABLE


_RETRYABLE = frozenset(
    {ErrorCode.TIMEOUT, ErrorCode.UNAVAILABLE, ErrorCode.PAYMENT_DECLINED, ErrorCode.PAYMENT_TIMEOUT}
)


class ContractError(Exception):
    """A message is not what the contract says."""


class InvalidMessage(ContractError):
    """The bytes are not an envelope at all."""


class InvalidPayload(ContractError):
    """A payload field is missing or wrong; `field` is its path, such as ``cart[0].quantity``."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


class AskError(Exception):
    """A request's refusal: raised by a handler to refuse, and in the asker when it was refused.

    `code` is usually an ErrorCode; a code that this version doesn't know arrives as plain text.
    """

    def __init__(self, code: ErrorCode | str, message: str, *, retryable: bool | None = None) -> None:
        super().__init__(message)
        self.code = str(code)
        self.message = message
        known = ErrorCode(code) if code in ErrorCode.__members__ else None
        self.retryable = retryable if retryable is not None else bool(known and known.retryable)

    def payload(self) -> dict[str, Any]:
        """The refusal in the format of section 8.1."""
        return {
            "status": "error",
            "error_code": self.code,
            "error_message": self.message,
            "retryable": self.retryable,
        }

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> AskError:
        """Read a refusal, tolerating what a foreign agent left out."""
        code = str(payload.get("error_code") or ErrorCode.INTERNAL_ERROR)
        retryable = payload.get("retryable")
        return cls(
            code,
            str(payload.get("error_message") or payload.get("error") or "no reason given"),
            retryable=retryable if isinstance(retryable, bool) else None,
        )

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
