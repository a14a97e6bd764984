"""The software's release: a Python environment for the image's architecture, made without running a program of it.

Third-party packages come as wheels, with the lock file's checksums; the three pure ones that have none are built here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from image.cache import Cache, content_key
from image.recipe import PYTHON, REPOSITORY, Arch, Recipe, RecipeError
from image.running import run

# In the lock file, without a wheel: pure Python, so that a wheel built here is everyone's.
SOURCE_ONLY = ("nats-py", "nkeys", "python-escpos")
_PLATFORM = {Arch.AMD64: "x86_64-manylinux_2_28", Arch.ARM64: "aarch64-manylinux_2_28"}
# What the release is made of, out of the commit: what isn't committed isn't in an image.
_SOURCES = ("edge", "drivers", "pyproject.toml", "README.md", "LICENSE")


def split_lock(text: str) -> tuple[str, str]:
    """The lock file in two: the packages that have wheels, and those of `SOURCE_ONLY`. Checksums stay with them."""
    entries = re.split(r"(?m)^(?=[a-z0-9])", text)
    built: list[str] = []
    wheels: list[str] = []
    for entry in entries:
        name = entry.partition("==")[0]
        (built if name in SOURCE_ONLY else wheels).append(entry)
    return "".join(wheels), "".join(built)


def third_party(recipe: Recipe, cache: Cache, log: Path) -> tuple[Path, bool]:
    """What the lock file names, as a tar archive of a site-packages folder; and whether it was there already.

    Raises:
        RecipeError: a package can't be had, or hasn't the lock file's checksum.
    """
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    key = content_key(lock, PYTHON, str(recipe.arch), SOURCE_ONLY)

    def make(to: Path) -> None:
        with tempfile.TemporaryDirectory(dir=cache.folder) as folder:
            _install(recipe, lock, Path(folder), log)
            run(["tar", "-C", Path(folder) / "site", "-cf", to, "."], log=log)

    return cache.get(f"site-{recipe.arch}-{key}.tar", make)


def _install(recipe: Recipe, lock: str, folder: Path, log: Path) -> None:
    wheels, built = split_lock(lock)
    (folder / "wheels.lock").write_text(wheels, encoding="utf-8")
    (folder / "built.lock").write_text(built, encoding="utf-8")
    epoch = {"SOURCE_DATE_EPOCH": str(recipe.epoch_s)}
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    house = folder / "wheelhouse"
    run([*pip, "wheel", "--no-deps", "--require-hashes", "-r", folder / "built.lock", "-w", house], log=log, env=epoch)
    into: list[str | Path] = [
        *_uv(),
        "pip",
        "install",
        "--python-platform",
        _PLATFORM[recipe.arch],
        "--python-version",
        PYTHON,
        "--only-binary",
        ":all:",
        "--no-deps",
        "--link-mode",
        "copy",
        "--target",
        folder / "site",
    ]
    run([*into, "--require-hashes", "-r", folder / "wheels.lock"], log=log)
    run([*into, *sorted(house.glob("*.whl"))], log=log)


def project_wheel(recipe: Recipe, folder: Path, log: Path) -> Path:
    """The project's own wheel, of what the commit holds.

    Raises:
        RecipeError: git or the build fails.
    """
    source = folder / "source"
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    done = subprocess.run(
        ["git", "-C", str(REPOSITORY), "archive", "--format=tar", recipe.commit, "--", *_SOURCES],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RecipeError(f"git archive: {done.stderr.decode(errors='replace').strip()}")
    # Not tarfile: that of Debian 12's Python 3.11.2 extracts without a filter only.
    subprocess.run(["tar", "-xpf", "-", "-C", str(source)], input=done.stdout, check=True)
    run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "-w", folder, source],
        log=log,
        env={"SOURCE_DATE_EPOCH": str(recipe.epoch_s)},
    )
    return next(folder.glob("kiosk_edge-*.whl"))


def install_release(recipe: Recipe, site: Path, wheel: Path, home: Path, log: Path) -> None:
    """Put the release together under `home`/releases: bin/kiosk, bin/nats-server, lib/pythonX.Y/site-packages.

    Run by the owner of the tree. Nothing in it names the machine it was made on.
    """
    release = home / "releases" / recipe.version
    packages = release / "lib" / f"python{PYTHON}" / "site-packages"
    programs = release / "bin"
    packages.mkdir(parents=True)
    programs.mkdir()
    run(["tar", "-C", packages, "--no-same-owner", "-xf", site], log=log)
    run(
        [*_uv(), "pip", "install", "--no-deps", "--link-mode", "copy", "--python-version", PYTHON, "--target",
         packages, wheel],
        log=log,
    )  # fmt: skip
    # Site-packages of Debian's count too: some of the devices' libraries have no wheels.
    (release / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = true\nversion = {PYTHON}\n", encoding="utf-8"
    )
    (programs / "python").symlink_to("/usr/bin/python3")
    (programs / "python3").symlink_to("python")
    kiosk = programs / "kiosk"
    kiosk.write_text(
        f"#!/opt/kiosk/releases/{recipe.version}/bin/python\n"
        "import sys\n\nfrom edge.__main__ import main\n\nsys.exit(main())\n",
        encoding="utf-8",
    )
    kiosk.chmod(0o755)
    (packages / "bin" / "nats-server").rename(programs / "nats-server")
    shutil.rmtree(packages / "bin")
    (packages / ".lock").unlink(missing_ok=True)
    forget_where(packages)


def forget_where(site: Path) -> None:
    """Take out of a site-packages folder what is of the machine it was put together on.

    That is where packages were installed from, and the checksums of the programs in bin/, which name that machine's
    Python in their first line; the release doesn't keep those programs.
    """
    noted = ("direct_url.json", "uv_cache.json")
    for record in site.glob("*.dist-info/RECORD"):
        lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
        paths = [line.partition(",")[0] for line in lines]
        kept = [
            line
            for path, line in zip(paths, lines, strict=True)
            if not path.endswith(noted) and not path.lstrip("./").startswith("bin/")
        ]
        record.write_text("".join(kept), encoding="utf-8")
        for name in noted:
            (record.parent / name).unlink(missing_ok=True)


def _uv() -> list[str]:
    beside = Path(sys.executable).parent / "uv"
    if beside.exists():
        return [str(beside)]
    if there := shutil.which("uv"):
        return [there]
    raise RecipeError("uv is not here; make setup-test installs it")
