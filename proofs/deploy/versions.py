"""Further versions out of a bundle: the same software under another name, or with a fault that keeps it away."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

_AGENT: Final = "site-packages/edge/agents/menu/agent.py"
_FAULT: Final = b'raise SystemExit("deploy-proof: this version is broken")\n'


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
