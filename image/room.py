"""Whether there is room for a build: told before it begins, not when a file system is full after minutes."""

from __future__ import annotations

import shutil
from pathlib import Path

from image.recipe import Arch, RecipeError

# What build/image held after the first build of each, its cache included, was 5 and 9 GB (November 2026).
_BYTES = {Arch.AMD64: 6 * 10**9, Arch.ARM64: 10 * 10**9}


def require_room(out: Path, arch: Arch) -> None:
    """See that an image of `arch` fits beside what is there; what an earlier build left in `out` counts as room.

    Raises:
        RecipeError: it doesn't fit; the text says how much is free and how much it takes.
    """
    out.mkdir(parents=True, exist_ok=True)
    there = [*out.glob(f"kiosk-{arch}*"), *out.glob(f"cache/*-{arch}-*"), *out.glob(f"work/kiosk-{arch}*/*")]
    kept = sum(each.lstat().st_blocks * 512 for each in there)
    free = shutil.disk_usage(out).free
    if free + kept < _BYTES[arch]:
        raise RecipeError(
            f"{free / 1e9:.1f} GB are free at {out}, and an image for {arch.value} takes {_BYTES[arch] / 1e9:.0f} GB "
            f"with all that is kept for the next build: make room, or build elsewhere with --out"
        )
