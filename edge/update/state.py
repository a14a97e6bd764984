"""What the kiosk remembers of its two slots, in a small file on /data."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from edge.update import durable
from edge.update.errors import UpdateError

# unknown: never written here · writing: RAUC writes it, or was cut off · installed: whole, never booted ·
# trying: told to boot once · good: held a minute's health check · failed: was tried and came back
Condition = Literal["unknown", "writing", "installed", "trying", "good", "failed"]

SLOTS = ("A", "B")


class Slot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One slot. `boot` is the boot (its id) that `condition` was set in; `installed` is a time in UTC, ISO 8601."""

    condition: Condition = "unknown"
    version: str = ""
    installed: str = ""
    reason: str = ""
    boot: str = ""


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Both slots, the one that is to be tried next, and the devices that must be there for it to be good.

    `present` is None when nobody could say which devices were there.
    """

    slots: dict[str, Slot] = {}
    next: str | None = None
    incoming: str = ""
    present: tuple[str, ...] | None = None

    def slot(self, name: str) -> Slot:
        """What is known of the slot `name`."""
        return self.slots.get(name, Slot())

    def having(self, name: str, slot: Slot) -> State:
        """This state with another `slot` of that name."""
        return msgspec.structs.replace(self, slots=self.slots | {name: slot})


class StateFile:
    """The state at `path`. A file that can't be made sense of counts as none: autoboot.txt alone decides the boot."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> State:
        """What is remembered.

        Raises:
            UpdateError: the file is there and can't be read.
        """
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=State)
        except (FileNotFoundError, msgspec.DecodeError):
            return State()
        except OSError as error:
            raise UpdateError(f"{self.path} can't be read: {error.strerror}") from error

    def save(self, state: State) -> None:
        """Remember `state`, on the disk before this returns.

        Raises:
            UpdateError: it can't be written; what was remembered stays.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            durable.replace(self.path, msgspec.json.format(msgspec.json.encode(state)) + b"\n")
        except OSError as error:
            raise UpdateError(f"{self.path} can't be written: {error.strerror}") from error
