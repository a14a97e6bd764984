"""Versions that the deployment's proof makes of a bundle."""

from __future__ import annotations

import hashlib
import json
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from proofs.deploy.versions import another

AGENT = "lib/python3.13/site-packages/edge/agents/menu/agent.py"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    folder = tmp_path / "1.0.0-amd64"
    folder.mkdir()
    files = {AGENT: "import edge\n", "bin/kiosk": "#!/opt/kiosk/releases/1.0.0/bin/python\n"}
    with tarfile.open(folder / "release.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, BytesIO(text.encode()))
        link = tarfile.TarInfo("bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, "/usr/bin/python3"
        archive.addfile(link)
    told = {"version": "1.0.0", "files": {"release.tar.gz": {"sha256": "", "bytes": 0}}}
    (folder / "bundle.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def content(bundle: Path, name: str) -> str:
    with tarfile.open(bundle / "release.tar.gz") as archive:
        file = archive.extractfile(name)
        assert file is not None
        return file.read().decode()


def test_the_next_version_is_the_same_under_its_own_name(good: Path, tmp_path: Path) -> None:
    to = tmp_path / "1.1.0-amd64"
    another(good, to, "1.1.0")
    assert content(to, "bin/kiosk") == "#!/opt/kiosk/releases/1.1.0/bin/python\n"
    assert content(to, AGENT) == "import edge\n"
    with tarfile.open(to / "release.tar.gz") as archive:
        assert archive.getmember("bin/python").linkname == "/usr/bin/python3"
    told = json.loads((to / "bundle.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256((to / "release.tar.gz").read_bytes()).hexdigest()
    assert (told["version"], told["files"]["release.tar.gz"]["sha256"]) == ("1.1.0", digest)
    assert (to / "SHA256SUMS").read_text(encoding="utf-8") == f"{digest}  release.tar.gz\n"


def test_a_broken_one_does_not_start(good: Path, tmp_path: Path) -> None:
    another(good, tmp_path / "1.2.0-amd64", "1.2.0", broken=True)
    with pytest.raises(SystemExit, match="this version is broken"):
        exec(content(tmp_path / "1.2.0-amd64", AGENT), {})  # noqa: S102 - the fault as it is
