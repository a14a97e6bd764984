"""The disk: which partitions there are, how large, and by which names and numbers they are found.

Every number is drawn from a name, so that two builds give the same bytes.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal

from image.recipe import Arch, Recipe

MIB = 1024 * 1024
SECTOR_BYTES = 512
_ALIGN_MIB = 4  # erase blocks of SD cards
_GPT_END_MIB = 1  # the second copy of the table

SLOTS = ("A", "B")
_NAMESPACE = uuid.UUID("7ea9b2a0-3d0c-5d0a-8f0e-6b696f736b00")

_BASIC_DATA = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
_LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
# A type of our own: systemd-repart finds the partition to grow by it, and nothing else mounts it by itself.
DATA_TYPE = str(uuid.uuid5(_NAMESPACE, "partition type of the data")).upper()


@dataclass(frozen=True)
class Partition:
    """One partition. `number` counts from 1, as the Pi's firmware and Linux do."""

    number: int
    label: str
    format: Literal["vfat", "ext4"]
    start_mib: int
    size_mib: int
    type: str

    def uuid(self, recipe: Recipe) -> str:
        """The partition's own number (PARTUUID), the same in each build for an architecture."""
        return str(uuid.uuid5(_NAMESPACE, f"{recipe.name} partition {self.label}"))

    def filesystem_uuid(self, recipe: Recipe) -> str:
        """The number of the ext4 file system in it."""
        return str(uuid.uuid5(_NAMESPACE, f"{recipe.name} file system {self.label}"))

    def volume_id(self, recipe: Recipe) -> str:
        """The number of the FAT in it: 8 hexadecimal digits."""
        return uuid.uuid5(_NAMESPACE, f"{recipe.name} volume {self.label}").hex[:8].upper()


# (label, format, MiB, type). 64 MiB is about the least that is FAT32, which every Pi's firmware reads.
_SIZES: tuple[tuple[str, Literal["vfat", "ext4"], int, str], ...] = (
    ("KIOSK", "vfat", 64, _BASIC_DATA),
    ("BOOT-A", "vfat", 256, _BASIC_DATA),
    ("BOOT-B", "vfat", 256, _BASIC_DATA),
    ("root-a", "ext4", 3072, _LINUX),
    ("root-b", "ext4", 3072, _LINUX),
    ("data", "ext4", 512, DATA_TYPE),
)


def _laid_out() -> tuple[Partition, ...]:
    partitions = []
    start = _ALIGN_MIB
    for number, (label, kind, size, type_) in enumerate(_SIZES, start=1):
        partitions.append(Partition(number, label, kind, start, size, type_))
        start += size
    return tuple(partitions)


PARTITIONS = _laid_out()
DISK_MIB = PARTITIONS[-1].start_mib + PARTITIONS[-1].size_mib + _GPT_END_MIB


def partition(label: str) -> Partition:
    """The partition of this label."""
    return next(each for each in PARTITIONS if each.label == label)


def root_of(slot: str) -> Partition:
    """The root partition of slot A or B."""
    return partition(f"root-{slot.lower()}")


def boot_of(slot: str) -> Partition:
    """The boot FAT of slot A or B."""
    return partition(f"BOOT-{slot}")


def disk_uuid(recipe: Recipe) -> str:
    """The table's own number."""
    return str(uuid.uuid5(_NAMESPACE, f"{recipe.name} disk"))


def hash_seed(recipe: Recipe) -> str:
    """The seed of ext4's directory hashes, by chance otherwise."""
    return str(uuid.uuid5(_NAMESPACE, f"{recipe.name} directory hashes"))


def sfdisk_script(recipe: Recipe) -> str:
    """The partition table in sfdisk's language."""
    lines = ["label: gpt", f"label-id: {disk_uuid(recipe)}", "unit: sectors", f"sector-size: {SECTOR_BYTES}", ""]
    for each in PARTITIONS:
        start, size = (mib * MIB // SECTOR_BYTES for mib in (each.start_mib, each.size_mib))
        lines.append(
            f"start={start}, size={size}, type={each.type}, uuid={each.uuid(recipe).upper()}, name={each.label}"
        )
    return "\n".join(lines) + "\n"


def kernel_arguments(recipe: Recipe, slot: str) -> str:
    """The kernel's command line for a slot, without the console."""
    words = [
        f"root=PARTUUID={root_of(slot).uuid(recipe)}",
        "rootfstype=ext4",
        "ro",
        "rootwait",
        f"rauc.slot={slot}",
        "systemd.gpt_auto=no",
        "gpt",  # a power cut while the data partition grows may leave only the second copy of the table
        "panic=10",  # a kernel that stops is started again, and after a failed try it is the old slot
        "quiet",
    ]
    consoles = {
        Arch.AMD64: ["console=tty0", "console=ttyS0,115200"],
        Arch.ARM64: ["console=tty1", "console=serial0,115200"],
    }[recipe.arch]
    return " ".join([*consoles, *words])
