"""A stock Debian 13 machine: minimal, with ssh, Python and sudo, and a user who is let in by key; nothing of ours."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from image.archive import apt_options, lines_for_building
from image.cache import Cache, content_key
from image.recipe import Arch, Archive, Recipe
from image.running import require, run

USER: Final = "debian"
UID: Final = 1000
RECIPE: Final = Recipe(Arch.AMD64, Archive.DEBIAN, "stock", 0)
KEYS: Final = f"home/{USER}/.ssh/authorized_keys"
SOURCES: Final = "etc/apt/sources.list"
_SIZE: Final = "8G"
_PACKAGES: Final = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "linux-image-cloud-amd64",
    "openssh-server",
    "python3",
    "python3-apt",  # what a Debian that an installer made has
    "sudo",
    "systemd-resolved",
    "systemd-sysv",
)
# As a cloud's image has it: the network by DHCP, a user with sudo, root without a password. The key comes at the start.
_SETUP: Final = f"""set -eu
root=$1
echo stock >"$root/etc/hostname"
printf '127.0.0.1\\tlocalhost\\n127.0.1.1\\tstock\\n' >"$root/etc/hosts"
printf '/dev/vda / ext4 errors=remount-ro 0 1\\n' >"$root/etc/fstab"
printf '[Match]\\nName=en* eth*\\n[Network]\\nDHCP=yes\\n' >"$root/etc/systemd/network/20-wired.network"
chroot "$root" useradd -m -s /bin/bash {USER}
echo '{USER} ALL=(ALL) NOPASSWD:ALL' >"$root/etc/sudoers.d/{USER}"
mkdir -m 700 "$root/home/{USER}/.ssh"
chroot "$root" chown {USER}:{USER} /home/{USER}/.ssh
chroot "$root" systemctl -q enable systemd-networkd systemd-resolved ssh
ln -sf /run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/machine-id"
: >"$root/etc/machine-id"
"""


@dataclass(frozen=True)
class Stock:
    """A machine's disk, one ext4 without partitions, with the kernel and the initial RAM disk that start it."""

    disk: Path
    kernel: Path
    initrd: Path


def stock(cache: Path, log: Path, authorized_key: str) -> Stock:
    """The machine, made once and kept; `authorized_key` lets in as `USER`.

    Raises:
        RecipeError: Debian's archive can't be reached, or a program is missing.
    """
    require("mke2fs")
    archive = _archive(cache, log)
    found = {}
    # mke2fs that takes an archive is newer than Debian 12's.
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        run(["tar", "-C", folder, "--numeric-owner", "--exclude=./dev/*", "-xf", archive], log=log)
        root = Path(folder)
        _draw_host_keys(root, log)
        (root / KEYS).write_text(f"{authorized_key}\n", encoding="ascii")
        shutil.chown(root / KEYS, UID, UID)
        (root / SOURCES).write_text(sources_here(), encoding="ascii")
        for name, pattern in {"vmlinuz": "vmlinuz-*", "initrd.img": "initrd.img-*"}.items():
            found[name] = cache / name
            shutil.copy(next((root / "boot").glob(pattern)), found[name])
        disk = cache / "stock.img"
        disk.unlink(missing_ok=True)
        run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", root, disk, _SIZE], log=log)
    return Stock(disk, found["vmlinuz"], found["initrd.img"])


def stock_tree(cache: Path, log: Path) -> Path:
    """The machine as a folder, made once and kept: nobody's key lets in yet, and it is not to be written to.

    Raises:
        RecipeError: Debian's archive can't be reached, or a program is missing.
    """
    archive = _archive(cache, log)
    tree = tree_in(cache)
    if not tree.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            new = Path(folder) / "tree"
            new.mkdir()
            run(["tar", "-C", new, "--numeric-owner", "--exclude=./dev/*", "-xpf", archive], log=log)
            _draw_host_keys(new, log)
            new.rename(tree)
    return tree


def tree_in(cache: Path) -> Path:
    """Where `stock_tree` keeps its folder; it needn't be there yet."""
    return cache / f"tree-{_key()}"


def sources_here() -> str:
    """Its sources.list, with the mirrors that this machine's apt uses."""
    return "".join(f"{line}\n" for line in lines_for_building(RECIPE))


def _draw_host_keys(root: Path, log: Path) -> None:
    # An installer has by now. Debian's own unit does at a first boot only, which a machine-id that is empty isn't.
    run(["ssh-keygen", "-q", "-A", "-f", root], log=log)


def _key() -> str:
    return content_key(_PACKAGES, _SETUP)


def _archive(cache: Path, log: Path) -> Path:
    require("mmdebstrap")
    archive, _ = Cache(cache).get(f"stock-{_key()}.tar", lambda to: _bootstrap(RECIPE, to, log))
    return archive


def _bootstrap(recipe: Recipe, to: Path, log: Path) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".sh", encoding="ascii") as script:
        script.write(_SETUP)
        script.flush()
        run(
            [
                "mmdebstrap",
                "--variant=important",
                "--format=tar",
                f"--include={','.join(_PACKAGES)}",
                '--aptopt=APT::Install-Recommends "false"',
                *(f"--aptopt={option}" for option in apt_options()),
                "--dpkgopt=force-unsafe-io",
                "--dpkgopt=path-exclude=/usr/share/man/*",
                "--dpkgopt=path-exclude=/usr/share/locale/*",
                f'--customize-hook=sh {script.name} "$1"',
                "trixie",
                to,
                *lines_for_building(recipe),
            ],
            log=log,
        )
