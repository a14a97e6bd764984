"""Running the programs that make an image, each with its log; in a namespace of its own where it needs mounts."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from image.recipe import RecipeError

_TAIL_LINES = 15

# Where a program comes from on Debian, for the one who lacks it.
_PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "dtc": "device-tree-compiler",
    "mke2fs": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "sfdisk": "fdisk",
    "bmaptool": "bmap-tools",
    "zstd": "zstd",
    "unshare": "util-linux",
    "rauc": "rauc",
    "mksquashfs": "squashfs-tools",
    "openssl": "openssl",
    "newuidmap": "uidmap",
}


class CommandFailed(RecipeError):
    """A program failed; the text ends with what it said last."""


def require(*programs: str) -> None:
    """See that `programs` are there.

    Raises:
        RecipeError: one isn't; the text names the Debian packages to install.
    """
    lacking = [each for each in programs if not found(each)]
    if lacking:
        packages = " ".join(sorted({_PACKAGES.get(each, each) for each in lacking}))
        raise RecipeError(f"{', '.join(lacking)} not found; on Debian: apt-get install {packages}")


def found(program: str) -> str | None:
    """Where `program` is; the folders of administrators' programs count too."""
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def run(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    cwd: Path | None = None,
) -> None:
    """Run `command` to its end, its words going to the end of `log`.

    Raises:
        CommandFailed: it exits with another status than 0, or isn't there.
    """
    words = [str(each) for each in command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        file.write(f"\n$ {shlex.join(words)}\n".encode())
        file.flush()
        start = file.tell()
        try:
            done = subprocess.run(
                [found(words[0]) or words[0], *words[1:]],
                env={**os.environ, **(env or {})},
                input=stdin.encode() if stdin is not None else None,
                stdin=subprocess.DEVNULL if stdin is None else None,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                check=False,
            )
        except OSError as error:
            raise CommandFailed(f"{words[0]} can't be run: {error.strerror}") from error
    if done.returncode:
        said = log.read_bytes()[start:].decode(errors="replace").splitlines()[-_TAIL_LINES:]
        raise CommandFailed(
            f"{words[0]} failed ({done.returncode}); its last words, all of them in {log}:\n  " + "\n  ".join(said)
        )


def output_of(command: Sequence[str | Path]) -> str:
    """What `command` prints.

    Raises:
        CommandFailed: it exits with another status than 0, or isn't there.
    """
    words = [str(each) for each in command]
    try:
        done = subprocess.run([found(words[0]) or words[0], *words[1:]], capture_output=True, text=True, check=False)
    except OSError as error:
        raise CommandFailed(f"{words[0]} can't be run: {error.strerror}") from error
    if done.returncode:
        raise CommandFailed(f"{shlex.join(words)} failed ({done.returncode}): {done.stderr.strip()}")
    return done.stdout


def with_tree_mounted(command: Sequence[str | Path], tree: Path) -> list[str]:
    """`command` where `tree` has /proc, /dev and the like, in a mount namespace: the host sees none of them.

    Processes that the command leaves behind end with it.
    """
    quoted = shlex.quote(str(tree))
    script = "\n".join(
        [
            "set -eu",
            f"mount -t proc proc {quoted}/proc",
            f"mount -t tmpfs -o mode=755 tmpfs {quoted}/run",
            f"mount -t tmpfs -o mode=1777 tmpfs {quoted}/tmp",  # noqa: S108 - the tree's own
            f"mount -t tmpfs -o mode=755 tmpfs {quoted}/dev",
            "for each in null zero full random urandom tty; do",
            f"  : > {quoted}/dev/$each; mount --bind /dev/$each {quoted}/dev/$each; done",
            f"mkdir {quoted}/dev/shm {quoted}/dev/pts; ln -s /proc/self/fd {quoted}/dev/fd",  # noqa: S108 - the tree's own
            shlex.join([str(each) for each in command]),
        ]
    )
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-c", script]
