"""The FAT partitions: what the Pi's firmware reads to begin with, and where the integrator puts kiosk.toml."""

from __future__ import annotations

from pathlib import Path

from image.layout import SLOTS, boot_of, kernel_arguments
from image.recipe import Arch, Archive, Recipe, RecipeError

KERNEL = "vmlinuz"
INITRD = "initrd.img"


def cmdline_name(slot: str) -> str:
    """The file with a slot's kernel arguments. Both slots' boot partitions hold both: an update fits either."""
    return f"cmdline-{slot.lower()}.txt"


def cmdline(recipe: Recipe, slot: str) -> str:
    """A slot's kernel arguments, on one line as the firmware wants them."""
    return kernel_arguments(recipe, slot) + "\n"


def autoboot() -> str:
    """autoboot.txt on the first partition: slot A, and slot B for one try. Updates write it anew.

    The firmware reads at most 512 bytes of it.
    """
    return (
        f"[all]\ntryboot_a_b=1\nboot_partition={boot_of('A').number}\n[tryboot]\nboot_partition={boot_of('B').number}\n"
    )


def config_txt(recipe: Recipe) -> str:
    """config.txt of a Raspberry Pi, the same in both slots.

    `[boot_partition=N]` is the partition that autoboot.txt led to.
    """
    lines = [
        "# Made by image/boot.py; the kiosk's own settings are in kiosk.toml on the partition KIOSK.",
        "arm_64bit=1",
        f"kernel={KERNEL}",
        f"initramfs {INITRD} followkernel",
        "enable_uart=1",
        "disable_splash=1",
        # The hardware's watchdog runs from the firmware on: a kernel that never comes up is started again too.
        "kernel_watchdog_timeout=60",
        "",
    ]
    if recipe.archive is Archive.RASPIOS:
        lines += [
            "dtparam=spi=on",
            "camera_auto_detect=1",
            "dtoverlay=vc4-kms-v3d",
            "disable_overscan=1",
            "",
            "[pi4]",
            f"kernel={KERNEL}",
            "[pi5]",
            f"kernel={KERNEL}-2712",
            f"initramfs {INITRD}-2712 followkernel",
        ]
    else:
        lines += [
            "# Debian's kernel and device trees, and an overlay of ours for the LED strip's SPI on a Pi 4. That of a",
            "# Pi 5 isn't in Debian's device tree: an LED strip there wants the image of --base raspios.",
            "upstream_kernel=0",
            "[pi4]",
            "dtoverlay=kiosk-spi-pi4",
        ]
    lines += [
        "[all]",
        "[pi4]",
        "# SPI's clock follows the core's; the strip's pulses need it steady.",
        "core_freq=500",
        "core_freq_min=500",
        "",
    ]
    for slot in SLOTS:
        # Filters of different kinds add up, so that each begins with [all].
        lines += ["[all]", f"[boot_partition={boot_of(slot).number}]", f"cmdline={cmdline_name(slot)}"]
    return "\n".join([*lines, "[all]", ""])


README = """\
A kiosk's card. Put these files here, beside this one; the kiosk takes them in when it starts.

  kiosk.toml          which devices the kiosk has, its name, its network (kiosk firstboot --example prints one)
  wifi.nmconnection   a NetworkManager connection, if kiosk.toml can't say it
  authorized_keys     who may sign in: ssh admin@ADDRESS

Passwords in them are moved off the card at the first start. MISTAKES.txt says what was wrong in a file, STATUS.txt how
the kiosk is. Don't delete autoboot.txt: a Raspberry Pi starts by it.
"""


def config_files() -> dict[str, str]:
    """What the partition KIOSK holds at first, by name."""
    # No config.txt: without autoboot.txt the firmware then passes this partition by, and takes the next, BOOT-A.
    return {"README.txt": README.replace("\n", "\r\n"), "autoboot.txt": autoboot()}


def boot_files(recipe: Recipe) -> dict[str, str]:
    """The texts on a slot's boot partition, by name."""
    files = {cmdline_name(slot): cmdline(recipe, slot) for slot in SLOTS}
    if recipe.arch is Arch.ARM64:
        files["config.txt"] = config_txt(recipe)
    return files


def fstab() -> str:
    """The image's /etc/fstab. The root isn't in it (the initial RAM disk lays its overlay), nor the running slot's boot
    partition, which the same script adds.
    """
    bind = "bind,nosuid,nodev,x-systemd.requires-mounts-for=/data"
    fat = "rw,sync,noatime,nodev,nosuid,noexec,umask=0077,nofail,x-systemd.device-timeout=2min"
    data = "noatime,nodev,nosuid,noexec,errors=remount-ro,x-systemd.growfs,x-systemd.device-timeout=5min"
    lines = [
        "# Made by image/boot.py.",
        f"PARTLABEL=KIOSK /boot/config vfat {fat} 0 2",
        f"PARTLABEL=data /data ext4 {data} 0 2",
        f"/data/system/journal /var/log/journal none {bind} 0 0",
        f"/data/system/systemd /var/lib/systemd none {bind} 0 0",
        f"/data/system/NetworkManager /var/lib/NetworkManager none {bind} 0 0",
    ]
    return "\n".join(lines)


def kernels(tree: Path) -> dict[str, Path]:
    """The kernels and initial RAM disks of a tree, by their name on the boot partition."""
    found: dict[str, Path] = {}
    for modules in sorted((tree / "usr" / "lib" / "modules").iterdir()):
        version = modules.name
        suffix = "-2712" if version.endswith("-2712") else ""
        # Debian's kernels since 7.0 have theirs beside the modules.
        places = (tree / "boot" / f"vmlinuz-{version}", modules / "vmlinuz")
        kernel = next((path for path in places if path.exists()), None)
        if kernel is None:
            raise RecipeError(f"there are modules of a kernel {version} in {tree}, and no kernel")
        found[f"{KERNEL}{suffix}"] = kernel
        found[f"{INITRD}{suffix}"] = tree / "boot" / f"initrd.img-{version}"
    return found
