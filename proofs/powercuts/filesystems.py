"""Whether a file system comes back: the very programs that a kiosk's start runs, on a copy of the partition."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

_PATIENCE_S: Final = 300.0
_SBIN: Final = "/usr/sbin:/sbin"  # where Debian keeps them, and a user's PATH does not look
_TOLD: Final = 600  # characters of a program's words
# A FAT that was mounted for writing has its dirty bit set: after a cut that is as it should be.
_DIRTY: Final = ("Dirty bit is set", "Automatically removing dirty bit", "Fs was not properly unmounted")
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
    said = [line.removeprefix(f"{partition}: ") for line in preen.stdout.splitlines()[:-1]]
    return [line for line in said if line.strip() and "recovering journal" not in line]


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
    # The first line is the version, the last counts files and clusters.
    said = [line.strip() for line in found.stdout.splitlines()[1:-1] if line.strip()]
    faults = [line for line in said if not any(word in line for word in _DIRTY) and not line.startswith("Leaving")]
    if found.returncode not in (0, 1) or faults:
        raise Broken(f"fsck.vfat finds: {_words(found)}")


def read_out(partition: Path, folder: str, to: Path) -> None:
    """Copy `folder` of the ext4 file system in the file `partition` to `to`, which is made; no mount is needed.

    Raises:
        Broken: it can't be read.
    """
    to.mkdir(parents=True)
    found = _run("debugfs", "-R", f'rdump "{folder}" "{to}"', str(partition))
    # The name of the program and its version come first; debugfs ends with 0 whatever happens.
    said = [line for line in found.stderr.splitlines()[1:] if line.strip() and "while changing ownership" not in line]
    if said or not (to / Path(folder).name).exists():
        raise Broken(f"debugfs can't read {folder}: {'; '.join(said)[:_TOLD] or 'it is not there'}")


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
