"""What an integrator is given beside the disk: it compressed, its block map, checksums, notes, and Imager's list."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from image.layout import PARTITIONS
from image.recipe import Arch, Recipe
from image.running import output_of, require, run

_CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Package:
    """One of Debian's packages in the image."""

    name: str
    version: str
    installed_kib: int


def debian_packages(tree: Path) -> list[Package]:
    """The packages of a tree, the largest first."""
    listed = output_of(
        ["dpkg-query", f"--admindir={tree / 'var/lib/dpkg'}", "-W", "-f=${Package}\t${Version}\t${Installed-Size}\n"]
    )
    rows = [line.split("\t") for line in listed.splitlines()]
    found = [Package(name, version, int(size or 0)) for name, version, size in rows]
    return sorted(found, key=lambda each: (-each.installed_kib, each.name))


def units(tree: Path) -> list[str]:
    """The kiosk's own units in a tree, sorted."""
    return sorted(path.name for path in (tree / "etc/systemd/system").glob("kiosk*.*") if path.is_file())


def release_notes(recipe: Recipe, debian: list[Package], python: list[str], our_units: list[str]) -> str:
    """What is in the image, in Markdown."""
    when = datetime.fromtimestamp(recipe.epoch_s, UTC)
    versions = {each.name: each.version for each in debian}
    kernel = next((each for each in debian if each.name.startswith("linux-image-") and each.installed_kib > 1000), None)
    named = ["systemd", "python3", "network-manager", "openssh-server", "rauc", "pcscd", "libportaudio2", "chromium"]
    lines = [
        f"# {recipe.name} {recipe.version}",
        "",
        f"Of commit {recipe.commit}, {when:%Y-%m-%d %H:%M} UTC. docs/flash.md says how it gets onto a card.",
        "",
        "| | |",
        "|---|---|",
        *([f"| kernel | {kernel.version} |"] if kernel else []),
        *(f"| {name} | {versions[name]} |" for name in named if name in versions),
        *(
            f"| {each.replace('==', ' | ')} |"
            for each in python
            if each.startswith(("nats", "onnx", "opencv", "pocket"))
        ),
        "",
        f"{len(debian)} packages of Debian's, {len(python)} of Python's: all of them with their licences are in "
        f"{recipe.name}.cdx.json.",
        "",
        f"Units: {', '.join(our_units)}.",
        "",
        "| partition | | MiB |",
        "|---|---|---|",
        *(f"| {each.number} {each.label} | {each.format} | {each.size_mib} |" for each in PARTITIONS),
        "",
    ]
    return "\n".join(lines)


def imager_list(recipe: Recipe, image: Path, compressed: Path, uncompressed_sha256: str) -> str:
    """The list that Raspberry Pi Imager takes with --repo: the image, its size and its checksum.

    The address is a file name: put the list and the image where they can be reached, and make it whole there.
    """
    entry = {
        "name": f"Kiosk {recipe.version}",
        "description": "A self-service ordering kiosk: put kiosk.toml on the card's first partition",
        "url": compressed.name,
        "extract_size": image.stat().st_size,
        "extract_sha256": uncompressed_sha256,
        "image_download_size": compressed.stat().st_size,
        "image_download_sha256": sha256(compressed),
        "release_date": f"{datetime.fromtimestamp(recipe.epoch_s, UTC):%Y-%m-%d}",
        "devices": ["pi5-64bit", "pi4-64bit"],
        "init_format": "none",
    }
    return json.dumps({"os_list": [entry]}, indent=2) + "\n"


def sha256(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_outputs(recipe: Recipe, image: Path, notes: str, sbom: Path, log: Path) -> list[Path]:
    """Write the files beside `image`; all of them, `image` left out.

    Raises:
        RecipeError: bmaptool or zstd is missing or fails.
    """
    require("bmaptool", "zstd")
    block_map = image.with_suffix(".bmap")
    run(["bmaptool", "--quiet", "create", "-o", block_map, image], log=log)
    compressed = image.with_name(f"{image.name}.zst")
    run(["zstd", "-q", "-f", "-T0", "-6", "-o", compressed, image], log=log)
    written = image.with_suffix(".md")
    written.write_text(notes, encoding="utf-8")
    files = [compressed, block_map, sbom, written]
    whole = sha256(image)
    if recipe.arch is Arch.ARM64:
        listed = image.with_suffix(".imager.json")
        listed.write_text(imager_list(recipe, image, compressed, whole), encoding="utf-8")
        files.append(listed)
    sums = image.with_name(f"{recipe.name}.SHA256SUMS")
    lines = [f"{sha256(each)}  {each.name}\n" for each in files]
    # The disk itself too: who unpacked it, or flashed it whole, compares with this.
    sums.write_text("".join([*lines, f"{whole}  {image.name}\n"]), encoding="utf-8")
    return [*files, sums]
