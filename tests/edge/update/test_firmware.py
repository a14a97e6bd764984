"""The firmware's rule, on the documentation's own example and on what a person may write."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edge.update.firmware import (
    AutobootInvalid,
    autoboot_of,
    autoboot_text,
    boot_partition,
    booted_slot,
    tryboot_asked,
)

DOCUMENTED = "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n"


def test_the_documented_example_boots_2_and_tries_3() -> None:
    assert boot_partition(DOCUMENTED, tryboot=False) == 2
    assert boot_partition(DOCUMENTED, tryboot=True) == 3


@pytest.mark.parametrize(
    ("text", "usual", "tried"),
    [
        ("boot_partition=2\n", 2, 2),
        ("[none]\nboot_partition=3\n[all]\nboot_partition=2", 2, 2),
        ("[all]\nboot_partition=2\n[tryboot]\nboot_partition=3\n[all]\nboot_partition=2", 2, 2),
        ("[all]\n boot_partition = 3 # the newer\n[pi4]\nboot_partition=2", 3, 3),
        ("[tryboot]\r\nboot_partition=3\r\n", None, 3),
        ("# boot_partition=2\nboot_partition=two\n", None, None),
    ],
)
def test_filters_and_the_last_word_count(text: str, usual: int | None, tried: int | None) -> None:
    assert (boot_partition(text, tryboot=False), boot_partition(text, tryboot=True)) == (usual, tried)


@pytest.mark.parametrize(("slot", "other"), [("A", "B"), ("B", "A")])
def test_what_we_write_is_one_sector_and_means_what_it_says(slot: str, other: str) -> None:
    text = autoboot_text(slot)
    assert len(text.encode("ascii")) == 512
    assert "tryboot_a_b=1" in text
    assert booted_slot(text, tryboot=False) == slot
    assert booted_slot(text, tryboot=True) == other


@pytest.mark.parametrize("text", ["", "boot_partition=1", "boot_partition=2\n" + "#" * 512])
def test_a_file_that_boots_no_slot_is_an_error(text: str) -> None:
    with pytest.raises(AutobootInvalid, match=r"autoboot\.txt"):
        booted_slot(text, tryboot=False)


def test_the_console_tells_of_the_flag() -> None:
    asked = "[ 9.1] reboot: Restarting system with command '0 tryboot'\n"
    assert tryboot_asked(asked)
    assert not tryboot_asked("[ 9.1] reboot: Restarting system\n")
    assert not tryboot_asked(asked + "... next boot ...\n[ 8.2] reboot: Restarting system\n")
    assert not tryboot_asked("")


@pytest.mark.skipif(
    not all(map(shutil.which, ("sfdisk", "mkfs.vfat", "mcopy"))), reason="needs fdisk, dosfstools and mtools (apt)"
)
def test_it_is_read_off_a_whole_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    with disk.open("wb") as file:
        file.truncate(32 << 20)
    table = b"label: gpt\nsize=8M, name=KIOSK\nsize=8M, name=BOOT-A\n"
    subprocess.run(["sfdisk", "-q", disk], input=table, check=True)
    with pytest.raises(AutobootInvalid, match=r"no autoboot\.txt"):
        autoboot_of(disk)
    (tmp_path / "autoboot.txt").write_text(autoboot_text("B"), encoding="ascii")
    subprocess.run(["mkfs.vfat", "--offset=2048", disk, "8192"], check=True, capture_output=True)
    subprocess.run(["mcopy", "-i", f"{disk}@@{1 << 20}", tmp_path / "autoboot.txt", "::"], check=True)
    assert booted_slot(autoboot_of(disk), tryboot=False) == "B"
