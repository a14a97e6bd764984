"""An update: one boot FAT and one root in a signed RAUC bundle, for whichever slot isn't running."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from image.recipe import Recipe
from image.running import require, run


def manifest(recipe: Recipe) -> str:
    """RAUC's manifest. `verity`: nothing of a bundle is used that isn't under its signature."""
    return (
        f"[update]\ncompatible={recipe.compatible}\nversion={recipe.version}\n\n"
        "[bundle]\nformat=verity\n\n"
        "[image.rootfs]\nfilename=rootfs.ext4\n\n"
        "[image.boot]\nfilename=boot.vfat\n"
    )


def write_bundle(
    recipe: Recipe, boot: Path, root: Path, to: Path, *, key: Path, certificate: Path, work: Path, log: Path
) -> None:
    """Write the bundle, signed by `key`.

    Raises:
        RecipeError: rauc or mksquashfs is missing or fails.
    """
    require("rauc", "mksquashfs")
    content = work / "bundle"
    shutil.rmtree(content, ignore_errors=True)
    content.mkdir(parents=True)
    (content / "manifest.raucm").write_text(manifest(recipe), encoding="utf-8")
    for source, name in ((root, "rootfs.ext4"), (boot, "boot.vfat")):
        try:
            os.link(source, content / name)
        except OSError:  # another file system
            shutil.copyfile(source, content / name)
    to.unlink(missing_ok=True)  # rauc writes over none
    run(
        ["rauc", "bundle", f"--cert={certificate}", f"--key={key}",
         "--mksquashfs-args=-comp zstd -Xcompression-level 6 -quiet -no-progress", content, to],
        log=log,
        env={"SOURCE_DATE_EPOCH": str(recipe.epoch_s)},
    )  # fmt: skip
    shutil.rmtree(content)
