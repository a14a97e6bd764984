"""Running another architecture's programs: QEMU's user emulation, by the kernel's binfmt_misc."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from image.recipe import Arch, RecipeError
from image.running import CommandFailed, run

_REGISTER = Path("/proc/sys/fs/binfmt_misc/register")
_HOW = "apt-get install qemu-user-static (10 from backports is twice as fast as Debian 12's own)"


def enable_emulation(arch: Arch, log: Path) -> bool:
    """See that programs of `arch` run here, without systemd-binfmt too; whether they are emulated.

    Raises:
        RecipeError: they can't; the text says what to install.
    """
    if platform.machine() == arch.machine:
        return False
    if (_REGISTER.parent / f"qemu-{arch.machine}").exists():
        return True
    conf = Path(f"/usr/lib/binfmt.d/qemu-{arch.machine}.conf")
    if not conf.exists():
        raise RecipeError(f"programs of {arch} don't run here: {_HOW}")
    if os.geteuid() != 0:
        raise RecipeError(f"programs of {arch} aren't enabled; as root, once: /lib/systemd/systemd-binfmt {conf}")
    try:
        if not _REGISTER.exists():
            run(["mount", "-t", "binfmt_misc", "binfmt_misc", _REGISTER.parent], log=log)
        _REGISTER.write_text(conf.read_text(encoding="ascii").strip(), encoding="ascii")
    except (OSError, CommandFailed) as error:
        raise RecipeError(f"programs of {arch} can't be enabled ({error}); on this kernel build natively") from error
    return True
