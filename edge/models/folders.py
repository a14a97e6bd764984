"""Where assets live on this machine."""

from __future__ import annotations

import os
from pathlib import Path


def default_folder() -> Path:
    """KIOSK_MODELS if set, else kiosk-edge/models under XDG_DATA_HOME (by default ~/.local/share)."""
    if chosen := os.environ.get("KIOSK_MODELS"):
        return Path(chosen).expanduser()
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():  # the XDG specification: a relative path is to be ignored
        data = Path.home() / ".local" / "share"
    return data / "kiosk-edge" / "models"


def default_mirror() -> Path | None:
    """The folder that KIOSK_MODELS_MIRROR names, if any."""
    chosen = os.environ.get("KIOSK_MODELS_MIRROR")
    return Path(chosen).expanduser() if chosen else None


def in_mirror(mirror: Path, kind: str, file: str) -> Path | None:
    """Where a mirror has a file: beside the others, or in the folder of its kind (models/, pictures/, …)."""
    for path in (mirror / file, mirror / f"{kind}s" / file):
        if path.is_file():
            return path
    return None
