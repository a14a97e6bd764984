"""Where packages come from: Debian's archive, the machine's own mirror of it, and Raspberry Pi's archive."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from image.recipe import SUITE, Arch, Archive, Recipe
from image.running import CommandFailed, output_of

DEBIAN = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
RASPBERRY_PI = "http://archive.raspberrypi.com/debian"
# Where raspberrypi-archive-keyring puts the archive's key.
RASPBERRY_PI_KEY = Path("/usr/share/keyrings/raspberrypi-archive-keyring.pgp")
_COMPONENTS = "main non-free-firmware"  # a Pi's firmware is in the second
_TIMEOUT_S = 30


@dataclass(frozen=True)
class Source:
    """One line of sources.list."""

    uri: str
    suite: str
    components: str
    key: Path | None = None

    def line(self, *, uri: str | None = None) -> str:
        """The line, from `uri` if it is given."""
        options = f"[signed-by={self.key}] " if self.key else ""
        return f"deb {options}{uri or self.uri} {self.suite} {self.components}"


def sources(recipe: Recipe) -> list[Source]:
    """The archives of an image, as the image itself knows them."""
    found = [
        Source(DEBIAN, SUITE, _COMPONENTS),
        Source(DEBIAN, f"{SUITE}-updates", _COMPONENTS),
        Source(SECURITY, f"{SUITE}-security", _COMPONENTS),
    ]
    if recipe.archive is Archive.RASPIOS:
        found.append(Source(RASPBERRY_PI, SUITE, "main", RASPBERRY_PI_KEY))
    elif recipe.arch is Arch.ARM64:
        # Debian 13's own kernel doesn't know a Pi 5's SD card, USB and network.
        found.append(Source(DEBIAN, f"{SUITE}-backports", _COMPONENTS))
    return found


def sources_list(recipe: Recipe) -> str:
    """The image's sources.list."""
    return "".join(f"{each.line()}\n" for each in sources(recipe))


def lines_for_building(recipe: Recipe) -> list[str]:
    """The same archives from the mirrors that this machine's apt uses."""
    mirrors = _own_mirrors()
    return [each.line(uri=mirrors.get(each.uri)) for each in sources(recipe)]


def apt_options() -> list[str]:
    """This machine's proxies for apt, as options of apt."""
    try:
        dump = output_of(["apt-config", "dump", "--format", '%f "%v";%n'])
    except CommandFailed:
        return []
    wanted = ("Acquire::http::Proxy", "Acquire::https::Proxy")
    return [line for line in dump.splitlines() if line.startswith(wanted) and '""' not in line]


def state_of(recipe: Recipe) -> str | None:
    """A name for what the archives hold now; None when they can't be reached.

    A change of any archive's signed index changes it.
    """
    digest = hashlib.sha256()
    mirrors = _own_mirrors()
    for each in sources(recipe):
        address = f"{mirrors.get(each.uri, each.uri)}/dists/{each.suite}/InRelease"
        try:
            with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - apt's own addresses
                digest.update(answer.read())
        except (OSError, urllib.error.URLError):
            return None
    return digest.hexdigest()[:16]


def _own_mirrors() -> dict[str, str]:
    """The mirrors of Debian's archives that this machine's apt is set up with, by the archive they mirror."""
    try:
        listed = output_of(["apt-get", "indextargets", "--format", "$(CREATED_BY) $(LABEL) $(REPO_URI)"]).splitlines()
    except CommandFailed:
        return {}
    found: dict[str, str] = {}
    for line in listed:
        created_by, _, rest = line.partition(" ")
        label, _, uri = rest.rpartition(" ")
        archive = {"Debian": DEBIAN, "Debian-Security": SECURITY}.get(label)
        if created_by == "Packages" and archive and urllib.parse.urlsplit(uri).scheme in ("http", "https"):
            found.setdefault(archive, uri.rstrip("/"))
    return found
