"""What can be asked of the hardware agent (section 7.4), and how devices are told of."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from edge.contract.money import Money
from edge.contract.wire import Count, Payload


class SetLed(Payload, frozen=True, kw_only=True):
    """Play a pattern. Without a duration it plays until the next."""

    command: Literal["set_led"] = "set_led"
    color: Annotated[str, msgspec.Meta(pattern="^#[0-9A-Fa-f]{6}$")]
    pattern: Literal["solid", "pulse", "error"] = "solid"
    duration_ms: Annotated[int, msgspec.Meta(ge=1, le=3_600_000)] | None = None


class PrintedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the receipt, as in the payment (section 7.3); `price` is for one piece."""

    name: str
    qty: Count
    price: Money
    item_id: int | None = None
    customizations: list[str] = []


class PrintReceipt(Payload, frozen=True, kw_only=True):
    """Print a receipt. `receipt_url` (ours) becomes its QR code."""

    command: Literal["print_receipt"] = "print_receipt"
    order_id: str
    items: list[PrintedItem]
    total: Money
    transaction_id: str | None = None
    receipt_url: str | None = None


class Done(Payload, frozen=True, kw_only=True):
    """It is done."""

    status: Literal["success"] = "success"


class Condition(StrEnum):
    """What a device can do now: everything it is for, not all of it, or nothing."""

    READY = "ready"
    DEGRADED = "degraded"
    ABSENT = "absent"


class GetStatus(Payload, frozen=True, kw_only=True):
    """How is each device? Ours: section 7.4 has no such question."""

    command: Literal["status"] = "status"


class DeviceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one device is, since when (UTC).

    `reason` is for people, "" where it is ready; `code` is the driver error's, such as out_of_paper, "" without one.
    """

    name: str
    condition: Condition
    since: str
    reason: str = ""
    code: str = ""


class HardwareStatus(Payload, frozen=True, kw_only=True):
    """How each device is, as it was known when asked; none is asked anything for it."""

    status: Literal["success"] = "success"
    devices: list[DeviceStatus]


class CameraState(Payload, frozen=True, kw_only=True):
    """How the camera is. Ours: told at each change, and every 30 s for whoever began to listen."""

    event: Literal["camera_state"] = "camera_state"
    condition: Condition
    since: str
    reason: str = ""
    code: str = ""


class MicrophoneState(Payload, frozen=True, kw_only=True):
    """How the microphone is. Ours: told at each change, and every 30 s for whoever began to listen."""

    event: Literal["microphone_state"] = "microphone_state"
    condition: Condition
    since: str
    reason: str = ""
    code: str = ""
