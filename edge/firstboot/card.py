"""The boot partition: what is taken from it, and secrets wiped from it so that no cut loses or leaves one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge.firstboot.durable import move, put, remove, wipe

Step = Callable[[str], None]

# Each file that may hold a secret, and the one that stands there when the secret is gone.
KIOSK_TOML: Final = "kiosk.toml"
WIFI: Final = "wifi.nmconnection"
_LEFT_BY: Final = {KIOSK_TOML: KIOSK_TOML, WIFI: f"{WIFI}.applied"}


class Card:
    """The boot partition, a FAT: it has no modes and no journal, and whoever holds the card can read it."""

    def __init__(self, folder: Path, step: Step) -> None:
        self.folder = folder
        self._step = step

    def path(self, name: str) -> Path:
        """Where the file `name` is."""
        return self.folder / name

    def wipe(self, name: str, left: str) -> None:
        """Wipe the file `name`, whose secrets are safe elsewhere, and leave the text `left` of it.

        First the new text lies beside the old one; then the old one gets a name that says it is to be wiped, which it
        has until nothing of it is left. `finish` goes on from wherever this was cut off.

        Raises:
            OSError: the card can't be written.
        """
        self._step(f"{name}: its secrets are safe")
        put(self._new(name), left.encode(), mode=None)
        self._step(f"{name}: what is left of it lies beside it")
        move(self.path(name), self._old(name))
        self._step(f"{name}: named to be wiped")
        self._go_on(name)

    def finish(self) -> None:
        """Wipe what a cut left to be wiped.

        Raises:
            OSError: the card can't be written.
        """
        for name in _LEFT_BY:
            if self._old(name).exists():
                self._go_on(name)
            remove(self._new(name))

    def _go_on(self, name: str) -> None:
        left = self.path(_LEFT_BY[name])
        if self._new(name).exists() and not self.path(name).exists():
            move(self._new(name), left)
            self._step(f"{name}: what is left of it is in place")
        wipe(self._old(name))
        self._step(f"{name}: wiped")

    def _old(self, name: str) -> Path:
        return self.folder / f"{name}.wipe"

    def _new(self, name: str) -> Path:
        return self.folder / f"{name}.new"
