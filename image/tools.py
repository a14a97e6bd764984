"""The Python tools that make an image, in an environment of their own: their libraries are none of the kiosk's."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path

from image.cache import content_key
from image.recipe import REPOSITORY
from image.running import run

_REQUIREMENTS = REPOSITORY / "image" / "requirements.lock"
# The wheel that all collections come in; only these are taken out of it.
COLLECTIONS_FROM = "ansible==11.13.0"
COLLECTIONS = ("ansible/posix", "community/general")


def tools(folder: Path, log: Path) -> tuple[Path, bool]:
    """A Python environment with Ansible, its collections and what writes an SBOM, and whether it was there already.

    Raises:
        RecipeError: a package can't be had.
    """
    wanted = content_key(_REQUIREMENTS.read_bytes(), COLLECTIONS_FROM, COLLECTIONS, sys.version)
    done = folder / ".done"
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return folder, True
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "venv", folder], log=log)
    pip: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-q"]
    run([*pip, "install", "--require-hashes", "-r", _REQUIREMENTS], log=log)
    run([*pip, "download", "--no-deps", "-d", folder, COLLECTIONS_FROM], log=log)
    wheel = next(folder.glob("ansible-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        prefixes = tuple(f"ansible_collections/{each}/" for each in COLLECTIONS)
        archive.extractall(folder / "collections", [name for name in archive.namelist() if name.startswith(prefixes)])
    wheel.unlink()
    done.write_text(wanted, encoding="utf-8")
    return folder, False
