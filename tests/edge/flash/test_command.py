"""`kiosk flash` from end to end: to a file and to a real block device, with the integrator's files on it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from edge.cli.flash import flash
from tests.edge.flash.conftest import KIOSK_START

app = typer.Typer()
app.command()(flash)


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def on_card(disk: Path, name: str) -> str:
    done = subprocess.run(["mtype", "-i", f"{disk}@@{KIOSK_START}", f"::{name}"], capture_output=True, check=True)
    return done.stdout.decode()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "my kiosk.toml"
    path.write_text('[kiosk]\nid = "shop-7"\n', encoding="utf-8")
    return path


def test_an_image_goes_to_a_file_with_the_configuration_in_it(image: Path, config: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    done = run(image, disk, "--to-file", "--config", config)
    assert done.exit_code == 0, done.output
    assert "read back and good, kiosk.toml is on it" in done.output
    assert on_card(disk, "kiosk.toml") == config.read_text()
    ours, theirs = disk.read_bytes(), image.read_bytes()
    assert len(ours) == len(theirs)
    assert ours[9 << 20 :] == theirs[9 << 20 :]


def test_mistakes_in_the_configuration_are_told_and_nothing_is_written(image: Path, tmp_path: Path) -> None:
    config, keys = tmp_path / "kiosk.toml", tmp_path / "keys"
    config.write_text('[kiosk]\nidd = "shop-7"\n', encoding="utf-8")
    keys.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n", encoding="ascii")
    done = run(image, tmp_path / "disk.img", "--to-file", "--config", config, "--authorized-keys", keys)
    assert done.exit_code == 1
    assert "nothing was written: 2 mistake(s)" in done.output
    assert "kiosk.toml, line 2: kiosk.idd is no setting. Did you mean id?" in done.output
    assert "this is a private key" in done.output
    assert not (tmp_path / "disk.img").exists()


def test_an_image_without_the_drive_kiosk_is_told_so(config: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.img"
    other.write_bytes(bytes(1 << 20))
    done = run(other, tmp_path / "disk.img", "--to-file", "--config", config)
    assert done.exit_code == 1
    assert "no GPT partition table" in done.output
    assert not (tmp_path / "disk.img").exists()


def test_a_packed_image_goes_to_a_real_block_device(image: Path, config: Path, loop: Path) -> None:
    expected = image.read_bytes()
    subprocess.run(["zstd", "-q", image], check=True)
    done = run(f"{image}.zst", loop, "--yes", "--config", config)
    assert done.exit_code == 0, done.output
    assert "is ready" in done.output
    assert on_card(loop, "kiosk.toml") == config.read_text()
    with loop.open("rb") as disk:
        disk.seek(33 << 20)
        assert disk.read(8192) == expected[33 << 20 : (33 << 20) + 8192]
        assert set(disk.read(4096)) == {0xAA}, "a block that the map doesn't name was written"


def test_a_device_that_is_mounted_is_refused(image: Path, loop: Path, tmp_path: Path) -> None:
    subprocess.run(["mkfs.ext4", "-q", "-F", loop], check=True)
    place = tmp_path / "mounted"
    place.mkdir()
    mounted = subprocess.run(["mount", loop, place], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"this machine can't mount: {mounted.stderr.strip()}")
    try:
        done = run(image, loop, "--yes")
    finally:
        subprocess.run(["umount", place], check=True)
    assert done.exit_code == 1
    assert "is in use" in done.output
    assert "is mounted at" in done.output


def test_a_device_that_is_too_small_is_refused_and_one_without_yes_is_left_alone(
    image: Path, loop: Path, tmp_path: Path
) -> None:
    large = tmp_path / "large.img"
    with large.open("wb") as file:
        file.truncate(65 << 20)
    assert "is too small" in run(large, loop, "--yes").output
    assert "say --yes if that is meant" in run(image, loop).output
    with loop.open("rb") as disk:
        assert set(disk.read(1 << 20)) == {0xAA}


def test_without_a_disk_the_disks_are_listed(image: Path) -> None:
    done = run(image)
    assert done.exit_code == 0, done.output
    assert "kiosk flash IMAGE DISK" in done.output or "No card is in" in done.output


def test_stopping_it_says_that_the_card_is_not_whole(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("edge.flash.writing.write", stop)
    done = run(image, tmp_path / "disk.img", "--to-file")
    assert done.exit_code == 130
    assert "stopped. What is on the card is not whole" in done.output
