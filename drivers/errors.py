"""What can go wrong with a device. Each error has a stable `code` that reaches the asker."""

from __future__ import annotations

from typing import ClassVar


class DriverError(Exception):
    """A device failed in a way its driver understands. The text is fit for an integrator to read."""

    code: ClassVar[str] = "driver_error"


class DeviceAbsent(DriverError, FileNotFoundError):
    """Nothing answers at the device's address: unplugged, not installed, or no permission."""

    code = "absent"


class DeviceTimeout(DriverError, TimeoutError):
    """The device is there and did not answer in time."""

    code = "timeout"


class DeviceLost(DriverError, ConnectionError):
    """The device went away while it was in use."""

    code = "lost"


class DeviceSetup(DriverError, ValueError):
    """The device's URL or its library can't be used as configured; the text says how to mend it."""

    code = "setup"


class OutOfPaper(DriverError):
    """The printer's roll is empty; nothing of the receipt counts as printed."""

    code = "out_of_paper"


class CoverOpen(DriverError):
    """The printer's cover is open."""

    code = "cover_open"


class CardTornAway(DriverError):
    """The card left the field before it was read."""

    code = "card_torn_away"
