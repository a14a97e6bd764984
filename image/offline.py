"""`make bundle`: a release for kiosks that run already and have no internet: Python packages, software, models.

It is what an image would hold, for ansible/deploy.yml to carry there. What the lock file names is apart from the
software, so that a kiosk that has it is sent only the latter.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from image.build import MODELS
from image.cache import Cache, content_key
from image.recipe import PYTHON, REPOSITORY, Arch, Recipe, RecipeError, recipe_of
from image.release import install_release, project_wheel, third_party
from image.running import run
from image.stages import Stages

FORMAT = 1  # of bundle.json, which ansible/deploy.yml reads
_OUT = REPOSITORY / "build" / "bundle"
_CACHE = REPOSITORY / "build" / "image" / "cache"
_SITE = Path("lib") / f"python{PYTHON}" / "site-packages"
# What the bus is configured with is a version's own, too.
_CONFIGURATION = ("nats-server.conf", "nats-server-keys.conf")

console = Console()


def make(recipe: Recipe, out: Path, cache: Path, stages: Stages) -> Path:
    """Make the bundle of `recipe` in a folder of its own under `out`; that folder.

    Raises:
        RecipeError: a package or a model can't be had.
    """
    bundle = out / f"{recipe.version}-{recipe.arch}"
    log = out / f"{recipe.version}-{recipe.arch}.log"
    out.mkdir(parents=True, exist_ok=True)
    cache.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    with tempfile.TemporaryDirectory(dir=out, prefix=".making-") as folder:
        work = Path(folder)
        with stages("Python packages") as stage:
            site, kept = third_party(recipe, Cache(cache), log)
            # An image's build has compiled them; here no program of Debian's Python can be run.
            compiled = cache / f"compiled-{site.name.removeprefix('site-')}"
            packages = compiled if compiled.exists() else site
            stage.note = "kept from before" if kept else ""
        with stages("kiosk-edge") as stage:
            wheel = project_wheel(recipe, work / "wheel", log)
            install_release(recipe, packages, wheel, work / "home", log)
            stage.note = recipe.version
        with stages("Models"):
            _pull_models(work / "wheel" / "source", cache / "models", log)
        new = work / "bundle"
        new.mkdir()
        with stages("Packing") as stage:
            name = _pack(recipe, work, packages, models=cache / "models", to=new, log=log)
            stage.note = f"{sum(path.stat().st_size for path in new.iterdir()) / 1e6:.0f} MB"
        _describe(recipe, name, new)
        shutil.rmtree(bundle, ignore_errors=True)
        new.rename(bundle)
    _point(out / f"latest-{recipe.arch}", bundle.name)
    return bundle


def _pull_models(source: Path, held: Path, log: Path) -> None:
    run(
        [sys.executable, "-m", "edge", "models", "pull", "--quiet", "--folder", held, *MODELS],
        log=log,
        cwd=source,
        env={"PYTHONPATH": str(source)},
    )


def _pack(recipe: Recipe, work: Path, packages: Path, *, models: Path, to: Path, log: Path) -> str:
    """Write the three archives; the name of the packages, by what they are."""
    release = work / "home" / "releases" / recipe.version
    run(["sh", "-c", 'tar -tf "$0" | sed "s,^\\./,," > "$1"', packages, work / "listed"], log=log)
    listed = set((work / "listed").read_text(encoding="utf-8").splitlines())
    here = sorted(str(path.relative_to(release)) for path in release.rglob("*") if path.is_symlink() or path.is_file())
    theirs: list[str] = []
    ours: list[str] = []
    for each in here:
        inside = each.removeprefix(f"{_SITE}/")
        (theirs if inside != each and inside in listed else ours).append(each)
    # The same name for the same packages, whoever made the bundle.
    name = content_key(packages.name, PYTHON)
    _tar(recipe, release / _SITE, (each.removeprefix(f"{_SITE}/") for each in theirs), to / f"site-{name}.tar.gz", log)
    _tar(recipe, release, ours, to / "release.tar.gz", log)
    _tar(recipe, models, sorted(path.name for path in models.iterdir()), to / "models.tar.gz", log)
    for each in _CONFIGURATION:
        shutil.copy(REPOSITORY / each, to / each)
    return name


def _tar(recipe: Recipe, folder: Path, files: Iterable[str], to: Path, log: Path) -> None:
    names = to.with_suffix(".names")
    names.write_text("".join(f"{each}\0" for each in files), encoding="utf-8")
    run(
        ["tar", "-C", folder, "--no-recursion", "--null", "--owner=0", "--group=0", "--numeric-owner",
         "--mode=u=rwX,go=rX", f"--mtime=@{recipe.epoch_s}", "--use-compress-program=gzip -n", "-cf", to, "-T", names],
        log=log,
    )  # fmt: skip
    names.unlink()


def _describe(recipe: Recipe, packages: str, bundle: Path) -> None:
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in sorted(bundle.iterdir())
    }
    told = {
        "format": FORMAT,
        "version": recipe.version,
        "commit": recipe.commit,
        "arch": str(recipe.arch),
        "python": PYTHON,
        "packages": packages,
        "files": files,
    }
    (bundle / "bundle.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    lines = "".join(f"{each['sha256']}  {name}\n" for name, each in files.items())
    (bundle / "SHA256SUMS").write_text(lines, encoding="utf-8")


def _point(link: Path, to: str) -> None:
    new = link.with_name(f".{link.name}")
    new.unlink(missing_ok=True)
    new.symlink_to(to)
    new.replace(link)


def main(
    *,
    arch: Annotated[Arch, typer.Option(help="arm64 for a Raspberry Pi 4 or 5, amd64 for a PC.")],
    out: Annotated[Path, typer.Option(help="The folder of bundles.")] = _OUT,
    cache: Annotated[Path, typer.Option(help="What is kept for the next one; an image's build shares it.")] = _CACHE,
    version: Annotated[
        str | None, typer.Option(help="Another name for it, instead of the project's and commit's.")
    ] = None,
) -> None:
    """Make the bundle of the last commit: a folder VERSION-ARCH for ansible/deploy.yml; latest-ARCH points to it."""
    try:
        recipe = recipe_of(arch)
        if version:
            recipe = Recipe(recipe.arch, recipe.archive, version, recipe.epoch_s, recipe.commit)
        bundle = make(recipe, out.resolve(), cache.resolve(), Stages(console))
    except RecipeError as error:
        console.print(f"[bold red]bundle:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    console.print(
        f"{bundle}: ansible-playbook -i INVENTORY ansible/deploy.yml takes it", highlight=False, soft_wrap=True
    )


if __name__ == "__main__":
    typer.run(main)
