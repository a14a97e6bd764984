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
    require("mmdebstrap", "mke2fs")
    cache.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(Arch.AMD64, Archive.DEBIAN, "stock", 0)
    key = content_key(_PACKAGES, _SETUP)
    tree, _ = Cache(cache).get(f"stock-{key}.tar", lambda to: _bootstrap(recipe, to, log))
    found = {}
    # mke2fs that takes an archive is newer than Debian 12's.
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        run(["tar", "-C", folder, "--numeric-owner", "--exclude=./dev/*", "-xf", tree], log=log)
        root = Path(folder)
        home = root / "home" / USER / ".ssh"
        (home / "authorized_keys").write_text(f"{authorized_key}\n", encoding="ascii")
        shutil.chown(home / "authorized_keys", 1000, 1000)
        (root / "etc/apt/sources.list").write_text(
            "".join(f"{line}\n" for line in lines_for_building(recipe)), encoding="ascii"
        )
        for name, pattern in {"vmlinuz": "vmlinuz-*", "initrd.img": "initrd.img-*"}.items():
            found[name] = cache / name
            shutil.copy(next((root / "boot").glob(pattern)), found[name])
        disk = cache / "stock.img"
        disk.unlink(missing_ok=True)
        run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", root, disk, _SIZE], log=log)
    return Stock(disk, found["vmlinuz"], found["initrd.img"])


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
