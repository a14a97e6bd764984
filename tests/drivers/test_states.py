"""The one vocabulary of device states."""

from __future__ import annotations

import pytest

from drivers.errors import CoverOpen, DeviceAbsent, DeviceLost, DeviceSetup, DeviceTimeout, DriverError, OutOfPaper
from drivers.states import READY, Condition, DeviceState


@pytest.mark.parametrize(
    ("error", "condition", "code"),
    [
        (DeviceAbsent("nothing at /dev/spidev0.0"), "absent", "absent"),
        (DeviceLost("unplugged"), "absent", "lost"),
        (DeviceSetup("no such backend"), "absent", "setup"),
        (DeviceTimeout("no answer in 2 s"), "degraded", "timeout"),
        (OutOfPaper("the roll is empty"), "degraded", "out_of_paper"),
        (CoverOpen("the cover is open"), "degraded", "cover_open"),
        (DriverError("something else"), "degraded", "driver_error"),
    ],
)
def test_an_error_stands_for_a_state(error: DriverError, condition: str, code: str) -> None:
    assert DeviceState.of(error) == DeviceState(Condition(condition), str(error), code)


def test_ready_needs_no_reason() -> None:
    assert (READY.condition, READY.reason, READY.code) == ("ready", "", "")
