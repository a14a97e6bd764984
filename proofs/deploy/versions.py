"""Bundles for a proof: one of this commit, and versions out of it, under another name or with a fault."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

from rich.console import Console

from image.offline import make
from image.recipe import REPOSITORY, Arch, recipe_of
from image.stages import Stages
from proofs.deploy.steps import BROKEN, FIRST, NEXT

# What a bundle is made of.
_SOFTWARE: Final = ("edge", "drivers", "image", "nats-server.conf", "nats-server-keys.conf", "pyproject.toml", "*.lock")
_AGENT: Final = "site-packages/edge/agents/menu/agent.py"
_FAULT: Final = b'raise SystemExit("deploy-proof: this version is broken")\n'


def bundles_of(out: Path, console: Console) -> Path:
    """The folder of bundles in `out`: FIRST, made of this commit's software, and NEXT and BROKEN out of it.

    Raises:
        RecipeError: a bundle can't be made here.
    """
    stages = Stages(console)
    bundles, cache = out / "bundles", REPOSITORY / "build" / "image" / "cache"
    recipe = recipe_of(Arch.AMD64)
    first = bundles / f"{FIRST}-amd64"
    told = first / "bundle.json"
    if not told.exists() or not _same_software(json.loads(told.read_text(encoding="utf-8"))["commit"], recipe.commit):
        first = make(dataclasses.replace(recipe, version=FIRST), bundles, cache, stages)
    with stages("Two versions more"):
        another(first, bundles / f"{NEXT}-amd64", NEXT)
        another(first, bundles / f"{BROKEN}-amd64", BROKEN, broken=True)
    return bundles


def another(good: Path, to: Path, version: str, *, broken: bool = False) -> None:
    """Make of the bundle `good` one of `version` at `to`; a `broken` one's menu agent doesn't start."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(good, to)
    told = json.loads((good / "bundle.json").read_text(encoding="utf-8"))
    agents = 0
    with tarfile.open(good / "release.tar.gz") as source, tarfile.open(to / "release.tar.gz", "w:gz") as target:
        for member in source:
            content = source.extractfile(member) if member.isfile() else None
            data = content.read() if content else b""
            if member.name.endswith(_AGENT):
                agents += 1
                data = _FAULT if broken else data
            # A release's programs name their own release.
            data = data.replace(f"/releases/{told['version']}/".encode(), f"/releases/{version}/".encode())
            member.size = len(data) if member.isfile() else 0
            target.addfile(member, BytesIO(data))
    if agents != 1:
        raise AssertionError(f"{good} has {agents} menu agents")
    archive = to / "release.tar.gz"
    told["version"] = version
    told["files"]["release.tar.gz"] = {
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "bytes": archive.stat().st_size,
    }
    (to / "bundle.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    lines = "".join(f"{each['sha256']}  {name}\n" for name, each in told["files"].items())
    (to / "SHA256SUMS").write_text(lines, encoding="utf-8")


def _same_software(before: str, now: str) -> bool:
    words = ["git", "-C", str(REPOSITORY), "diff", "--quiet", before, now, "--", *_SOFTWARE]
    return before == now or subprocess.run(words, capture_output=True, check=False).returncode == 0
