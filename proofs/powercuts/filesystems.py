"""Whether a file system comes back: the very programs that a kiosk's start runs, on a copy of the partition."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

_PATIENCE_S: Final = 300.0
_SBIN: Final = "/usr/sbin:/sbin"  # where Debian keeps them, and a user's PATH does not look
_TOLD: Final = 600  # characters of a program's words
# A FAT that was mounted for writing has its dirty bit set: after a cut that is as it should be. FAT32 keeps it at byte
# 65 of the boot sector, and not in that sector's backup.
_DIRTY: Final = ("Dirty bit is set", "Automatically removing dirty bit", "Fs was not properly unmounted")
_DIRTY_IN_FAT32: Final = ("65:01/00", "differences between boot sector", "mostly harmless", "Not automatically fixing")
# How many clusters are free is counted anew by whoever doubts it: Microsoft's FAT specification calls FSI_Free_Count a
# hint, and Linux writes it last.
_COUNTED_ANEW: Final = ("Free cluster summary wrong", "Auto-correcting")
# Its table is written twice, and the first copy is the one that is read.
_SECOND_COPY_LATE: Final = ("FATs differ but appear to be intact", "Using first FAT")
_NO_FAULT: Final = ("clusters", "Leaving filesystem unchanged")
_ROUTINE: Final = ("recovering journal", "Feature orphan_present is set but orphan file is clean")
TOOLS: Final = {"blkid": "util-linux", "e2fsck": "e2fsprogs", "debugfs": "e2fsprogs", "fsck.vfat": "dosfstools"}


class Broken(Exception):
    """A file system does not come back by itself; the text is what its checker said."""


def missing_tools() -> list[str]:
    """The Debian packages that this machine lacks for the checks."""
    return sorted({package for tool, package in TOOLS.items() if shutil.which(tool, path=_path()) is None})


def recover_ext4(partition: Path) -> list[str]:
    """Let the journal be replayed and everything checked, as a start does; then check that nothing is left to repair.

    Returns what more than replaying the journal was put right, in e2fsck's words: counts of what is free, orphans.

    Raises:
        Broken: it takes a person, or there is something left.
    """
    kind = _run("blkid", "-p", "-o", "value", "-s", "TYPE", str(partition))
    if kind.stdout.strip() != "ext4":  # udev asks it, and a start mounts what udev knows
        raise Broken(f"blkid sees no ext4: {_words(kind)}")
    preen = _run("e2fsck", "-f", "-p", str(partition))  # what systemd-fsck runs, but over everything
    if preen.returncode not in (0, 1):
        raise Broken(f"e2fsck can't repair it by itself: {_words(preen)}")
    again = _run("e2fsck", "-f", "-n", str(partition))
    if again.returncode != 0:
        raise Broken(f"e2fsck repaired it, and it is still broken: {_words(again)}")
    # The last line counts files and blocks.
    said = [line.removeprefix(f"{partition}: ") for line in preen.stdout.splitlines()[:-1] if line.strip()]
    repaired = []
    for line, before in zip(said, ["", *said], strict=False):
        # That the list of orphans was in use is what any cut leaves behind.
        if not any(words in line for words in _ROUTINE) and not (line == "CLEARED." and _ROUTINE[1] in before):
            repaired.append(line)
    return repaired


def check_ext4(partition: Path) -> None:
    """Check what nobody writes to.

    Raises:
        Broken: there is something to repair.
    """
    found = _run("e2fsck", "-f", "-n", str(partition))
    if found.returncode != 0:
        raise Broken(f"e2fsck finds: {_words(found)}")


def check_fat(partition: Path) -> None:
    """Check a FAT; that it was in use is no fault.

    Raises:
        Broken: there is something to repair.
    """
    found = _run("fsck.vfat", "-n", str(partition))
    said = [line.strip() for line in (found.stdout + found.stderr).splitlines() if line.strip()]
    # Its version comes first; it ends by counting files and clusters, unless it gave up.
    harmless = (
        *_DIRTY,
        *_COUNTED_ANEW,
        *_SECOND_COPY_LATE,
        *_NO_FAULT,
        *(_DIRTY_IN_FAT32 if "65:01/00" in said else ()),
    )
    faults = [line for line in said[1:] if not any(word in line for word in harmless)]
    in_use = any(word in line for word in _DIRTY for line in said)
    if faults or found.returncode not in (0, 1) or (found.returncode == 1 and not in_use):
        raise Broken(f"fsck.vfat finds: {_words(found)}")


def read_out(partition: Path, folder: str, to: Path) -> Path | None:
    """Copy `folder` of the ext4 file system in the file `partition` into `to`, which is made; no mount is needed.

    Returns where it is then; None if the file system has no such folder.

    Raises:
        Broken: it can't be read.
    """
    to.mkdir(parents=True)
    if "File not found" in _run("debugfs", "-R", f'stat "{folder}"', str(partition)).stderr:
        return None
    done = _run("debugfs", "-R", f'rdump "{folder}" "{to}"', str(partition))
    # The program's name and version come first; it ends with 0 whatever happens. Owners only root can give.
    said = [line for line in done.stderr.splitlines()[1:] if line.strip() and "changing ownership" not in line]
    copy = to / Path(folder).name
    if said or not copy.is_dir():
        raise Broken(f"debugfs can't read {folder}: {'; '.join(said)[:_TOLD] or 'nothing came'}")
    return copy


def change_file(partition: Path, name: str, change: Callable[[str], str]) -> None:
    """Change the text file `name` of the ext4 file system in the file `partition`; no mount is needed.

    Raises:
        Broken: there is no such file, `change` leaves it as it was, or it can't be written.
    """
    before = _run("debugfs", "-R", f'cat "{name}"', str(partition)).stdout
    after = change(before)
    if before == after:
        raise Broken(f"{name} of {partition.name} is not as expected: {before[:_TOLD]!r}")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(after)
        file.flush()
        for request in (f'rm "{name}"', f'write "{file.name}" "{name}"', f'set_inode_field "{name}" mode 0100644'):
            _run("debugfs", "-w", "-R", request, str(partition))
    if _run("debugfs", "-R", f'cat "{name}"', str(partition)).stdout != after:
        raise Broken(f"{name} of {partition.name} can't be changed")


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": _path(), "LC_ALL": "C"}
    return subprocess.run(
        words, capture_output=True, text=True, errors="replace", check=False, timeout=_PATIENCE_S, env=environment
    )


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:{_SBIN}"


def _words(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    text = "; ".join(lines)
    return f"{text[:_TOLD]} (exit {done.returncode})"
