"""What a Raspberry Pi's firmware does with autoboot.txt, and how that file is written.

The rule is Raspberry Pi's documentation of `autoboot.txt`: at most 512 bytes on the first partition, the filters
``[all]``, ``[none]`` and ``[tryboot]``, and a flag that ``reboot '0 tryboot'`` sets for one boot. The bench plays the
firmware by the same rule.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from edge.flash.gpt import partitions

# A sector: the file is one, always, so that writing it anew is one write of the disk (see autoboot.py).
AUTOBOOT_BYTES = 512
TRYBOOT_ARGUMENT = "0 tryboot"
CONFIG_PARTITION = 1
BOOT_PARTITIONS = {"A": 2, "B": 3}

# The kernel's words on its console at `reboot '0 tryboot'`: the bench's way to learn of the flag.
_RESTART_WORDS = f"Restarting system with command '{TRYBOOT_ARGUMENT}'"


class AutobootInvalid(ValueError):
    """autoboot.txt is not what the firmware reads; the text says why."""


def boot_partition(text: str, *, tryboot: bool) -> int | None:
    """The partition that the firmware boots; None where the file names none (it then takes the first that boots)."""
    passes = True
    found: int | None = None
    for raw in text.splitlines():
        line = raw.partition("#")[0].strip()
        if line.startswith("[") and line.endswith("]"):
            passes = line == "[all]" or (line == "[tryboot]" and tryboot)
        elif passes and "=" in line:
            key, _, value = (part.strip() for part in line.partition("="))
            if key == "boot_partition" and value.isdecimal():
                found = int(value)
    return found


def booted_slot(text: str, *, tryboot: bool) -> str:
    """The slot, A or B, that the firmware boots.

    Raises:
        AutobootInvalid: the file is too long, or names a partition that holds no slot.
    """
    if len(text.encode()) > AUTOBOOT_BYTES:
        raise AutobootInvalid(f"autoboot.txt has more than the {AUTOBOOT_BYTES} bytes that the firmware reads")
    number = boot_partition(text, tryboot=tryboot)
    for slot, partition in BOOT_PARTITIONS.items():
        if partition == number:
            return slot
    raise AutobootInvalid(f"autoboot.txt names boot partition {number}; slots are in {BOOT_PARTITIONS}")


def autoboot_text(committed: str) -> str:
    """The 512 bytes of autoboot.txt that boot the slot `committed`, and the other one when told to try it."""
    (other,) = (slot for slot in BOOT_PARTITIONS if slot != committed)
    text = (
        "# Which slot boots. Written by `kiosk update`; every byte of padding is meant.\n"
        "[all]\n"
        "tryboot_a_b=1\n"
        f"boot_partition={BOOT_PARTITIONS[committed]}\n"
        "[tryboot]\n"
        f"boot_partition={BOOT_PARTITIONS[other]}\n"
    )
    return text + "#" * (AUTOBOOT_BYTES - len(text) - 1) + "\n"


def autoboot_of(disk: Path) -> str:
    """The autoboot.txt of a whole disk's image, read with mtools as it lies there.

    Raises:
        AutobootInvalid: there is none, or it can't be read.
    """
    first = next((each for each in partitions(disk) if each.number == CONFIG_PARTITION), None)
    if first is None:
        raise AutobootInvalid(f"{disk} has no partition {CONFIG_PARTITION}")
    place = f"{disk}@@{first.start}"
    done = subprocess.run(["mtype", "-i", place, "::autoboot.txt"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AutobootInvalid(f"{disk} has no autoboot.txt that can be read: {done.stderr.strip()}")
    return done.stdout


def tryboot_asked(console: str) -> bool:
    """Whether the last restart on a serial console was one with the tryboot flag."""
    last = console.rfind("Restarting system")
    return last >= 0 and console.startswith(_RESTART_WORDS, last)
