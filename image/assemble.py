"""From a tree to a disk: file systems without mounts, and the partition table around them, all in sparse files."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from image.layout import DISK_MIB, MIB, PARTITIONS, Partition, hash_seed, partition, sfdisk_script
from image.recipe import Recipe, RecipeError
from image.running import output_of, require, run

_SLACK = 1.10  # what ext4 needs for itself, by a tenth
_SPARE_MIB = 64


def root_filesystem(recipe: Recipe, tree: Path, to: Path, log: Path) -> None:
    """The root's ext4 with what `tree` holds, no larger than that needs.

    Made by the tree's own mke2fs: the same bytes on whatever machine.

    Raises:
        RecipeError: it doesn't fit into its slot, or mke2fs fails.
    """
    used = int(output_of(["du", "-s", "-x", "--apparent-size", "--block-size=1M", tree]).split()[0])
    size_mib = int(used * _SLACK) + _SPARE_MIB
    slot = partition("root-a")
    if size_mib > slot.size_mib:
        raise RecipeError(f"the system takes {size_mib} MiB, and a slot has {slot.size_mib} (image/layout.py)")
    _ext4(recipe, slot, tree, tree, to, size_mib=size_mib, log=log)


def data_filesystem(recipe: Recipe, tree: Path, to: Path, log: Path) -> None:
    """The data partition's empty ext4; `tree` is where mke2fs is taken from."""
    data = partition("data")
    _ext4(recipe, data, None, tree, to, size_mib=data.size_mib, log=log)


def _ext4(
    recipe: Recipe, part: Partition, content: Path | None, tree: Path, to: Path, *, size_mib: int, log: Path
) -> None:
    to.unlink(missing_ok=True)
    inside = tree / "run"
    mke2fs = [
        "mke2fs",
        "-q",
        "-F",
        "-t",
        "ext4",
        "-L",
        part.label,
        "-U",
        part.filesystem_uuid(recipe),
        "-E",
        f"hash_seed={hash_seed(recipe)},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0,nodiscard",
        "-m",
        "0" if part.label == "data" else "1",
        *(["-d", "/run/tree"] if content else []),
        f"/run/out/{to.name}",
        f"{size_mib}M",
    ]
    # The tree, bound once more without what is mounted in it, is what goes in; /run itself is empty in it.
    script = "\n".join(
        [
            "set -eu",
            f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(str(inside))}",
            f"mkdir {shlex.quote(str(inside / 'tree'))} {shlex.quote(str(inside / 'out'))}",
            f"mount --bind {shlex.quote(str(tree))} {shlex.quote(str(inside / 'tree'))}",
            f"mount --bind {shlex.quote(str(to.parent.resolve()))} {shlex.quote(str(inside / 'out'))}",
            shlex.join(["chroot", str(tree), "env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *mke2fs]),
        ]
    )
    run(["unshare", "--mount", "--", "sh", "-c", script], log=log, env={"SOURCE_DATE_EPOCH": str(recipe.epoch_s)})


def fat_filesystem(
    recipe: Recipe, part: Partition, to: Path, *, texts: Mapping[str, str], files: Mapping[str, Path], log: Path
) -> None:
    """A FAT of the partition's size with these texts and files, by their path in it.

    Raises:
        RecipeError: they don't fit, or mkfs.vfat or mcopy fails.
    """
    require("mkfs.vfat", "mcopy")
    to.unlink(missing_ok=True)
    epoch = {"SOURCE_DATE_EPOCH": str(recipe.epoch_s), "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}
    size = part.size_mib * MIB
    with to.open("wb") as file:
        file.truncate(size)
    run(
        ["mkfs.vfat", "--invariant", "-F", "32", "-n", part.label, "-i", part.volume_id(recipe), to],
        log=log,
        env=epoch,
    )
    staging = to.with_suffix(".files")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    for name, text in texts.items():
        (staging / name).write_bytes(text.encode())
    for name, source in files.items():
        path = staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    run(["find", staging, "-exec", "touch", "-d", f"@{recipe.epoch_s}", "{}", "+"], log=log)
    # One after the other, in order of name: FAT keeps the order in which files come.
    for path in sorted(staging.iterdir()):
        run(["mcopy", "-s", "-m", "-p", "-i", to, path, "::/"], log=log, env=epoch)
    shutil.rmtree(staging)


def disk(recipe: Recipe, parts: Mapping[str, Path], to: Path, log: Path) -> None:
    """The disk's image: the table, and each partition's file system where there is one.

    Raises:
        RecipeError: sfdisk or dd fails.
    """
    require("sfdisk")
    new = to.with_suffix(".new")
    new.unlink(missing_ok=True)
    with new.open("wb") as file:
        file.truncate(DISK_MIB * MIB)
    run(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", new], stdin=sfdisk_script(recipe), log=log)
    for each in PARTITIONS:
        source = parts.get(each.label)
        if source is not None:
            run(
                ["dd", f"if={source}", f"of={new}", "bs=1M", f"seek={each.start_mib}", "conv=notrunc,sparse"],
                log=log,
            )
    new.replace(to)
