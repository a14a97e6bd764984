"""How a device is: one vocabulary for all of them, beside the errors of `drivers.errors`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from drivers.errors import DriverError


class Condition(StrEnum):
    """What a device can do now."""

    READY = "ready"  # everything it is for
    DEGRADED = "degraded"  # it is there, and can't do all of it: paper low, cover open, no answer to a question
    ABSENT = "absent"  # nothing is there, or nothing that answers


@dataclass(frozen=True)
class DeviceState:
    """A device's condition with the reason, fit for an integrator to read; "" where it is ready.

    `code` is the driver error's that it comes from, such as ``out_of_paper``; "" where it comes from none.
    """

    condition: Condition
    reason: str = ""
    code: str = ""

    @classmethod
    def of(cls, error: DriverError) -> DeviceState:
        """The state that `error` stands for: absent where nothing is there, else degraded."""
        gone = error.code in ("absent", "lost", "setup")
        return cls(Condition.ABSENT if gone else Condition.DEGRADED, str(error), error.code)


READY = DeviceState(Condition.READY)
