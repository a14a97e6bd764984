from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from proofs.powercuts.partitions import NoPartitions, extract, named, partitions

SFDISK = shutil.which("sfdisk", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
MIB = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    if SFDISK is None:
        pytest.skip("no sfdisk here: Debian's package fdisk has it")
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(32 * MIB)
    table = "label: gpt\nstart=2048, size=4096, name=KIOSK\nstart=8192, size=20480, name=data\n"
    subprocess.run([SFDISK, "-q", str(path)], input=table.encode(), check=True)
    return path


def test_the_table_is_read_as_sfdisk_wrote_it(disk: Path) -> None:
    found = partitions(disk)
    assert [(each.number, each.name, each.begins, each.length) for each in found] == [
        (1, "KIOSK", 2048 * 512, 4096 * 512),
        (2, "data", 8192 * 512, 20480 * 512),
    ]
    assert named("data", found).number == 2
    with pytest.raises(NoPartitions, match="there are: KIOSK, data"):
        named("root", found)


def flip(disk: Path, at: int) -> None:
    with disk.open("r+b") as file:
        file.seek(at)
        was = file.read(1)
        file.seek(at)
        file.write(bytes([was[0] ^ 1]))


@pytest.mark.parametrize(("at", "words"), [(512, "no GPT"), (512 + 40, "header is damaged"), (1024, "entries are")])
def test_a_table_that_linux_would_not_take_is_refused(disk: Path, at: int, words: str) -> None:
    flip(disk, at)
    flip(disk, disk.stat().st_size - 512)
    with pytest.raises(NoPartitions, match=words):
        partitions(disk)


@pytest.mark.parametrize("at", [512, 512 + 40, 1024])
def test_the_backup_is_taken_where_the_primary_is_damaged(disk: Path, at: int) -> None:
    sound = partitions(disk)
    flip(disk, at)
    assert partitions(disk) == sound


def test_a_partition_is_copied_with_its_holes(disk: Path, tmp_path: Path) -> None:
    data = named("data", partitions(disk))
    pieces = {0: b"first", 3 * MIB + 17: b"middle" * 1000, data.length - 4: b"last"}
    with disk.open("r+b") as file:
        for at, text in pieces.items():
            file.seek(data.begins + at)
            file.write(text)
        file.seek(data.begins - 6)
        file.write(b"before")
        file.seek(data.ends)
        file.write(b"after")
    copy = tmp_path / "copy"
    extract(disk, data, copy)
    assert copy.read_bytes() == disk.read_bytes()[data.begins : data.ends]
    for at, text in pieces.items():
        assert copy.read_bytes()[at : at + len(text)] == text
    assert copy.stat().st_blocks * 512 < MIB, "holes stayed holes"


def test_a_disk_that_is_shorter_than_its_table_says_is_an_error(disk: Path, tmp_path: Path) -> None:
    data = named("data", partitions(disk))
    with disk.open("r+b") as file:
        file.truncate(data.begins + 8192)
    with pytest.raises(OSError, match="disk ends at byte"):
        extract(disk, data, tmp_path / "copy")
