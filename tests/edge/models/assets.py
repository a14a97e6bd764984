"""Assets made on the spot: small, and of packages that exist nowhere."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from edge.models import Manifest, Store
from edge.models.manifest import Asset, PypiSource, Source

CONTENT = bytes(range(256)) * 400  # 102,400 bytes


def asset(
    name: str = "lamp",
    content: bytes = CONTENT,
    source: Source | None = None,
    *,
    default: bool = True,
    kind: Literal["model", "picture"] = "model",
) -> Asset:
    return Asset(
        name=name,
        kind=kind,
        file=f"{name}.onnx",
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        licence="CC0-1.0",
        purpose="tests",
        default=default,
        source=source or wheel_source(name),
    )


def wheel_source(name: str, package: str = "kiosk-lamp") -> PypiSource:
    return PypiSource(package=package, version="1.0", member=f"lamps/{name}.onnx")


def write(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def store_of(tmp_path: Path, *assets: Asset) -> Store:
    return Store(tmp_path / "store", Manifest(assets))


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
