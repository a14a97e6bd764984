"""A small image laid out as the real one is, with its block map by the real bmaptool."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

KIOSK_START, KIOSK_BYTES = 1 << 20, 8 << 20
IMAGE_BYTES = 48 << 20
_PROGRAMS = {"sfdisk": "fdisk", "mkfs.vfat": "dosfstools", "mcopy": "mtools", "bmaptool": "bmap-tools", "zstd": "zstd"}


@pytest.fixture(scope="session")
def made_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once a run; tests take a copy."""
    missing = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {' '.join(missing)} (apt)")
    image = tmp_path_factory.mktemp("image") / "kiosk.img"
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    table = b"label: gpt\nsize=8M, name=KIOSK\nsize=8M, name=BOOT-A\nname=data\n"
    subprocess.run(["sfdisk", "-q", image], input=table, check=True)
    subprocess.run(["mkfs.vfat", "-n", "KIOSK", "--offset=2048", image, str(KIOSK_BYTES >> 10)], check=True, stdout=-3)
    with image.open("r+b") as file:
        for at in (20 << 20, 33 << 20, IMAGE_BYTES - 8192):
            file.seek(at)
            file.write(bytes(range(256)) * 32)
    subprocess.run(["bmaptool", "create", "-o", image.with_suffix(".bmap"), image], check=True, capture_output=True)
    return image


@pytest.fixture
def image(made_image: Path, tmp_path: Path) -> Path:
    """kiosk.img with kiosk.bmap beside it."""
    folder = tmp_path / "image"
    folder.mkdir()
    subprocess.run(["cp", "--sparse=always", made_image, made_image.with_suffix(".bmap"), folder], check=True)
    return folder / "kiosk.img"


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Path]:
    """A block device of 64 MB, all of it 0xAA; skips where there is none to be had."""
    backing = tmp_path / "disk"
    backing.write_bytes(b"\xaa" * (64 << 20))
    try:
        done = subprocess.run(
            ["losetup", "--find", "--show", "-P", backing], capture_output=True, text=True, check=False
        )
    except OSError:
        pytest.skip("needs losetup (apt install mount)")
    if done.returncode != 0:
        pytest.skip(f"this machine gives no loop device: {done.stderr.strip()}")
    device = Path(done.stdout.strip())
    yield device
    subprocess.run(["losetup", "--detach", device], check=True)
