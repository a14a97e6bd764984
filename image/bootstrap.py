"""The base tree: Debian with the packages of an image, as a tar archive. Needs no mount on the host."""

from __future__ import annotations

import shlex
from pathlib import Path

from image.archive import apt_options, lines_for_building, state_of
from image.cache import Cache, content_key
from image.recipe import SUITE, Recipe, RecipeError
from image.running import require, run

_KEPT_TREES = 3

# What a kiosk never reads; licences stay.
_LEFT_OUT = (
    "/usr/share/man/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/doc/*",
)
_KEPT = ("/usr/share/doc/*/copyright", "/usr/share/doc/*/copyright.*", "/usr/share/locale/locale.alias")


def base_tree(recipe: Recipe, packages: list[str], cache: Cache, log: Path) -> tuple[Path, bool]:
    """The tree's archive, and whether it was there already.

    It is made again when the packages' list or the archives change. When the archives can't be reached, the newest
    one for these packages is taken.

    Raises:
        RecipeError: it can't be made, or the archives can't be reached and there is none.
    """
    what = content_key(packages, _LEFT_OUT, str(recipe.archive))
    state = state_of(recipe)
    if state is None:
        held = cache.newest(f"base-{recipe.arch}-{what}-*.tar")
        if held is None:
            raise RecipeError("Debian's archive can't be reached, and there is no base tree of an earlier build")
        return held, True
    found = cache.get(
        f"base-{recipe.arch}-{what}-{state}.tar",
        lambda to: _make(recipe, packages, to, cache.folder / f"debs-{recipe.arch}", log),
    )
    cache.keep(f"base-{recipe.arch}-*.tar", _KEPT_TREES)
    return found


def _make(recipe: Recipe, packages: list[str], to: Path, debs: Path, log: Path) -> None:
    require("mmdebstrap")
    debs.mkdir(parents=True, exist_ok=True)
    kept = shlex.quote(str(debs.resolve()))
    # The initial RAM disk is made once, at the end: by each package that asks for it, it takes minutes under emulation.
    hold_back = (
        'chroot "$1" dpkg-divert --quiet --local --rename --add /usr/sbin/update-initramfs'
        ' && ln -s /bin/true "$1/usr/sbin/update-initramfs"'
    )
    run(
        [
            "mmdebstrap",
            "--variant=minbase",
            f"--architectures={recipe.arch}",
            "--components=main,non-free-firmware",
            f"--include={','.join(packages)}",
            '--aptopt=APT::Install-Recommends "false"',
            '--aptopt=Acquire::Retries "3"',
            *(f"--aptopt={option}" for option in apt_options()),
            "--dpkgopt=force-unsafe-io",
            *(f"--dpkgopt=path-exclude={path}" for path in _LEFT_OUT),
            *(f"--dpkgopt=path-include={path}" for path in _KEPT),
            # Packages that were fetched once are taken from here.
            "--skip=download/empty,essential/unlink",
            '--setup-hook=mkdir -p "$1/var/cache/apt/archives"',
            f"--setup-hook=sync-in {kept} /var/cache/apt/archives",
            f"--essential-hook={hold_back}",
            f"--customize-hook=sync-out /var/cache/apt/archives {kept}",
            '--customize-hook=rm -f "$1"/var/cache/apt/archives/*.deb',
            "--format=tar",
            SUITE,
            to,
            *lines_for_building(recipe),
        ],
        log=log,
        env={"SOURCE_DATE_EPOCH": str(recipe.epoch_s)},
    )
