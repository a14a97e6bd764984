"""What a kiosk does with a bundle's archives: roles/agents/files/unpack-release, run as it is."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from scripts.ansible_readme import ANSIBLE

SCRIPT = ANSIBLE / "roles" / "agents" / "files" / "unpack-release"
SITE = "lib/python3.13/site-packages"
PACKAGES = {"wheely/__init__.py": "WHEELS = 3\n"}

pytestmark = pytest.mark.skipif(
    shutil.which("sha256sum") is None, reason="no sha256sum here: it runs on Debian (package coreutils)"
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "kiosk"


def arrive(home: Path, version: str, *, packages: Mapping[str, str] | None = PACKAGES, named: str = "aaaa") -> None:
    """Lay a bundle's archives into the folder of what arrives; without `packages` they are not sent."""
    incoming = home / "incoming"
    (home / "releases").mkdir(parents=True, exist_ok=True)
    incoming.mkdir()
    software = {
        f"{SITE}/edge/__init__.py": f"VERSION = {version!r}\n",
        f"{SITE}/drivers/__init__.py": "",
        "bin/kiosk": "",
    }
    archives = {"release.tar.gz": software, "models.tar.gz": {"eyes.onnx": version}}
    if packages is not None:
        archives[f"site-{named}.tar.gz"] = dict(packages)
    sums = ["0" * 64 + "  site-notsent.tar.gz"]
    for name, files in archives.items():
        with tarfile.open(incoming / name, "w:gz") as archive:
            for path, text in files.items():
                member = tarfile.TarInfo(path)
                member.size = len(text)
                archive.addfile(member, BytesIO(text.encode()))
        sums.append(f"{hashlib.sha256((incoming / name).read_bytes()).hexdigest()}  {name}")
    (incoming / "SHA256SUMS").write_text("\n".join(sums) + "\n", encoding="utf-8")


def unpack(home: Path, version: str, named: str = "aaaa") -> subprocess.CompletedProcess[str]:
    words = [str(SCRIPT), str(home), version, named, "3.13"]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_a_release_is_whole_and_compiled(home: Path) -> None:
    arrive(home, "1.0")
    done = unpack(home, "1.0")
    assert done.returncode == 0, done.stderr
    release = home / "releases" / "1.0"
    assert (release / "bin" / "kiosk").exists()
    assert (release / SITE / "wheely" / "__init__.py").read_text(encoding="utf-8") == "WHEELS = 3\n"
    assert list((release / SITE / "wheely").rglob("*.pyc"))
    assert list((release / SITE / "edge").rglob("*.pyc"))
    assert (release / "models" / "eyes.onnx").read_text(encoding="utf-8") == "1.0"
    assert (release / "packages").read_text(encoding="utf-8") == "aaaa\n"


def test_the_next_one_shares_what_is_the_same_and_nothing_else(home: Path) -> None:
    arrive(home, "1.0")
    assert unpack(home, "1.0").returncode == 0
    shutil.rmtree(home / "incoming")
    arrive(home, "1.1", packages=None)
    assert unpack(home, "1.1").returncode == 0
    first, second = (home / "releases" / version / SITE for version in ("1.0", "1.1"))
    assert (first / "wheely/__init__.py").samefile(second / "wheely/__init__.py")
    assert not (first / "edge/__init__.py").samefile(second / "edge/__init__.py")
    assert "1.0" in (first / "edge/__init__.py").read_text(encoding="utf-8")
    # What goes with the packages' folder takes nothing from the releases.
    shutil.rmtree(home / "packages")
    shutil.rmtree(home / "releases" / "1.0")
    assert (second / "wheely/__init__.py").read_text(encoding="utf-8") == "WHEELS = 3\n"


def test_what_was_damaged_on_the_way_is_refused(home: Path) -> None:
    arrive(home, "1.0")
    with (home / "incoming" / "release.tar.gz").open("r+b") as file:
        file.seek(20)
        file.write(b"\0")
    done = unpack(home, "1.0")
    assert done.returncode != 0
    assert "release.tar.gz: FAILED" in done.stdout + done.stderr
    assert list((home / "releases").iterdir()) == []


def test_what_a_power_cut_left_is_begun_anew(home: Path) -> None:
    arrive(home, "1.0")
    for half in (home / "packages" / ".aaaa" / "half", home / "releases" / ".1.0" / "bin" / "half"):
        half.parent.mkdir(parents=True)
        half.write_text("half", encoding="utf-8")
    assert unpack(home, "1.0").returncode == 0
    assert not list(home.rglob("half"))
    assert [path.name for path in (home / "releases").iterdir()] == ["1.0"]
