"""RAUC's custom bootloader handler: ``get-primary``, ``set-primary``, ``get-state``, ``set-state``, ``get-current``.

RAUC (its manual, "Custom" under bootloader integration) starts the program that ``bootloader-custom-backend`` names
with one of these; answers go to standard output, 0 means done. ``python -m edge.update.bootchooser`` starts in a
fraction of the time of the whole command: RAUC runs it half a dozen times an install.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.update.errors import UpdateError
from edge.update.slots import Slots
from edge.update.state import SLOTS

BOOT = Path("/boot/config")
DATA = Path("/data")
BOOT_VARIABLE = "KIOSK_BOOT"
DATA_VARIABLE = "KIOSK_DATA"

USAGE = "get-primary | set-primary SLOT | get-state SLOT | set-state SLOT good|bad | get-current, where SLOT is A or B"


def answer(slots: Slots, words: Sequence[str]) -> str:
    """Do what RAUC asks with `words`; what it reads on standard output is returned.

    Raises:
        UpdateError: it can't be done, or isn't a question of RAUC's.
    """
    match words:
        case ["get-primary"]:
            return slots.primary()
        case ["get-current"]:
            return slots.running()
        case ["get-state", slot] if slot in SLOTS:
            return "good" if slots.is_good(slot) else "bad"
        case ["set-primary", slot] if slot in SLOTS:
            slots.set_primary(slot)
        case ["set-state", slot, "good"] if slot in SLOTS:
            slots.set_good(slot)
        case ["set-state", slot, "bad"] if slot in SLOTS:
            slots.set_bad(slot)
        case _:
            raise UpdateError(f"{' '.join(words) or 'nothing'!r} is not one of: {USAGE}")
    return ""


def slots_here() -> Slots:
    """This machine's slots; the environment can say where, as the bench and the tests do."""
    return Slots(
        Path(os.environ.get(BOOT_VARIABLE, BOOT)),
        Path(os.environ.get(DATA_VARIABLE, DATA)),
        proc=Path(os.environ.get("KIOSK_PROC", "/proc")),
    )


def main(words: Sequence[str]) -> int:
    """Run as RAUC's handler; the exit code."""
    try:
        told = answer(slots_here(), words)
    except UpdateError as error:
        sys.stderr.write(f"kiosk: {error}\n")
        return 1
    if told:
        sys.stdout.write(f"{told}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
