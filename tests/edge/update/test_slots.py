"""The life of two slots, step by step."""

from __future__ import annotations

import msgspec
import pytest

from edge.update.errors import SlotRefused, UpdateError
from edge.update.firmware import autoboot_text
from edge.update.slots import CAME_BACK
from edge.update.state import Slot, State
from tests.edge.update.kiosk import Machine
from tests.edge.update.power import Power


def try_installed(machine: Machine) -> None:
    machine.slots.begin_try()
    machine.power_on(tryboot=True)


def test_a_new_kiosk_boots_a_and_has_nothing_to_try_or_go_back_to(machine: Machine) -> None:
    assert machine.slots.settle() == "committed"
    assert machine.slots.state.slot("A").condition == "good"
    assert machine.slots.primary() == "A"
    with pytest.raises(UpdateError, match="no installed update waits"):
        machine.slots.begin_try()
    with pytest.raises(UpdateError, match="slot B can't be gone back to: it is empty"):
        machine.slots.choose_rollback()


def test_an_update_is_tried_once_and_kept_when_the_kiosk_was_well(machine: Machine) -> None:
    assert machine.install("2.0") == "B"
    assert machine.slots.primary() == "B"
    assert machine.power_on() == "A", "an ordinary boot takes the old slot until it is told to try"
    assert machine.slots.begin_try() == "B"
    assert machine.power_on(tryboot=True) == "B"
    assert machine.slots.settle() == "trial"
    assert machine.slots.state.present == ("printer",)
    assert machine.slots.commit() == "B"
    assert machine.power_on() == "B"
    assert machine.slots.settle() == "committed"
    state = machine.slots.state
    assert (state.slot("B").version, state.slot("B").condition, state.next) == ("2.0", "good", None)
    assert state.slot("A").condition == "good"


def test_the_old_slot_boots_when_the_trial_did_not_stay(machine: Machine) -> None:
    machine.slots.settle()
    machine.install()
    try_installed(machine)
    assert machine.power_on() == "A"  # the watchdog, or the power
    assert machine.slots.settle() == "committed"
    assert machine.slots.state.slot("B") == Slot(
        condition="failed", version="2.0", installed=machine.slots.state.slot("B").installed, reason=CAME_BACK
    )
    assert machine.slots.state.next is None
    with pytest.raises(UpdateError, match="slot B can't be gone back to: it is failed"):
        machine.slots.choose_rollback()


def test_settling_before_the_restart_does_not_fail_what_is_about_to_be_tried(machine: Machine) -> None:
    machine.install()
    machine.slots.begin_try()
    assert machine.slots.settle() == "committed"
    assert machine.slots.state.slot("B").condition == "trying"


def test_why_a_trial_was_given_up_is_remembered(machine: Machine) -> None:
    machine.install()
    try_installed(machine)
    machine.slots.give_up("vision is not running")
    machine.power_on()
    machine.slots.settle()
    assert machine.slots.state.slot("B").reason == "vision is not running"


def test_rollback_is_a_trial_as_well(machine: Machine) -> None:
    machine.slots.settle()
    machine.install()
    try_installed(machine)
    machine.slots.commit()
    assert machine.slots.choose_rollback() == "A"
    try_installed(machine)
    assert machine.running == "A"
    machine.slots.commit()
    assert machine.power_on() == "A"
    assert machine.slots.state.slot("B").condition == "good"


def test_on_trial_nothing_is_written_tried_or_rolled_back(machine: Machine) -> None:
    machine.slots.settle()
    machine.install()
    try_installed(machine)
    with pytest.raises(SlotRefused, match="slot A is the one that boots"):
        machine.slots.set_bad("A")  # RAUC would now write the only slot that is known to be good
    with pytest.raises(UpdateError, match="slot B is itself on trial"):
        machine.slots.begin_try()
    with pytest.raises(UpdateError, match="slot B is on trial"):
        machine.slots.choose_rollback()
    with pytest.raises(SlotRefused, match="kiosk update mark-good"):
        machine.slots.set_good("B")  # `rauc status mark-good` is not a health check


def test_a_slot_whose_writing_was_cut_off_is_not_tried(machine: Machine) -> None:
    machine.slots.set_bad("B")
    machine.power_on()
    with pytest.raises(SlotRefused, match="never written whole"):
        machine.slots.set_primary("B")
    assert not machine.slots.is_good("B")


def test_making_the_committed_slot_primary_takes_the_update_back(machine: Machine) -> None:
    machine.install()
    machine.slots.set_primary("A")
    assert machine.slots.primary() == "A"
    with pytest.raises(UpdateError, match="no installed update waits"):
        machine.slots.begin_try()


@pytest.mark.parametrize("content", [b"", b"{", b'{"slots": 3}', b"\xff"])
def test_a_damaged_memory_is_none_and_the_boot_stays(machine: Machine, content: bytes) -> None:
    machine.install()
    machine.slots.file.path.write_bytes(content)
    assert machine.slots.state == State()
    assert machine.slots.settle() == "committed"
    assert machine.slots.primary() == "A"


@pytest.mark.parametrize("content", [None, "", "boot_partition=7\n"])
def test_a_damaged_autoboot_is_written_anew_for_the_slot_that_runs(machine: Machine, content: str | None) -> None:
    path = machine.boot / "autoboot.txt"
    path.unlink()
    if content is not None:
        path.write_text(content, encoding="ascii")
    with pytest.raises(UpdateError, match=r"autoboot\.txt"):
        machine.slots.committed()
    assert machine.slots.settle() == "committed"
    assert path.read_text(encoding="ascii") == autoboot_text("A")


def test_an_autoboot_that_a_person_wrote_is_replaced_by_one_of_a_sector(machine: Machine) -> None:
    (machine.boot / "autoboot.txt").write_text("boot_partition=2\n[tryboot]\nboot_partition=3\n", encoding="ascii")
    machine.install()
    try_installed(machine)
    machine.slots.commit()
    assert (machine.boot / "autoboot.txt").read_text(encoding="ascii") == autoboot_text("B")
    assert [each.name for each in machine.boot.iterdir()] == ["autoboot.txt"]


def test_a_full_disk_is_a_clear_error_and_changes_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.slots.settle()
    before = machine.slots.file.path.read_bytes()

    class Full(Power):
        def write(self, handle: int, content: bytes) -> int:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("edge.update.durable.os", Full())
        with pytest.raises(UpdateError, match=r"state\.json can't be written: No space left"):
            machine.slots.set_bad("B")
    assert machine.slots.file.path.read_bytes() == before


def test_the_slot_is_told_by_the_command_line_the_root_or_the_firmware(machine: Machine) -> None:
    line = machine.proc / "cmdline"
    line.write_text("root=PARTLABEL=root-b ro\n", encoding="ascii")
    assert machine.slots.running() == "B"
    line.write_text("root=/dev/disk/by-partlabel/root-a\n", encoding="ascii")
    assert machine.slots.running() == "A"
    line.write_text("root=/dev/sda2 rauc.slot=AB\n", encoding="ascii")
    with pytest.raises(UpdateError, match=r"no rauc\.slot=A or B"):
        machine.slots.running()
    told = machine.proc / "device-tree/chosen/bootloader/partition"
    told.parent.mkdir(parents=True)
    told.write_bytes((3).to_bytes(4, "big"))
    assert machine.slots.running() == "B"


def test_the_memory_is_readable_json(machine: Machine) -> None:
    machine.install("2.0")
    slots = msgspec.json.decode(machine.slots.file.path.read_bytes())["slots"]
    assert slots["B"]["condition"] == "installed"
