from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from image.boot import autoboot, boot_files, cmdline, cmdline_name, config_files, config_txt, fstab, kernels
from image.layout import DISK_MIB, MIB, PARTITIONS, SLOTS, boot_of, kernel_arguments, partition, root_of, sfdisk_script
from image.recipe import REPOSITORY, Arch, Archive, Recipe, RecipeError

AMD64 = Recipe(Arch.AMD64, Archive.DEBIAN, "0.1.0+0000", 1_700_000_000)
ARM64 = Recipe(Arch.ARM64, Archive.DEBIAN, "0.1.0+0000", 1_700_000_000)
RASPIOS = Recipe(Arch.ARM64, Archive.RASPIOS, "0.1.0+0000", 1_700_000_000)


def needs(program: str, package: str) -> None:
    if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
        pytest.skip(f"no {program}: apt-get install {package}")


def test_partitions_follow_one_another_on_erase_blocks_and_fit_the_disk() -> None:
    end = 0
    for number, each in enumerate(PARTITIONS, start=1):
        assert each.number == number
        assert each.start_mib >= max(end, 1)
        assert each.start_mib % 4 == 0
        end = each.start_mib + each.size_mib
    assert end < DISK_MIB
    assert [each.label for each in PARTITIONS] == ["KIOSK", "BOOT-A", "BOOT-B", "root-a", "root-b", "data"]


def test_the_last_partition_is_the_one_that_grows() -> None:
    assert PARTITIONS[-1].label == "data"
    others = {each.type for each in PARTITIONS[:-1]}
    assert PARTITIONS[-1].type not in others


def test_slots_are_alike() -> None:
    first, second = ((boot_of(slot).size_mib, root_of(slot).size_mib) for slot in SLOTS)
    assert first == second


def test_numbers_are_drawn_from_names() -> None:
    again = Recipe(Arch.AMD64, Archive.DEBIAN, "9.9.9+other", 1)
    assert sfdisk_script(AMD64) == sfdisk_script(again)
    assert sfdisk_script(AMD64) != sfdisk_script(ARM64)
    numbers = [each.uuid(recipe) for recipe in (AMD64, ARM64, RASPIOS) for each in PARTITIONS]
    assert len(set(numbers)) == len(numbers)


def test_sfdisk_makes_the_table_as_it_is_written(tmp_path: Path) -> None:
    needs("sfdisk", "fdisk")
    disk = tmp_path / "disk.img"
    with disk.open("wb") as file:
        file.truncate(DISK_MIB * MIB)
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    subprocess.run(
        ["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", str(disk)],
        input=sfdisk_script(AMD64), text=True, check=True, env=path,
    )  # fmt: skip
    dump = subprocess.run(["sfdisk", "--dump", str(disk)], capture_output=True, text=True, check=True, env=path).stdout
    lines = [line.replace(" ", "") for line in dump.splitlines() if line.startswith(str(disk))]
    assert len(lines) == len(PARTITIONS)
    for line, each in zip(lines, PARTITIONS, strict=True):
        assert f"start={each.start_mib * 2048}," in line
        assert f"size={each.size_mib * 2048}," in line
        assert f"uuid={each.uuid(AMD64).upper()}" in line
        assert f'name="{each.label}"' in line


@pytest.mark.parametrize("slot", SLOTS)
@pytest.mark.parametrize("recipe", [AMD64, ARM64, RASPIOS], ids=lambda recipe: recipe.name)
def test_a_slots_kernel_starts_its_own_root(recipe: Recipe, slot: str) -> None:
    words = kernel_arguments(recipe, slot).split()
    assert f"root=PARTUUID={root_of(slot).uuid(recipe)}" in words
    assert f"rauc.slot={slot}" in words
    assert "ro" in words
    assert "rw" not in words
    assert cmdline(recipe, slot).count("\n") == 1


def test_both_slots_boot_partitions_hold_the_same() -> None:
    # What an update writes fits either slot; the kernel's arguments are chosen by the partition that was booted.
    files = boot_files(ARM64)
    assert {cmdline_name("A"), cmdline_name("B")} <= files.keys()
    assert files[cmdline_name("A")] != files[cmdline_name("B")]


@pytest.mark.parametrize("recipe", [ARM64, RASPIOS], ids=lambda recipe: recipe.name)
def test_the_pis_config_chooses_arguments_by_the_partition_it_was_led_to(recipe: Recipe) -> None:
    chosen: dict[str, str] = {}
    filters: list[str] = []  # of different kinds they add up, until [all]
    for line in config_txt(recipe).splitlines():
        if line.startswith("["):
            filters = [] if line == "[all]" else [*filters, line]
        if line.startswith("cmdline="):
            (only,) = filters
            chosen[only] = line.partition("=")[2]
    assert chosen == {
        f"[boot_partition={boot_of('A').number}]": "cmdline-a.txt",
        f"[boot_partition={boot_of('B').number}]": "cmdline-b.txt",
    }
    assert config_txt(recipe).rstrip().endswith("[all]")


def test_autoboot_begins_with_a_and_tries_b() -> None:
    text = autoboot()
    assert len(text.encode()) <= 512
    assert text.splitlines() == ["[all]", "tryboot_a_b=1", "boot_partition=2", "[tryboot]", "boot_partition=3"]
    assert config_files()["autoboot.txt"] == text
    assert "config.txt" not in config_files()  # a card that lost autoboot.txt still starts slot A


def test_only_the_kernel_of_raspberry_pi_has_its_overlays() -> None:
    assert "dtparam=spi=on" in config_txt(RASPIOS)
    assert "dtparam" not in config_txt(ARM64)  # upstream device trees have no parameters


def test_every_overlay_that_is_asked_for_is_there_and_compiles(tmp_path: Path) -> None:
    needs("dtc", "device-tree-compiler")
    asked = {line.partition("=")[2] for line in config_txt(ARM64).splitlines() if line.startswith("dtoverlay=")}
    assert asked
    for name in asked:
        source = REPOSITORY / "image" / "overlays" / f"{name}.dts"
        compiled = tmp_path / f"{name}.dtbo"
        subprocess.run(["dtc", "-@", "-q", "-I", "dts", "-O", "dtb", "-o", compiled, source], check=True)
        assert compiled.read_bytes()[:4] == bytes.fromhex("d00dfeed")


def test_fstab_mounts_what_is_written_by_its_label() -> None:
    lines = {line.split()[1]: line.split() for line in fstab().splitlines() if not line.startswith("#")}
    assert lines["/boot/config"][0] == f"PARTLABEL={partition('KIOSK').label}"
    assert lines["/data"][0] == f"PARTLABEL={partition('data').label}"
    assert "/" not in lines
    for at, (_, _, _, options, *_) in lines.items():
        assert {"nosuid", "nodev"} <= set(options.split(",")), at
    assert "x-systemd.growfs" in lines["/data"][3]
    assert "nofail" in lines["/boot/config"][3]  # a kiosk without it serves with what it has
    assert "sync" in lines["/boot/config"][3]  # FAT has no journal


def tree_with(tmp_path: Path, *files: str) -> Path:
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def test_a_kernel_is_found_where_its_version_keeps_it(tmp_path: Path) -> None:
    tree = tree_with(
        tmp_path,
        "usr/lib/modules/6.12-amd64/modules.dep", "boot/vmlinuz-6.12-amd64",
        "usr/lib/modules/6.12-2712/vmlinuz",
    )  # fmt: skip
    found = kernels(tree)
    assert found["vmlinuz"] == tree / "boot/vmlinuz-6.12-amd64"
    assert found["initrd.img"] == tree / "boot/initrd.img-6.12-amd64"
    assert found["vmlinuz-2712"] == tree / "usr/lib/modules/6.12-2712/vmlinuz"


def test_modules_without_a_kernel_are_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no kernel"):
        kernels(tree_with(tmp_path, "usr/lib/modules/6.12-amd64/modules.dep"))
