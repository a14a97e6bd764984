"""Which slot runs now, and in which boot."""

from __future__ import annotations

import re
from pathlib import Path

from edge.update.firmware import BOOT_PARTITIONS

# Where the Pi's firmware tells which partition it booted (Raspberry Pi documentation, device tree parameters).
_FIRMWARE_SAYS = Path("device-tree/chosen/bootloader/partition")


def running_slot(proc: Path = Path("/proc")) -> str | None:
    """A or B by the kernel's command line (``rauc.slot=``, else the root), else by the Pi's firmware; else None."""
    try:
        line = (proc / "cmdline").read_text(encoding="utf-8")
    except OSError:
        line = ""
    named = re.search(r"(?:^|\s)rauc\.slot=([AB])(?:\s|$)", line)
    if named:
        return named[1]
    root = re.search(r"(?:^|\s)root=\S*\broot-([ab])(?:\s|$)", line)
    if root:
        return root[1].upper()
    try:
        number = int.from_bytes((proc / _FIRMWARE_SAYS).read_bytes(), "big")
    except OSError:
        return None
    return next((slot for slot, partition in BOOT_PARTITIONS.items() if partition == number), None)


def boot_id(proc: Path = Path("/proc")) -> str:
    """This boot's name, another one after each boot; empty where the kernel has none."""
    try:
        return (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
