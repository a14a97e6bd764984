"""The two slots, and what may happen to each so that the kiosk always has one that boots.

autoboot.txt names the committed slot, which every boot takes unless told otherwise. A new one is tried with the
firmware's one-shot flag and committed only once the kiosk was well on it: that is the only moment autoboot.txt changes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from edge.update.autoboot import Autoboot
from edge.update.errors import SlotRefused, UpdateError
from edge.update.firmware import AutobootInvalid
from edge.update.running import boot_id, running_slot
from edge.update.state import SLOTS, Condition, Slot, State, StateFile

AUTOBOOT = Path("autoboot.txt")
STATE = Path("kiosk/update/state.json")
CAME_BACK = "it was booted once and did not stay"


def other(slot: str) -> str:
    """The slot that `slot` is not."""
    return next(each for each in SLOTS if each != slot)


class Slots:
    """The slots of the kiosk whose configuration partition is at `boot` and whose data is at `data`."""

    def __init__(self, boot: Path, data: Path, *, proc: Path = Path("/proc")) -> None:
        self.autoboot = Autoboot(boot / AUTOBOOT)
        self.data = data
        self.file = StateFile(data / STATE)
        self._proc = proc

    @property
    def state(self) -> State:
        """What is remembered."""
        return self.file.load()

    def committed(self) -> str:
        """The slot that an ordinary boot takes.

        Raises:
            UpdateError: autoboot.txt doesn't say.
        """
        try:
            return self.autoboot.committed()
        except AutobootInvalid as error:
            raise UpdateError(f"{error}. Updates need an image made by `make image`") from error

    def running(self) -> str:
        """The slot this system runs from.

        Raises:
            UpdateError: nothing tells.
        """
        slot = running_slot(self._proc)
        if slot is None:
            raise UpdateError("nothing tells which slot runs: the kernel's command line has no rauc.slot=A or B")
        return slot

    def settle(self, version: str = "") -> Literal["committed", "trial"]:
        """What this boot is, noted: a slot that was to be tried and isn't running has failed.

        A damaged autoboot.txt is written anew for the slot that runs. `version` is the running image's, where it says.

        Raises:
            UpdateError: as for `running`, or a file can't be written.
        """
        running = self.running()
        try:
            committed = self.autoboot.committed()
        except AutobootInvalid:
            self.autoboot.commit(running)
            committed = running
        if running != committed:
            return "trial"
        before = state = self.state
        now = state.slot(running)
        if now.condition != "good" or (version and not now.version):
            state = state.having(running, msgspec.structs.replace(_as(now, "good"), version=now.version or version))
        tried = state.slot(other(running))
        if tried.condition == "trying" and tried.boot != boot_id(self._proc):
            state = state.having(other(running), _as(tried, "failed", reason=tried.reason or CAME_BACK))
            state = msgspec.structs.replace(state, next=None, present=None)
        if state.next == running:  # it was committed, and the power went before that was noted here
            state = msgspec.structs.replace(state, next=None, present=None)
        if state != before:
            self.file.save(state)
        return "committed"

    def is_good(self, slot: str) -> bool:
        """Whether `slot` could be booted, as RAUC asks."""
        return slot == self.committed() or self.state.slot(slot).condition in ("installed", "trying", "good")

    def primary(self) -> str:
        """The slot that is meant to boot next."""
        return self.state.next or self.committed()

    def expect(self, version: str, present: tuple[str, ...] | None) -> None:
        """Note what is about to be installed, and the devices that must be there for it to be good."""
        self.file.save(msgspec.structs.replace(self.state, incoming=version, present=present))

    def set_bad(self, slot: str) -> None:
        """RAUC is about to write `slot`, or a person gives it up.

        Raises:
            SlotRefused: it is the one that boots.
        """
        if slot == self.committed():
            raise SlotRefused(
                f"slot {slot} is the one that boots and stays good. An update that runs on trial is settled first: "
                "see `kiosk update status`. To leave a version: kiosk update rollback"
            )
        state = self.state
        condition: Condition = "failed" if slot == self.running() else "writing"
        state = state.having(slot, Slot(condition=condition, boot=boot_id(self._proc)))
        self.file.save(msgspec.structs.replace(state, next=None if state.next == slot else state.next))

    def set_primary(self, slot: str) -> None:
        """RAUC has written `slot` whole: try it next. For the committed slot: try none.

        Raises:
            SlotRefused: its writing was cut off in an earlier boot.
        """
        state = self.state
        if slot == self.committed():
            self.file.save(msgspec.structs.replace(state, next=None))
            return
        now = state.slot(slot)
        here = boot_id(self._proc)
        if now.condition == "unknown" or (now.condition == "writing" and now.boot != here):
            raise SlotRefused(f"slot {slot} was never written whole; install the bundle again")
        if now.condition == "writing":
            time = datetime.now(UTC).isoformat(timespec="seconds")
            now = Slot(condition="installed", version=state.incoming, installed=time, boot=here)
        self.file.save(msgspec.structs.replace(state.having(slot, now), next=slot, incoming=""))

    def set_good(self, slot: str) -> None:
        """Someone says that `slot` is good. Only the health check makes a slot on trial so.

        Raises:
            SlotRefused: it is not the committed one.
        """
        if slot != self.committed():
            raise SlotRefused(f"slot {slot} is good once the kiosk was well on it: kiosk update mark-good")
        state = self.state
        self.file.save(state.having(slot, _as(state.slot(slot), "good")))

    def begin_try(self) -> str:
        """Note that the next slot is about to be booted once; the caller reboots with the tryboot flag.

        Raises:
            UpdateError: no slot waits to be tried, or this boot is itself a trial.
        """
        committed = self.committed()
        if self.running() != committed:
            raise UpdateError(
                f"slot {self.running()} is itself on trial: wait until `kiosk update status` calls it good"
            )
        state = self.state
        slot = state.next
        if slot is None or slot == committed or not self.is_good(slot):
            raise UpdateError("no installed update waits to be tried: kiosk update install BUNDLE")
        trying = _as(state.slot(slot), "trying", boot=boot_id(self._proc))
        self.file.save(state.having(slot, trying))
        return slot

    def choose_rollback(self) -> str:
        """Make the other slot the next one, if it was good.

        Raises:
            UpdateError: it wasn't, or this boot is itself a trial.
        """
        committed, state = self.committed(), self.state
        if self.running() != committed:
            raise UpdateError(
                f"slot {self.running()} is on trial: reboot, and slot {committed} boots as before "
                "(systemctl reboot, or the power)"
            )
        back = other(committed)
        found = state.slot(back)
        if found.condition != "good":
            raise UpdateError(f"slot {back} can't be gone back to: it is {in_words(found)}")
        self.file.save(msgspec.structs.replace(state, next=back))
        return back

    def commit(self) -> str:
        """Make the running slot the committed one; it is returned.

        Raises:
            UpdateError: a file can't be written; the next boot is the old slot.
        """
        slot, before = self.running(), self.committed()
        self.autoboot.commit(slot)  # first: what is noted below follows from it at the next boot, too
        state = self.state.having(slot, _as(self.state.slot(slot), "good"))
        if before != slot:
            state = state.having(before, _as(state.slot(before), "good"))
        self.file.save(msgspec.structs.replace(state, next=None, present=None))
        return slot

    def give_up(self, reason: str) -> None:
        """Note why the running slot, on trial, is not kept. The caller reboots."""
        slot = self.running()
        state = self.state
        state = state.having(slot, _as(state.slot(slot), "failed", reason=reason))
        self.file.save(msgspec.structs.replace(state, next=None, present=None))


def in_words(slot: Slot) -> str:
    """A slot's condition for people."""
    words = {
        "unknown": "empty",
        "writing": "half written: install the bundle again",
        "installed": "installed, not tried yet",
        "trying": "on trial",
        "good": "good",
        "failed": "failed",
    }[slot.condition]
    return words + (f": {slot.reason}" if slot.reason else "")


def _as(slot: Slot, condition: Condition, *, reason: str = "", boot: str = "") -> Slot:
    return msgspec.structs.replace(slot, condition=condition, reason=reason, boot=boot)
