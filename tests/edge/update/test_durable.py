"""A small file after a power cut: the old one or the new one, at every point, whatever the disk kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from edge.update import durable
from edge.update.autoboot import Autoboot
from edge.update.firmware import autoboot_text
from tests.edge.update.power import PowerCut, electricity

OLD, NEW = b"o" * 512, b"n" * 512


@pytest.mark.parametrize("kept", list(itertools.product([True, False], repeat=3)))
@pytest.mark.parametrize("write", [durable.replace, durable.overwrite_sector])
def test_it_holds_the_old_or_the_new(
    tmp_path: Path, write: Callable[[Path, bytes], None], kept: tuple[bool, ...]
) -> None:
    path = tmp_path / "file"
    for cut in itertools.count():
        path.write_bytes(OLD)
        fates = itertools.cycle(kept)
        try:
            with electricity(cut, partial(next, fates)):
                write(path, NEW)
        except PowerCut:
            assert path.read_bytes() in (OLD, NEW), f"after a cut before call {cut}"
        else:
            break
    assert path.read_bytes() == NEW
    assert cut >= 3


@pytest.mark.parametrize("write", [durable.replace, durable.overwrite_sector])
def test_when_it_returns_the_new_one_is_on_the_disk(tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    with electricity(keeps=lambda: False) as power:
        write(path, NEW)
        power.go()
    assert path.read_bytes() == NEW


def test_a_commit_is_one_write_of_one_sector_in_place(tmp_path: Path) -> None:
    """On FAT, names and allocation have no journal: a commit touches neither."""
    path = tmp_path / "autoboot.txt"
    path.write_text(autoboot_text("A"), encoding="ascii")
    before = path.stat()
    Autoboot(path).commit("B")
    after = path.stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, 512)
    assert path.read_text(encoding="ascii") == autoboot_text("B")
    assert [each.name for each in tmp_path.iterdir()] == ["autoboot.txt"]
