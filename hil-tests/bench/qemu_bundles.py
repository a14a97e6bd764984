"""Updates for the image under test, good and broken, made of that image's own files; and the USB stick they come on."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import BenchUnusable
from bench.qemu_machine import Machine, arch_of
from bench.qemu_shell import Shell
from image.bundle import write_bundle
from image.recipe import Arch as ImageArch
from image.recipe import Archive, Recipe, recipe_of
from proofs.powercuts.filesystems import change_file
from proofs.powercuts.partitions import extract, named, partitions

_PROGRAMS: Final = {"rauc": "rauc", "mksquashfs": "squashfs-tools", "debugfs": "e2fsprogs", "openssl": "openssl"}
_STICK: Final = "UPDATES"
_SPARE_MIB: Final = 64
_BUS_CONFIG: Final = "/etc/kiosk/nats/nats-server-keys.conf"
_INIT: Final = "/usr/lib/systemd/systemd"


class Bundles:
    """Bundles for `image`, signed by the key in `signing` that the image trusts; made in `folder`, each once."""

    def __init__(self, image: Path, signing: Path, folder: Path) -> None:
        lacking = sorted({package for name, package in _PROGRAMS.items() if shutil.which(name) is None})
        if lacking:
            raise BenchUnusable(f"updates can't be made here; on Debian: apt-get install {' '.join(lacking)}")
        self._key, self._certificate = signing / "development.key.pem", signing / "development.cert.pem"
        if not self._key.is_file():
            raise BenchUnusable(f"there is no {self._key} to sign an update with: make image makes both")
        self._folder = folder
        self._recipe = recipe_of(ImageArch(arch_of(image)), Archive.DEBIAN)
        table = partitions(image)
        self._root, self._boot = folder / "root", folder / "boot"
        extract(image, named("root-a", table), self._root)
        extract(image, named("BOOT-A", table), self._boot)

    def good(self, version: str) -> Path:
        """The image's own system, as another version."""
        return self._written(version, self._root, self._certificate, self._key)

    def dead(self, version: str) -> Path:
        """A system that the kernel can't start: its first program is missing."""
        return self._changed(version, lambda root: _debugfs(root, f'rm "{_INIT}"'))

    def dumb(self, version: str) -> Path:
        """A system that starts and can't serve: its bus doesn't understand its configuration."""
        return self._changed(version, lambda root: change_file(root, _BUS_CONFIG, lambda text: "listen: {\n" + text))

    def forged(self, bundle: Path) -> Path:
        """The same bundle, signed by somebody else."""
        key, certificate = self._folder / "other.key.pem", self._folder / "other.cert.pem"
        _run(
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", "/CN=somebody else", "-days", "2", "-addext", "keyUsage=critical,digitalSignature"),
            *("-keyout", str(key), "-out", str(certificate)),
        )
        to = bundle.with_name(f"forged-{bundle.name}")
        to.unlink(missing_ok=True)
        keyrings = (f"--keyring={self._certificate}", f"--signing-keyring={certificate}")
        _run("rauc", "resign", f"--cert={certificate}", f"--key={key}", *keyrings, bundle, to)
        return to

    def _changed(self, version: str, change: Callable[[Path], None]) -> Path:
        root = self._folder / "root-changed"
        shutil.copyfile(self._root, root)
        try:
            change(root)
            return self._written(version, root, self._certificate, self._key)
        finally:
            root.unlink()

    def _written(self, version: str, root: Path, certificate: Path, key: Path) -> Path:
        to = self._folder / f"{version}.raucb"
        if not to.exists():
            recipe: Recipe = dataclasses.replace(self._recipe, version=version)
            log = self._folder / "bundles.log"
            write_bundle(
                recipe, self._boot, root, to, key=key, certificate=certificate, work=self._folder / "work", log=log
            )
        return to


async def plug_stick(machine: Machine, shell: Shell, bundle: Path, within_s: float) -> str:
    """Put `bundle` on a USB stick, plug it in and mount it; returns its path in the guest.

    Raises:
        CommandFailed: the guest does not see it.
    """
    stick = await asyncio.to_thread(_stick, bundle)
    await unplug_stick(machine, shell, within_s)
    file = {"driver": "file", "filename": str(stick)}
    await machine.monitor.do("blockdev-add", **{"driver": "raw", "node-name": "stick", "read-only": True, "file": file})
    await machine.monitor.do("device_add", driver="usb-storage", drive="stick", id="usb-stick")
    place = f"/run/{_STICK.lower()}"
    await shell.run(
        f"mkdir -p {place}; for i in $(seq 600); do blkid -L {_STICK} >/dev/null && break; sleep 0.5; done; "
        f"mount -o ro $(blkid -L {_STICK}) {place}",
        within_s=within_s,
    )
    return f"{place}/{bundle.name}"


async def unplug_stick(machine: Machine, shell: Shell, within_s: float) -> None:
    """Pull the stick, if one is in."""
    found = await machine.monitor.do("query-named-block-nodes", flat=True)
    if "stick" not in [each["node-name"] for each in found]:
        return
    await shell.run(f"umount /run/{_STICK.lower()} || true", within_s=within_s)
    await machine.monitor.remove("usb-stick")
    await machine.monitor.do("blockdev-del", **{"node-name": "stick"})


def _stick(bundle: Path) -> Path:
    content, stick = bundle.with_suffix(".content"), bundle.with_suffix(".stick")
    shutil.rmtree(content, ignore_errors=True)
    content.mkdir()
    (content / bundle.name).hardlink_to(bundle)
    mib = bundle.stat().st_size // (1 << 20) + _SPARE_MIB
    stick.unlink(missing_ok=True)
    _run("mke2fs", "-q", "-t", "ext4", "-m", "0", "-L", _STICK, "-d", str(content), str(stick), f"{mib}M")
    shutil.rmtree(content)
    return stick


def _debugfs(root: Path, request: str) -> None:
    _run("debugfs", "-w", "-R", request, str(root))


def _run(*words: str | Path) -> None:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchUnusable(f"{words[0]} failed: {done.stderr.strip()[-600:]}")
