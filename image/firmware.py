"""A Raspberry Pi's firmware, device trees and overlays, as its boot partition wants them."""

from __future__ import annotations

import shutil
from pathlib import Path

from image.recipe import Arch, Archive, Recipe, RecipeError
from image.running import run

_OVERLAYS = Path(__file__).with_name("overlays")
# The device trees of the boards that the image is for.
_BOARDS = ("bcm2711-rpi-4-b", "bcm2711-rpi-400", "bcm2711-rpi-cm4-io", "bcm2712-rpi-5-b", "bcm2712-d-rpi-5-b")


def firmware_files(recipe: Recipe, tree: Path, work: Path, log: Path) -> dict[str, Path]:
    """The files by their path on the boot partition; none for a virtual machine. `work` is where overlays are compiled.

    Raises:
        RecipeError: the tree has no firmware or no device tree of a board, or an overlay can't be compiled.
    """
    if recipe.arch is not Arch.ARM64:
        return {}
    firmware = tree / "usr" / "lib" / "raspi-firmware"
    found = {path.name: path for path in sorted(firmware.glob("*")) if path.suffix in (".elf", ".dat", ".bin")}
    if not found:
        raise RecipeError(f"raspi-firmware put nothing into {firmware}")
    found.update(_device_trees(tree))
    if recipe.archive is Archive.RASPIOS:
        overlays = next(iter(sorted((tree / "usr" / "lib").glob("linux-image-*/overlays"))), None)
        if overlays is None:
            raise RecipeError("Raspberry Pi's kernel brought no overlays")
        found.update({f"overlays/{path.name}": path for path in sorted(overlays.iterdir())})
        return found
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    for source in sorted(_OVERLAYS.glob("*.dts")):
        compiled = work / f"{source.stem}.dtbo"
        run(["dtc", "-@", "-q", "-I", "dts", "-O", "dtb", "-o", compiled, source], log=log)
        found[f"overlays/{compiled.name}"] = compiled
    return found


def _device_trees(tree: Path) -> dict[str, Path]:
    """The boards' device trees: the newest kernel's, wherever that kernel keeps them."""
    places = [
        *sorted((tree / "usr" / "lib" / "modules").glob("*/dtb")),  # Debian's kernels since 7.0
        *sorted((tree / "usr" / "lib").glob("linux-image-*")),
    ]
    for place in reversed(places):
        found = {path.name: path for board in _BOARDS for path in place.rglob(f"{board}.dtb")}
        if {"bcm2711-rpi-4-b.dtb", "bcm2712-rpi-5-b.dtb"} <= found.keys():
            # A Pi 5 with the newer stepping of its chip: what its firmware asks for, and what Linux calls it.
            if "bcm2712-d-rpi-5-b.dtb" in found:
                found["bcm2712d0-rpi-5-b.dtb"] = found["bcm2712-d-rpi-5-b.dtb"]
            return found
    raise RecipeError(f"no kernel in {tree} has the device trees of a Raspberry Pi 4 and 5")
