"""One program drives a strip: two at once would flicker, and neither would know."""

from __future__ import annotations

import fcntl
import time
from typing import Final

from drivers.errors import DeviceAbsent

# A program that has just been killed is followed by the one that darkens the strip: that takes about half a second.
WAIT_S: Final = 2.0
_LOOK_AGAIN_S: Final = 0.02


def claim(fd: int, name: str) -> None:
    """Take the open device `fd` for this program alone, until `fd` is closed: the kernel does that for a killed one.

    Blocks up to `WAIT_S`.

    Raises:
        DeviceAbsent: another program has it.
    """
    give_up_s = time.monotonic() + WAIT_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= give_up_s:
                raise DeviceAbsent(f"{name}: another program drives the LED strip; only one can") from error
            time.sleep(_LOOK_AGAIN_S)
        else:
            return
