"""Real file systems, made by the real programs, broken on purpose."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from proofs.powercuts.filesystems import Broken, check_ext4, check_fat, missing_tools, read_out, recover_ext4

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
MIB = 1 << 20

pytestmark = pytest.mark.skipif(
    bool(missing_tools()) or shutil.which("mke2fs", path=PATH) is None,
    reason=f"lacks Debian's {', '.join(missing_tools()) or 'e2fsprogs'}",
)


def tool(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=os.environ | {"PATH": PATH})
    return done.stdout


@pytest.fixture
def ext4(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "nats" / "deep").mkdir(parents=True)
    (tree / "nats" / "deep" / "1.blk").write_bytes(b"block" * 5000)
    (tree / "nats" / "meta").write_text("meta")
    path = tmp_path / "ext4"
    with path.open("wb") as file:
        file.truncate(32 * MIB)
    tool("mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(path))
    return path


@pytest.fixture
def fat(tmp_path: Path) -> Path:
    path = tmp_path / "fat"
    with path.open("wb") as file:
        file.truncate(16 * MIB)
    tool("mkfs.vfat", str(path))
    return path


def test_a_sound_file_system_needs_nothing(ext4: Path) -> None:
    check_ext4(ext4)
    assert recover_ext4(ext4) == []


def test_what_is_safe_to_repair_is_repaired_and_told(ext4: Path) -> None:
    tool("debugfs", "-w", "-R", "set_block_group 0 free_blocks_count 1", str(ext4))
    with pytest.raises(Broken, match="Free blocks count"):
        check_ext4(ext4)
    assert any("descriptor" in line for line in recover_ext4(ext4))
    check_ext4(ext4)


def test_orphans_that_were_in_use_and_are_none_are_no_repair(ext4: Path) -> None:
    """What a cut leaves of a file system with the feature orphan_file, which a kernel of today makes."""
    features = subprocess.run(
        ["tune2fs", "-O", "orphan_file", str(ext4)], capture_output=True, check=False, env=os.environ | {"PATH": PATH}
    )
    if features.returncode:
        pytest.skip("this e2fsprogs knows no orphan_file: 1.47 and newer do")
    tool("debugfs", "-w", "-R", "feature orphan_present", str(ext4))
    with pytest.raises(Broken, match="orphan_present"):
        check_ext4(ext4)
    assert recover_ext4(ext4) == []


def test_what_takes_a_person_is_broken(ext4: Path) -> None:
    tool("debugfs", "-w", "-R", "clri /nats", str(ext4))
    with pytest.raises(Broken, match="by itself"):
        recover_ext4(ext4)


def test_a_lost_superblock_is_broken(ext4: Path) -> None:
    with ext4.open("r+b") as file:
        file.seek(1024)
        file.write(bytes(1024))
    with pytest.raises(Broken, match="no ext4"):
        recover_ext4(ext4)


def test_a_folder_is_read_out_whole(ext4: Path, tmp_path: Path) -> None:
    assert read_out(ext4, "/nats", tmp_path / "out") == tmp_path / "out" / "nats"
    assert (tmp_path / "out" / "nats" / "deep" / "1.blk").read_bytes() == b"block" * 5000
    assert (tmp_path / "out" / "nats" / "meta").read_text() == "meta"


def test_a_folder_that_is_not_there_is_none(ext4: Path, tmp_path: Path) -> None:
    assert read_out(ext4, "/orders", tmp_path / "out") is None


def test_a_folder_that_can_not_be_read_is_broken(ext4: Path, tmp_path: Path) -> None:
    tool("debugfs", "-w", "-R", "set_inode_field /nats/deep/1.blk block[0] 0", str(ext4))
    with pytest.raises(Broken, match="/nats"):
        read_out(ext4, "/nats", tmp_path / "out")


def checked(fat: Path) -> str:
    """What fsck.vfat says of it, by itself."""
    words = ["fsck.vfat", "-n", str(fat)]
    environment = os.environ | {"PATH": PATH}
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environment).stdout


def test_a_sound_fat_is_sound_and_so_is_one_in_use(fat: Path) -> None:
    check_fat(fat)
    with fat.open("r+b") as file:  # the dirty bit of a FAT12 or FAT16 (byte 37 of the boot sector)
        file.seek(37)
        file.write(b"\1")
    assert "Dirty bit" in checked(fat)
    check_fat(fat)


def test_a_fat_whose_copies_differ_is_broken(fat: Path) -> None:
    with fat.open("r+b") as file:
        file.seek(4 * 512 + 64)  # in the first copy, after the reserved sectors
        file.write(b"\x55" * 64)
    with pytest.raises(Broken, match="out of range"):
        check_fat(fat)


def test_a_fat_whose_second_copy_was_not_written_yet_is_sound(fat: Path) -> None:
    with fat.open("r+b") as file:
        file.seek(11)
        sector_bytes, _, reserved, copies, _, _, _, copy_sectors = struct.unpack("<HBHBHHBH", file.read(13))
        assert copies == 2
        second = (reserved + copy_sectors) * sector_bytes
        file.seek(second)
        before = file.read(copy_sectors * sector_bytes)
    tool("mcopy", "-i", str(fat), __file__, "::it")
    with fat.open("r+b") as file:
        file.seek(second)
        file.write(before)
        file.seek(37)
        file.write(b"\1")
    assert "FATs differ" in checked(fat)
    check_fat(fat)


def test_a_fat32_in_use_is_sound_and_one_with_another_boot_sector_is_not(tmp_path: Path) -> None:
    path = tmp_path / "fat32"
    with path.open("wb") as file:
        file.truncate(64 * MIB)
    tool("mkfs.vfat", "-F", "32", "-s", "1", str(path))
    check_fat(path)
    with path.open("r+b") as file:
        file.seek(65)
        file.write(b"\1")
    check_fat(path)
    with path.open("r+b") as file:
        file.seek(512 + 488)  # FSI_Free_Count
        free = int.from_bytes(file.read(4), "little")
        file.seek(512 + 488)
        file.write((free - 1).to_bytes(4, "little"))
    check_fat(path)
    with path.open("r+b") as file:
        file.seek(66)
        file.write(b"\7")
    with pytest.raises(Broken, match="66:07"):
        check_fat(path)
