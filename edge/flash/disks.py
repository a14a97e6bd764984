"""The disks of this machine, and which of them may be overwritten. `lsblk` looks; what it says is judged here."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.flash.errors import DiskRefused, FlashError

_COLUMNS = "NAME,PATH,TYPE,SIZE,RM,HOTPLUG,RO,MODEL,SERIAL,TRAN,MOUNTPOINTS"
# A disk that holds one of these is the one this machine runs from.
_SYSTEM = {"/", "/boot", "/boot/efi", "/boot/firmware", "/usr", "/var", "/home", "/data", "[SWAP]"}


class _Node(msgspec.Struct):
    name: str
    path: str
    type: str
    size: int
    rm: bool = False
    hotplug: bool = False
    ro: bool = False
    model: str | None = None
    serial: str | None = None
    tran: str | None = None
    mountpoints: list[str | None] = []
    children: list[_Node] = []


class _Listing(msgspec.Struct):
    blockdevices: list[_Node]


@dataclass(frozen=True)
class Disk:
    """A whole disk. `used` says in words what holds each part of it; `names` are the model and the serial number."""

    path: str
    size_bytes: int
    removable: bool
    read_only: bool
    model: str
    serial: str
    transport: str
    used: tuple[str, ...]
    system: bool

    @property
    def names(self) -> tuple[str, ...]:
        """What a person can call it by, to mean it and no other."""
        return tuple(name for name in (self.model, self.serial) if name)

    @property
    def in_words(self) -> str:
        """Its name, size and how it is connected."""
        name = " ".join(self.names) or "a disk without a name"
        return f"{self.path}: {name}, {self.size_bytes / 1e9:.1f} GB" + (
            f", {self.transport}" if self.transport else ""
        )


def only_on_linux(platform: str = sys.platform) -> None:
    """Say what to use elsewhere: disks are listed, held and read past the cache in ways of Linux's.

    Raises:
        FlashError: this is another system.
    """
    if platform != "linux":
        raise FlashError(
            "kiosk flash runs on Linux. Here use Raspberry Pi Imager, which takes the same image (Use custom), "
            "and copy kiosk.toml to the drive KIOSK afterwards; docs/flash.md has it in ten lines"
        )


def list_disks() -> list[Disk]:
    """All disks, loop devices with something behind them included.

    Raises:
        FlashError: `lsblk` isn't there, or fails.
    """
    return disks_of(_lsblk())


def find_disk(path: Path) -> Disk:
    """The disk at `path`, which may be a link such as /dev/disk/by-id/….

    Raises:
        DiskRefused: it isn't there, isn't a block device, or is a partition.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise DiskRefused(f"{path}: {error.strerror}. Is the card in? `kiosk flash IMAGE` lists the disks") from error
    if not stat.S_ISBLK(mode):
        raise DiskRefused(f"{path} is not a disk. To write a plain file (for QEMU): --to-file")
    wanted = str(path.resolve())
    for disk in list_disks():
        if disk.path == wanted:
            return disk
    raise DiskRefused(f"{path} is a part of a disk: name the whole one, such as /dev/sdb, not /dev/sdb1")


def refuse(disk: Disk, needed_bytes: int | None, meant: str | None) -> None:
    """Let no disk be overwritten that shouldn't be; `meant` is the name that a person called it by.

    Raises:
        DiskRefused: the text says why, and what to do.
    """
    if disk.system:
        raise DiskRefused(f"{disk.path} is the disk this machine runs from: it is never written")
    if disk.used:
        raise DiskRefused(f"{disk.path} is in use: {', '.join(disk.used)}. Take it out of use first (umount)")
    if disk.read_only:
        raise DiskRefused(f"{disk.path} is read-only: is the card's little switch on LOCK?")
    if disk.size_bytes == 0:
        raise DiskRefused(f"{disk.path} is an empty slot: put the card in")
    if needed_bytes is not None and disk.size_bytes < needed_bytes:
        raise DiskRefused(
            f"{disk.path} is too small: it has {disk.size_bytes / 1e9:.2f} GB, the image {needed_bytes / 1e9:.2f} GB"
        )
    if meant is not None and meant not in disk.names:
        raise DiskRefused(f"{disk.path} is not {meant!r}, it is {' or '.join(map(repr, disk.names)) or 'nameless'}")
    if not disk.removable and meant is None:
        name = disk.names[-1] if disk.names else ""
        how = f"To write it all the same: --i-mean '{name}'" if name else "It has no name to mean it by"
        raise DiskRefused(f"{disk.path} is built in ({disk.in_words}). {how}")


def disks_of(listing: bytes) -> list[Disk]:
    """The disks in what `lsblk --json` says."""
    nodes = msgspec.json.decode(listing, type=_Listing, strict=False).blockdevices
    return [_disk(node) for node in nodes if node.type in ("disk", "loop")]


def _disk(node: _Node) -> Disk:
    points = [point for each in _tree(node) for point in each.mountpoints if point]
    used = [f"{each.path} is mounted at {point}" for each in _tree(node) for point in each.mountpoints if point]
    used += [f"{each.path} is {each.type}" for each in _tree(node) if each.type not in ("disk", "part", "loop", "rom")]
    return Disk(
        path=node.path,
        size_bytes=node.size,
        removable=node.rm or node.hotplug or node.tran in ("usb", "mmc") or node.type == "loop",
        read_only=node.ro,
        model=(node.model or "").strip(),
        serial=(node.serial or "").strip(),
        transport=node.tran or "",
        used=tuple(used),
        system=any(point in _SYSTEM for point in points),
    )


def _tree(node: _Node) -> Iterator[_Node]:
    yield node
    for child in node.children:
        yield from _tree(child)


def _lsblk() -> bytes:
    try:
        done = subprocess.run(["lsblk", "--json", "--bytes", "--output", _COLUMNS], capture_output=True, check=False)
    except OSError as error:
        raise FlashError("the disks can't be listed: apt install util-linux") from error
    if done.returncode != 0:
        raise FlashError(f"the disks can't be listed: lsblk: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
