"""What the image is made of, as a CycloneDX document (SBOM): Debian's packages by debsbom, Python's by cyclonedx-py."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path

from image.layout import disk_uuid
from image.recipe import PYTHON, REPOSITORY, SUITE, Recipe
from image.running import run


def python_packages(recipe: Recipe, tree: Path) -> list[str]:
    """The release's Python packages as name==version, sorted."""
    site = tree / "opt" / "kiosk" / "releases" / recipe.version / "lib" / f"python{PYTHON}" / "site-packages"
    return sorted({f"{each.name}=={each.version}" for each in distributions(path=[str(site)])})


def write_sbom(recipe: Recipe, tree: Path, environment: Path, to: Path, log: Path) -> None:
    """Write the document of `tree`. Its numbers and times are drawn from the recipe.

    Raises:
        RecipeError: one of the tools fails.
    """
    moment = datetime.fromtimestamp(recipe.epoch_s, UTC).isoformat()
    serial = str(uuid.uuid5(uuid.UUID(disk_uuid(recipe)), recipe.version))
    dated = ["--timestamp", moment, "--cdx-serialnumber", serial]
    programs = environment / "bin"
    work = log.parent
    requirements = work / "python-packages.txt"
    requirements.write_text("".join(f"{each}\n" for each in python_packages(recipe, tree)), encoding="utf-8")
    debian, python = work / "debian.cdx.json", work / "python.cdx.json"
    run(
        [programs / "debsbom", "generate", "-t", "cdx", "-r", tree, "--distro-arch", recipe.arch, *dated,
         "--distro-version", SUITE, "--with-licenses", "-o", work / "debian"],
        log=log,
    )  # fmt: skip
    run(
        [
            programs / "cyclonedx-py",
            "requirements",
            "--output-reproducible",
            "--pyproject",
            REPOSITORY / "pyproject.toml",
            "-o",
            python,
            requirements,
        ],
        log=log,
    )
    run(
        [
            programs / "debsbom",
            "merge",
            "-t",
            "cdx",
            *dated,
            "--distro-name",
            recipe.name,
            "--distro-version",
            recipe.version,
            "-o",
            work / "merged",
            debian,
            python,
        ],
        log=log,
    )
    (work / "merged.cdx.json").replace(to)
