"""Which Debian packages an image holds: what the roles install, and the kernel and firmware of the machine.

The roles' own lists are read, so that the base tree has everything in it and provisioning installs nothing.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from image.recipe import REPOSITORY, Arch, Archive, Recipe

ROLES = (*(REPOSITORY / "ansible" / "roles" / name for name in ("agents", "drivers", "frontend", "hardening")),)
IMAGE_ROLE = REPOSITORY / "image" / "roles" / "image"

_KERNEL = {
    (Arch.AMD64, Archive.DEBIAN): ("linux-image-amd64",),
    # From backports, see `archive.sources`.
    (Arch.ARM64, Archive.DEBIAN): (
        "linux-image-arm64/trixie-backports",
        "raspi-firmware",
        "firmware-brcm80211",
        "device-tree-compiler",
    ),
    (Arch.ARM64, Archive.RASPIOS): (
        "linux-image-rpi-v8",
        "linux-image-rpi-2712",
        "raspi-firmware",
        "firmware-brcm80211",
        "raspberrypi-archive-keyring",
        "python3-picamera2",
        "python3-rpi-lgpio",
    ),
}


def packages(recipe: Recipe, *, screen: bool) -> list[str]:
    """The packages to begin with, sorted; `screen` adds the browser and its compositor."""
    wanted = set(_KERNEL[recipe.arch, recipe.archive])
    wanted.update(_listed(IMAGE_ROLE, "image_packages"))
    for role in ROLES:
        wanted.update(_listed(role, f"{role.name}_packages"))
    if recipe.arch is Arch.ARM64:
        wanted.update(_listed(ROLES[1], "drivers_packages_raspberry_pi"))
    if screen:
        wanted.update(_listed(ROLES[2], "frontend_packages_screen"))
    return sorted(wanted)


def _listed(role: Path, name: str) -> list[str]:
    document = yaml.safe_load((role / "vars" / "main.yml").read_text(encoding="utf-8"))
    return [str(each) for each in document.get(name, [])]
