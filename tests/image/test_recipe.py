from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from image.archive import lines_for_building, sources, sources_list
from image.bundle import manifest
from image.cache import Cache, content_key, tree_key
from image.outputs import Package, imager_list, release_notes
from image.packages import packages
from image.recipe import REPOSITORY, Arch, Archive, Recipe, RecipeError, recipe_of
from image.release import SOURCE_ONLY, forget_where, split_lock
from image.running import CommandFailed, require, run

AMD64 = Recipe(Arch.AMD64, Archive.DEBIAN, "0.1.0+0000", 1_700_000_000)
ARM64 = Recipe(Arch.ARM64, Archive.DEBIAN, "0.1.0+0000", 1_700_000_000)
RASPIOS = Recipe(Arch.ARM64, Archive.RASPIOS, "0.1.0+0000", 1_700_000_000)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n', encoding="utf-8")
    (folder / "image").mkdir()
    (folder / "image" / "recipe.txt").write_text("first\n", encoding="utf-8")
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "first", "--date=@1700000000"],
    ):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return folder


def test_a_version_names_the_commit(repository: Path) -> None:
    recipe = recipe_of(Arch.AMD64, repository=repository)
    commit = subprocess.run(
        ["git", "-C", str(repository), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert recipe.version == f"1.2.3+{commit[:8]}"
    assert recipe.commit == commit


def test_a_version_says_that_the_recipe_was_changed(repository: Path) -> None:
    (repository / "README.md").write_text("of no interest\n", encoding="utf-8")
    assert not recipe_of(Arch.AMD64, repository=repository).version.endswith(".changed")
    (repository / "image" / "recipe.txt").write_text("second\n", encoding="utf-8")
    assert recipe_of(Arch.AMD64, repository=repository).version.endswith(".changed")


def test_without_git_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1"\n', encoding="utf-8")
    with pytest.raises(RecipeError, match="takes its version from git"):
        recipe_of(Arch.AMD64, repository=tmp_path)


def test_raspberry_pis_archive_is_for_a_pi() -> None:
    with pytest.raises(RecipeError, match="arm64"):
        recipe_of(Arch.AMD64, Archive.RASPIOS)


def test_a_virtual_machine_takes_debians_kernel_and_a_pi_the_newer_one() -> None:
    assert "linux-image-amd64" in packages(AMD64, screen=False)
    assert "linux-image-arm64/trixie-backports" in packages(ARM64, screen=False)
    assert any(each.suite == "trixie-backports" for each in sources(ARM64))
    assert not any(each.suite == "trixie-backports" for each in sources(AMD64))
    assert "raspi-firmware" in packages(ARM64, screen=False)


def test_raspios_adds_the_pis_own_archive_with_its_key() -> None:
    assert "python3-picamera2" in packages(RASPIOS, screen=False)
    (line,) = [line for line in sources_list(RASPIOS).splitlines() if "raspberrypi" in line]
    assert line == (
        "deb [signed-by=/usr/share/keyrings/raspberrypi-archive-keyring.pgp] "
        "http://archive.raspberrypi.com/debian trixie main"
    )
    assert "raspberrypi" not in sources_list(ARM64)


def test_the_image_knows_debians_own_addresses() -> None:
    for recipe in (AMD64, ARM64):
        hosts = {line.split()[1].split("/")[2] for line in sources_list(recipe).splitlines()}
        assert hosts == {"deb.debian.org"}
        assert len(lines_for_building(recipe)) == len(sources(recipe))


def test_a_browser_comes_with_a_screen_only() -> None:
    assert "chromium" in packages(ARM64, screen=True)
    assert "chromium" not in packages(ARM64, screen=False)


def test_what_the_roles_install_is_in_the_base_tree() -> None:
    for package in ("pcscd", "libportaudio2", "openssh-server", "rauc", "systemd-repart", "python3-pyscard"):
        assert package in packages(AMD64, screen=False)


def test_the_lock_is_split_without_losing_a_line() -> None:
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    wheels, built = split_lock(lock)
    assert sorted((wheels + built).splitlines()) == sorted(lock.splitlines())
    names = {line.partition("==")[0] for line in built.splitlines() if "==" in line and not line.startswith(" ")}
    assert names == set(SOURCE_ONLY) == {"nats-py", "nkeys", "python-escpos"}
    assert all("--hash=sha256:" in entry for entry in built.split("\n\n") if "==" in entry)


def test_what_was_made_once_is_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    made = []

    def make(to: Path) -> None:
        made.append(to)
        to.write_text("whole", encoding="utf-8")

    assert cache.get("a.tar", make) == (tmp_path / "a.tar", False)
    assert cache.get("a.tar", make) == (tmp_path / "a.tar", True)
    assert len(made) == 1


def test_what_failed_half_way_is_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def fail(to: Path) -> None:
        to.write_text("half", encoding="utf-8")
        raise RecipeError("the power went")

    with pytest.raises(RecipeError):
        cache.get("a.tar", fail)
    assert list(tmp_path.iterdir()) == []


def test_keys_tell_parts_apart() -> None:
    assert content_key("ab", "c") != content_key("a", "bc")
    assert content_key(["ab", "c"]) != content_key(["a", "bc"])
    assert content_key("a") == content_key("a")


def test_a_trees_key_sees_bytes_names_and_modes(tmp_path: Path) -> None:
    file = tmp_path / "one"
    file.write_text("x", encoding="utf-8")
    keys = {tree_key(tmp_path)}
    file.write_text("y", encoding="utf-8")
    keys.add(tree_key(tmp_path))
    file.chmod(0o755)
    keys.add(tree_key(tmp_path))
    file.rename(tmp_path / "two")
    keys.add(tree_key(tmp_path))
    assert len(keys) == 4


def test_a_failed_program_is_told_with_its_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(CommandFailed, match="no such luck"):
        run(["sh", "-c", "echo no such luck >&2; exit 3"], log=log)
    assert "no such luck" in log.read_text(encoding="utf-8")


def test_a_missing_program_is_told_with_its_package() -> None:
    with pytest.raises(RecipeError, match="apt-get install surely-not-here"):
        require("surely-not-here")


def test_a_bundle_is_for_its_own_image_and_wholly_signed() -> None:
    text = manifest(AMD64)
    assert "compatible=kiosk-amd64\n" in text
    assert "format=verity\n" in text
    assert manifest(ARM64) != text


def test_notes_name_what_is_in_it() -> None:
    debian = [Package("linux-image-6.12", "6.12.1", 100_000), Package("rauc", "1.13-3", 900)]
    text = release_notes(AMD64, debian, ["nats-py==2.16.0"], ["kiosk-nats.service"])
    for part in ("6.12.1", "1.13-3", "2.16.0", "kiosk-nats.service", AMD64.version):
        assert part in text


def test_imagers_list_has_the_disks_size_and_checksum(tmp_path: Path) -> None:
    image, compressed = tmp_path / "kiosk.img", tmp_path / "kiosk.img.zst"
    image.write_bytes(b"the disk")
    compressed.write_bytes(b"less")
    entry = json.loads(imager_list(ARM64, image, compressed, hashlib.sha256(b"the disk").hexdigest()))["os_list"][0]
    assert entry["extract_size"] == 8
    assert entry["extract_sha256"] == hashlib.sha256(b"the disk").hexdigest()
    assert entry["image_download_sha256"] == hashlib.sha256(b"less").hexdigest()


def test_a_release_does_not_tell_where_it_was_made(tmp_path: Path) -> None:
    info = tmp_path / "kiosk_edge-1.dist-info"
    info.mkdir()
    for name in ("direct_url.json", "uv_cache.json", "METADATA"):
        (info / name).write_text("file:///home/somebody", encoding="utf-8")
    names = [
        "bin/kiosk",
        *(f"{info.name}/{name}" for name in ("METADATA", "RECORD", "direct_url.json", "uv_cache.json")),
    ]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in names), encoding="utf-8")
    forget_where(tmp_path)
    assert sorted(path.name for path in info.iterdir()) == ["METADATA", "RECORD"]
    assert (info / "RECORD").read_text(encoding="utf-8") == f"{info.name}/METADATA,,\n{info.name}/RECORD,,\n"
