"""Which disks may be written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from edge.flash.disks import disks_of, find_disk, list_disks, only_on_linux, refuse
from edge.flash.errors import DiskRefused, FlashError

GB = 10**9


def node(path: str, **more: Any) -> dict[str, Any]:
    """A line of lsblk 2.38's --json."""
    usual = {"type": "disk", "size": 32 * GB, "rm": True, "hotplug": True, "ro": False, "mountpoints": [None]}
    names = {"model": "SD Card Reader", "serial": "0001", "tran": "usb"}
    return {"name": Path(path).name, "path": path} | usual | names | more


def judged(one: dict[str, Any], *, needed: int = 4 * GB, meant: str | None = None) -> None:
    (disk,) = disks_of(json.dumps({"blockdevices": [one]}).encode())
    refuse(disk, needed, meant)


def part(path: str, *mounted: str, **more: Any) -> dict[str, Any]:
    return node(path, type="part", mountpoints=list(mounted) or [None]) | more


def test_a_card_in_a_reader_may_be_written() -> None:
    judged(node("/dev/sdb", children=[part("/dev/sdb1")]))


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (node("/dev/sdb", children=[part("/dev/sdb1", "/media/me/KIOSK")]), "sdb1 is mounted at /media/me/KIOSK"),
        (node("/dev/sdb", children=[part("/dev/sdb1", children=[part("/dev/vg/lv") | {"type": "lvm"}])]), "is lvm"),
        (node("/dev/sdb", children=[part("/dev/sdb1", children=[part("/dev/md0") | {"type": "raid1"}])]), "is raid1"),
        (node("/dev/sdb", size=2 * GB), "is too small: it has 2.00 GB, the image 4.00 GB"),
        (node("/dev/sdb", ro=True), "LOCK"),
        (node("/dev/sdb", size=0), "put the card in"),
        (
            node("/dev/sda", rm=False, hotplug=False, tran="sata"),
            "is built in .*To write it all the same: --i-mean '0001'",
        ),
    ],
)
def test_a_disk_that_should_not_be_written_is_refused(one: dict[str, Any], words: str) -> None:
    with pytest.raises(DiskRefused, match=words):
        judged(one)


def test_a_built_in_disk_is_written_only_under_its_own_name() -> None:
    built_in = node("/dev/nvme0n1", rm=False, hotplug=False, tran="nvme", model="Samsung 980 ", serial="S64")
    judged(built_in, meant="S64")
    judged(built_in, meant="Samsung 980")
    with pytest.raises(DiskRefused, match=r"is not 'S65', it is 'Samsung 980' or 'S64'"):
        judged(built_in, meant="S65")


@pytest.mark.parametrize("point", ["/", "/boot/efi", "[SWAP]", "/home"])
def test_the_disk_this_machine_runs_from_is_never_written(point: str) -> None:
    own = node("/dev/sda", children=[part("/dev/sda1", point)])
    with pytest.raises(DiskRefused, match="it is never written"):
        judged(own, meant="0001")


def test_the_disks_of_this_machine_can_be_listed() -> None:
    assert all(disk.path.startswith("/dev/") for disk in list_disks())


def test_what_is_no_whole_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DiskRefused, match="Is the card in"):
        find_disk(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(DiskRefused, match="--to-file"):
        find_disk(tmp_path / "file")
    with pytest.raises(DiskRefused, match="is not a disk"):
        find_disk(Path(os.devnull))


def test_another_system_is_told_of_imager() -> None:
    only_on_linux("linux")
    with pytest.raises(FlashError, match="use Raspberry Pi Imager"):
        only_on_linux("darwin")
