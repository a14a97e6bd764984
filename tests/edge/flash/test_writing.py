"""Writing by the block map and reading back; what is said when image or disk is bad."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edge.flash import writing
from edge.flash.bmap import BlockMap, read_map, whole
from edge.flash.errors import CardFailed, DiskRefused, FlashError, ImageDamaged
from edge.flash.images import Image


def flash(image: Path, disk: Path, plan: BlockMap | None = None) -> BlockMap:
    source = Image(image)
    chosen = plan or source.block_map()
    with writing.opened(disk, file_bytes=chosen.image_bytes if chosen else 0) as target, source.opened() as stream:
        if chosen is None:
            written = writing.write_unmapped(stream, target, None, lambda _: None)
        else:
            written = writing.write(stream, target, chosen, lambda _: None)
        writing.verify(target, written, lambda _: None)
    return written


def pack(image: Path, kind: str) -> Path:
    words = {"zst": ["zstd", "-q", "--rm"], "xz": ["xz", "-1"], "gz": ["gzip", "-1"]}[kind]
    subprocess.run([*words, image], check=True)
    return image.with_name(f"{image.name}.{kind}")


def test_it_writes_what_bmaptool_writes(image: Path, tmp_path: Path) -> None:
    flash(image, tmp_path / "ours")
    subprocess.run(["bmaptool", "-q", "copy", image, tmp_path / "theirs"], check=True)
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes() == image.read_bytes()


def test_only_mapped_blocks_are_written(image: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"\xaa" * image.stat().st_size)
    plan = read_map(image.with_suffix(".bmap"))
    written = flash(image, disk)
    assert written.mapped_bytes == plan.mapped_bytes < plan.image_bytes / 4
    content, expected = disk.read_bytes(), image.read_bytes()
    at = 0
    for run in plan.runs:
        assert set(content[at : run.start]) <= {0xAA}
        at = run.start + run.length
        assert content[run.start : at] == expected[run.start : at]


@pytest.mark.parametrize("kind", ["zst", "xz", "gz"])
@pytest.mark.parametrize("mapped", [True, False])
def test_packed_images_are_unpacked_on_the_way(image: Path, tmp_path: Path, kind: str, mapped: bool) -> None:
    expected = image.read_bytes()
    if not mapped:
        image.with_suffix(".bmap").unlink()
    flash(pack(image, kind), tmp_path / "disk")
    assert (tmp_path / "disk").read_bytes() == expected


@pytest.mark.parametrize("kind", ["zst", "xz", "gz"])
def test_a_packed_image_that_was_cut_off_is_an_error(image: Path, tmp_path: Path, kind: str) -> None:
    image.with_suffix(".bmap").unlink()
    packed = pack(image, kind)
    packed.write_bytes(packed.read_bytes()[:-200])
    with pytest.raises(ImageDamaged, match="get it again"):
        flash(packed, tmp_path / "disk")


def test_a_changed_image_is_found_by_its_map(image: Path, tmp_path: Path) -> None:
    with image.open("r+b") as file:
        file.seek(33 << 20)
        file.write(b"!")
    with pytest.raises(ImageDamaged, match="isn't what its block map says at 3"):
        flash(image, tmp_path / "disk")


def test_an_image_shorter_than_its_map_is_an_error(image: Path, tmp_path: Path) -> None:
    os.truncate(image, 30 << 20)
    with pytest.raises(ImageDamaged, match="its map goes on"):
        flash(image, tmp_path / "disk")


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"> 12288 <", b"> 12289 <"), (b"</bmap>", b""), (b'version="2', b'version="9'), (b"-", b"+"), (b"0", b"1")],
)
def test_a_damaged_map_is_an_error(image: Path, old: bytes, new: bytes) -> None:
    path = image.with_suffix(".bmap")
    text = path.read_bytes()
    at = text.rindex(old) if old in text else text.index(b"0")
    path.write_bytes(text[:at] + new + text[at + len(old) :])
    with pytest.raises(ImageDamaged, match=r"kiosk\.bmap is (damaged|no block map)"):
        read_map(path)


def test_the_checksum_beside_the_image_counts(image: Path) -> None:
    assert not Image(image).check_sum(lambda _: None)
    done = subprocess.run(["sha256sum", image.name], cwd=image.parent, capture_output=True, check=True)
    image.with_name("SHA256SUMS").write_bytes(done.stdout)
    assert Image(image).check_sum(lambda _: None)
    with image.open("r+b") as file:
        file.write(b"!")
    with pytest.raises(ImageDamaged, match="not the file that SHA256SUMS is of"):
        Image(image).check_sum(lambda _: None)


def test_a_disk_that_keeps_something_else_is_found_by_reading_back(image: Path, tmp_path: Path) -> None:
    plan = read_map(image.with_suffix(".bmap"))
    with writing.opened(tmp_path / "disk", file_bytes=plan.image_bytes) as target, image.open("rb") as stream:
        written = writing.write(stream, target, plan, lambda _: None)
        writing.verify(target, written, lambda _: None)
        target.write_at(plan.runs[-1].start + 5, b"?")
        with pytest.raises(CardFailed, match="gives back other bytes than were written"):
            writing.verify(target, written, lambda _: None)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EIO, "was it pulled out"),
        (errno.ENODEV, "was it pulled out"),
        (errno.ENOSPC, "is full at 2"),
        (errno.EPERM, "can't be written at 2"),
    ],
)
def test_a_disk_that_fails_ends_in_a_sentence(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    real: Any = os.pwrite

    def pwrite(handle: int, content: bytes, at: int) -> int:
        if at >= 20 << 20:
            raise OSError(number, os.strerror(number))
        return int(real(handle, content, at))

    monkeypatch.setattr("edge.flash.writing.os.pwrite", pwrite)
    with pytest.raises(CardFailed, match=words):
        flash(image, tmp_path / "disk")


def test_a_disk_that_ends_early_is_found(image: Path, tmp_path: Path) -> None:
    with writing.opened(tmp_path / "disk", file_bytes=8192) as target, pytest.raises(CardFailed, match="ends at 0 MB"):
        writing.verify(target, whole(image.stat().st_size), lambda _: None)


def test_two_programs_do_not_write_one_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with (
        writing.opened(disk, file_bytes=4096),
        pytest.raises(DiskRefused, match="being written by another program"),
        writing.opened(disk, file_bytes=4096),
    ):
        pass


def test_an_image_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FlashError, match="is not there, or empty"):
        Image(tmp_path / "kiosk.img")
