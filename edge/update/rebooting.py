"""Restarting the kiosk: as usual, or into the other slot once."""

from __future__ import annotations

import subprocess

from edge.update.errors import UpdateError
from edge.update.firmware import TRYBOOT_ARGUMENT


def restart(*, tryboot: bool = False) -> None:
    """Restart in an orderly way; with `tryboot`, the firmware takes the other slot for this one boot.

    Raises:
        UpdateError: systemd doesn't do it.
    """
    words = ["systemctl", "reboot", *([f"--reboot-argument={TRYBOOT_ARGUMENT}"] if tryboot else [])]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UpdateError(f"the kiosk can't be restarted: systemctl: {error.strerror}") from error
    if done.returncode != 0:
        raise UpdateError(f"the kiosk can't be restarted: {done.stderr.strip() or done.stdout.strip()}")
