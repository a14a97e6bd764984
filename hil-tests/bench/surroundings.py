"""What programs started from here find around them: shims of hardware, and where it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path


class Surroundings:
    """Changes to this process's environment, which its children inherit; `restore` takes them back."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}
        self._path = list(sys.path)

    def set(self, values: Mapping[str, str]) -> None:
        """Set variables."""
        for name, value in values.items():
            self._before.setdefault(name, os.environ.get(name))
            os.environ[name] = value

    def preload(self, library: Path) -> None:
        """Have `library` loaded into children, beside those that are."""
        loaded = os.environ.get("LD_PRELOAD", "").split()
        self.set({"LD_PRELOAD": " ".join([*loaded, str(library)])})

    def import_from(self, folder: Path) -> None:
        """Let children find Python packages in `folder`, last of all."""
        sys.path.append(str(folder))

    def restore(self) -> None:
        """Make everything as it was."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before.clear()
        sys.path[:] = self._path
