"""Secrets of kiosk.toml on /data: a file each, readable by root alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.config import secret_keys
from edge.firstboot.durable import make_folder, put, remove
from edge.firstboot.toml_text import Key, value_at


class KeptSecrets:
    """The secrets in `folder`, each in a file that has its key's name, such as ``hub.credential``.

    A service that needs one is given it by systemd: ``LoadCredential=hub.credential:/data/kiosk/secrets/…``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: Key) -> Path:
        """Where the secret of `key` is kept."""
        return self._folder / ".".join(key)

    def get(self, key: Key) -> str | None:
        """The secret of `key`, if one is kept.

        Raises:
            OSError: it can't be read.
        """
        try:
            return self.path(key).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def take(self, given: Mapping[Key, str]) -> None:
        """Keep these, on the disk when this returns; an empty one removes what was kept.

        Raises:
            OSError: one can't be written, or isn't there when it is read again.
        """
        make_folder(self._folder, mode=0o700)
        for key, value in given.items():
            if not value:
                remove(self.path(key))
                continue
            put(self.path(key), value.encode(), mode=0o600)
            if self.get(key) != value:
                raise OSError(f"{self.path(key)} does not hold what was written to it")


def secrets_in(document: Mapping[str, Any]) -> dict[Key, str]:
    """The secrets that are written in these tables."""
    found = {key: value_at(document, key) for key in secret_keys()}
    return {key: value for key, value in found.items() if isinstance(value, str)}
