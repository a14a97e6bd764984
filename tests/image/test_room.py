from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from image import room
from image.recipe import Arch, RecipeError
from image.room import require_room


def test_a_build_that_does_not_fit_is_told_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_BYTES", {Arch.AMD64: shutil.disk_usage(tmp_path).total * 2, Arch.ARM64: 0})
    with pytest.raises(RecipeError, match=r"GB are free at .*/build, and an image for amd64 takes \d+ GB.*--out"):
        require_room(tmp_path / "build", Arch.AMD64)
    require_room(tmp_path / "build", Arch.ARM64)


def test_what_an_earlier_build_left_counts_as_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "cache" / "base-arm64-0.tar"
    kept.parent.mkdir()
    kept.write_bytes(bytes(2**20))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage._replace(free=100))
    monkeypatch.setattr(room, "_BYTES", dict.fromkeys(Arch, 2**20 + 100))
    require_room(tmp_path, Arch.ARM64)
    with pytest.raises(RecipeError, match="takes"):
        require_room(tmp_path, Arch.AMD64)
