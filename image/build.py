"""One build, stage by stage. What a stage makes is kept by what went into it; a build that was cut goes on there."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from image.assemble import data_filesystem, disk, fat_filesystem, root_filesystem
from image.boot import boot_files, config_files, fstab, kernels
from image.bootstrap import base_tree
from image.bundle import write_bundle
from image.cache import Cache, content_key, tree_key
from image.emulation import enable_emulation
from image.firmware import firmware_files
from image.layout import DATA_TYPE, SLOTS, boot_of, partition, root_of
from image.outputs import debian_packages, release_notes, units, write_outputs
from image.packages import packages
from image.provision import provision
from image.recipe import PYTHON, REPOSITORY, Arch, Recipe, RecipeError
from image.release import install_release, project_wheel, third_party
from image.running import require, run, with_tree_mounted
from image.sbom import python_packages, write_sbom
from image.signing import keyring
from image.stages import Stages
from image.tools import tools

# What a kiosk runs with. The pictures of the manifest are the virtual kiosk's.
MODELS = ("centerface", "silero_vad", "nats_ws")
_KEPT = 3


@dataclass(frozen=True)
class Folders:
    """Where a build puts things, under one folder: results, what is kept for the next build, what is being made."""

    out: Path

    @property
    def cache(self) -> Path:
        """What is kept for the next build."""
        return self.out / "cache"

    def work(self, recipe: Recipe) -> Path:
        """The trees and file systems of this image."""
        return self.out / "work" / recipe.name

    def log(self, recipe: Recipe) -> Path:
        """What the programs said."""
        return self.out / "work" / recipe.name / "build.log"


class Build:
    """Makes the disk of one recipe."""

    def __init__(
        self, recipe: Recipe, out: Path, console: Console, *, screen: bool, certificate: Path | None = None
    ) -> None:
        self.recipe = recipe
        self.folders = Folders(out.resolve())
        self.screen = screen
        self.stages = Stages(console)
        self.work = self.folders.work(recipe)
        self.log = self.folders.log(recipe)
        self.cache = Cache(self.folders.cache)
        self.tree = self.work / "tree"
        self.release = f"/opt/kiosk/releases/{recipe.version}"
        self.tools = Path()
        self._certificate = certificate

    @property
    def image(self) -> Path:
        """The disk."""
        return self.folders.out / f"{self.recipe.name}.img"

    @property
    def root(self) -> Path:
        """The root's file system, which an update holds too."""
        return self.work / "root.ext4"

    @property
    def boot(self) -> Path:
        """The boot FAT, which an update holds too."""
        return self.work / "boot.vfat"

    @property
    def sbom(self) -> Path:
        """What the image is made of, in CycloneDX."""
        return self.folders.out / f"{self.recipe.name}.cdx.json"

    def base(self) -> Path:
        """The base tree's archive; the only stage that isn't run as the owner of the tree."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(b"")
        with self.stages("Debian's packages") as stage:
            emulated = enable_emulation(self.recipe.arch, self.log)
            wanted = packages(self.recipe, screen=self.screen)
            path, kept = base_tree(self.recipe, wanted, self.cache, self.log)
            stage.note = "kept from before" if kept else f"{path.stat().st_size / 1e6:.0f} MB"
            stage.note += ", emulated from here on" if emulated else ""
        return path

    def run(self, base: Path) -> Path:
        """Make the disk out of the base tree; the disk.

        Raises:
            RecipeError: a stage failed; the text says which program, and where all its words are.
        """
        require("unshare", "mkfs.vfat", "mcopy", "sfdisk", "zstd")
        with self.stages("Tools") as stage:
            self.tools, kept = tools(self.folders.out / "tools", self.log)
            stage.note = "kept from before" if kept else ""
        site = self._compiled_site(base)
        # A tree that is whole up to the software is gone on with: what follows may be run twice.
        state = content_key(base.name, site.name, self.recipe.version)
        whole = self.work / "whole"
        if not whole.exists() or whole.read_text(encoding="utf-8") != state:
            whole.unlink(missing_ok=True)
            self._unpack(base)
            self._software(site)
            whole.write_text(state, encoding="utf-8")
        self._provision()
        self._initial_ram_disk(base)
        self._file_systems()
        with self.stages("Disk") as stage:
            parts = {
                "KIOSK": self.work / "config.vfat",
                "BOOT-A": self.boot,
                "root-a": self.root,
                "data": self.work / "data.ext4",
            }
            disk(self.recipe, parts, self.image, self.log)
            stage.note = f"{self.image.stat().st_blocks * 512 / 1e6:.0f} of {self.image.stat().st_size / 1e6:.0f} MB"
        return self.image

    def outputs(self) -> list[Path]:
        """Write what goes with the disk, and say what is in it; the files.

        Raises:
            RecipeError: a tool is missing or fails.
        """
        debian = debian_packages(self.tree)
        python = python_packages(self.recipe, self.tree)
        with self.stages("SBOM") as stage:
            write_sbom(self.recipe, self.tree, self.tools, self.sbom, self.log)
            stage.note = f"{len(debian)} packages of Debian's, {len(python)} of Python's"
        with self.stages("Compressing") as stage:
            notes = release_notes(self.recipe, debian, python, units(self.tree))
            files = write_outputs(self.recipe, self.image, notes, self.sbom, self.log)
            stage.note = f"{files[0].stat().st_size / 1e6:.0f} MB"
        return files

    def bundle(self, key: Path, certificate: Path) -> Path:
        """Write the update of this version, signed by `key`; the bundle.

        Raises:
            RecipeError: there is no finished build of this version, or rauc fails.
        """
        to = self.folders.out / f"{self.recipe.name}.raucb"
        if not (self.root.exists() and self.boot.exists()):
            raise RecipeError(f"there is no finished build under {self.work}: python -m image build first")
        with self.stages("Bundle") as stage:
            write_bundle(
                self.recipe, self.boot, self.root, to, key=key, certificate=certificate, work=self.work, log=self.log
            )
            stage.note = f"{to.stat().st_size / 1e6:.0f} MB"
        return to

    def _unpack(self, base: Path) -> None:
        with self.stages("Unpacking"):
            remove_tree(self.tree)
            self.tree.mkdir(parents=True)
            # /dev is the kernel's at boot; its nodes can't be made without root.
            run(["tar", "-C", self.tree, "--numeric-owner", "--exclude=./dev/*", "-xf", base], log=self.log)

    def _compiled_site(self, base: Path) -> Path:
        with self.stages("Python packages") as stage:
            site, _ = third_party(self.recipe, self.cache, self.log)
            name = f"compiled-{site.name.removeprefix('site-')}"
            if (self.cache.folder / name).exists():
                stage.note = "kept from before"
        if (self.cache.folder / name).exists():
            return self.cache.get(name, lambda _: None)[0]
        self._unpack(base)

        def make(to: Path) -> None:
            folder = self.tree / "opt" / "site"
            folder.mkdir(parents=True)
            run(["tar", "-C", folder, "--no-same-owner", "-xf", site], log=self.log)
            self._in_tree("compile", "/opt/site")
            run(["tar", "-C", folder, "-cf", to, "."], log=self.log)

        with self.stages("Compiling them"):
            path, _ = self.cache.get(name, make)
        self.cache.keep(f"compiled-{self.recipe.arch}-*.tar", _KEPT)
        self.cache.keep(f"site-{self.recipe.arch}-*.tar", _KEPT)
        return path

    def _software(self, site: Path) -> None:
        with self.stages("kiosk-edge") as stage:
            wheel = project_wheel(self.recipe, self.work / "wheel", self.log)
            install_release(self.recipe, site, wheel, self.tree / "opt" / "kiosk", self.log)
            self._in_tree(
                "compile",
                " ".join(f"{self.release}/lib/python{PYTHON}/site-packages/{each}" for each in ("edge", "drivers")),
            )
            stage.note = self.recipe.version
        with self.stages("Models"):
            source = self.work / "wheel" / "source"
            held = self.cache.folder / "models"
            run(
                [sys.executable, "-m", "edge", "models", "pull", "--quiet", "--folder", held, *MODELS],
                log=self.log,
                cwd=source,
                env={"PYTHONPATH": str(source)},
            )
            run(["cp", "-a", "--no-preserve=ownership", held, self.tree / "opt" / "kiosk" / "models"], log=self.log)
            run(["chmod", "-R", "u=rwX,go=rX", self.tree / "opt" / "kiosk" / "models"], log=self.log)

    def _provision(self) -> None:
        with self.stages("Provisioning"):
            provision(self.tree, self.tools, self._variables(), self.log)

    def _variables(self) -> dict[str, object]:
        raspberry_pi = self.recipe.arch is Arch.ARM64
        return {
            "agents_version": self.recipe.version,
            "bus_conf_source": str(REPOSITORY),
            "drivers_raspberry_pi": raspberry_pi,
            "frontend_screen": self.screen,
            "image_compatible": self.recipe.compatible,
            "image_fstab": fstab(),
            "image_data_type": DATA_TYPE,
            "image_slots": [{"name": s, "boot": boot_of(s).label, "root": root_of(s).label} for s in SLOTS],
            "image_raspberry_pi": raspberry_pi,
            "image_keyring": str(self._certificate or keyring(self.folders.out, self.log)),
        }

    def _initial_ram_disk(self, base: Path) -> None:
        with self.stages("Initial RAM disk") as stage:
            folders = [self.tree / "etc" / each for each in ("initramfs-tools", "modprobe.d")]
            settings = tree_key(*folders)
            name = f"initrd-{self.recipe.arch}-{content_key(base.name, settings, _script())}.tar"

            def make(to: Path) -> None:
                self._in_tree("initrd", self.release)
                run(["tar", "-C", self.tree / "boot", "-cf", to, "."], log=self.log)

            path, kept = self.cache.get(name, make)
            if kept:
                stage.note = "kept from before"
                run(["tar", "-C", self.tree / "boot", "--no-same-owner", "-xf", path], log=self.log)
                self._in_tree("undivert", self.release)
            self.cache.keep(f"initrd-{self.recipe.arch}-*.tar", _KEPT)

    def _file_systems(self) -> None:
        with self.stages("Boot partitions"):
            files = {**kernels(self.tree), **firmware_files(self.recipe, self.tree, self.work / "overlays", self.log)}
            fat_filesystem(
                self.recipe, boot_of("A"), self.boot, texts=boot_files(self.recipe), files=files, log=self.log
            )
            config = self.work / "config.vfat"
            fat_filesystem(self.recipe, partition("KIOSK"), config, texts=config_files(), files={}, log=self.log)
        with self.stages("Cleaning"):
            (self.work / "whole").unlink()
            # They are on the boot partition; the root has no use for them.
            for path in (self.tree / "boot").glob("*-*"):
                path.unlink()
            self._in_tree("clean", self.release)
        with self.stages("Root file system") as stage:
            root_filesystem(self.recipe, self.tree, self.root, self.log)
            stage.note = f"{self.root.stat().st_size / 1e6:.0f} MB"
            data_filesystem(self.recipe, self.tree, self.work / "data.ext4", self.log)

    def _in_tree(self, step: str, release: str) -> None:
        run(
            with_tree_mounted(["chroot", self.tree, "/bin/sh", "-s", step], self.tree),
            log=self.log,
            stdin=_script(),
            env={
                "RELEASE": release,
                "SOURCE_DATE_EPOCH": str(self.recipe.epoch_s),
                "DEBIAN_FRONTEND": "noninteractive",
            },
        )


def _script() -> str:
    return Path(__file__).with_name("in_tree.sh").read_text(encoding="utf-8")


def remove_tree(tree: Path) -> None:
    """Remove a tree of ours, and nothing that is mounted in it."""
    if any(os.path.ismount(path) for path in (tree / "proc", tree / "dev", tree / "run")):
        raise AssertionError(f"something is mounted in {tree}")
    shutil.rmtree(tree, ignore_errors=True)
