"""What is to be built: the architecture, whose archive, which version of the software, at which moment."""

from __future__ import annotations

import subprocess
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
SUITE = "trixie"
PYTHON = "3.13"  # Debian 13's


class RecipeError(Exception):
    """The image can't be built like this; the text says why and what to do."""


class Arch(StrEnum):
    """Debian's name of the architecture."""

    AMD64 = "amd64"
    ARM64 = "arm64"

    @property
    def machine(self) -> str:
        """The kernel's name of it, as in `uname -m`."""
        return {"amd64": "x86_64", "arm64": "aarch64"}[self.value]


class Archive(StrEnum):
    """Whose packages: Debian's alone, or Raspberry Pi's own archive beside them (its kernel, firmware, picamera2)."""

    DEBIAN = "debian"
    RASPIOS = "raspios"


@dataclass(frozen=True)
class Recipe:
    """One image.

    `version` names the release under /opt/kiosk/releases, of the software in `commit`; no time in the image is later
    than `epoch_s`.
    """

    arch: Arch
    archive: Archive
    version: str
    epoch_s: int
    commit: str = "HEAD"

    @property
    def name(self) -> str:
        """The stem of the output files."""
        return f"kiosk-{self.arch}" if self.archive is Archive.DEBIAN else f"kiosk-{self.arch}-{self.archive}"

    @property
    def compatible(self) -> str:
        """What an update must be made for (RAUC's word)."""
        return self.name


def recipe_of(arch: Arch, archive: Archive = Archive.DEBIAN, repository: Path = REPOSITORY) -> Recipe:
    """The recipe for what `repository` holds now.

    The version is the project's and the commit's; with changes that aren't committed it says so.

    Raises:
        RecipeError: it isn't a git repository, or Raspberry Pi's archive is wanted for a PC.
    """
    if archive is Archive.RASPIOS and arch is not Arch.ARM64:
        raise RecipeError("Raspberry Pi's archive is for --arch arm64; for amd64 leave --base out")
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    commit = _git(repository, "rev-parse", "HEAD")
    # The software is the commit's; the recipe and the roles are what lies here.
    changed = _git(repository, "status", "--porcelain", "--", "image", "ansible")
    return Recipe(
        arch=arch,
        archive=archive,
        version=f"{project['project']['version']}+{commit[:8]}{'.changed' if changed else ''}",
        epoch_s=int(_git(repository, "log", "-1", "--format=%ct", commit)),
        commit=commit,
    )


def _git(repository: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RecipeError(f"the image takes its version from git, which says: {done.stderr.strip()}")
    return done.stdout.strip()
