"""RAUC: what is in a bundle, and writing it to the other slot. Its own program does both; this hears it out.

`rauc install` tells its progress as lines such as ``45% Copying image to rootfs.1`` in every version (1.8 in Debian
12, 1.13 in Debian 13), so neither a D-Bus library nor a terminal is needed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.update.errors import BundleRefused, RaucMissing, UpdateError

Report = Callable[[int, str], None]

_PROGRESS = re.compile(r"\s*(\d{1,3})% (.+)")
_COMPATIBLE = re.compile(r"Compatible mismatch: Expected '(?P<ours>.*)' but bundle manifest has '(?P<theirs>.*)'")

# What RAUC and OpenSSL say, and what that means to whoever has to do something about it; the first that fits counts.
# (As seen from RAUC 1.8 and 1.13: tests/edge/update/test_rauc.py makes them say it.)
_MEANINGS: tuple[tuple[str, type[UpdateError], str], ...] = (
    (
        r"ServiceUnknown|Could not connect|NameHasNoOwner|creating proxy",
        RaucMissing,
        "RAUC's service does not answer: systemctl status rauc says why",
    ),
    (
        r"already (processing|installing|in progress)",
        UpdateError,
        "another update is being installed: wait for it, then see `kiosk update status`",
    ),
    (
        r"No space left|too small|too large|not enough space|exceeds.*slot",
        UpdateError,
        "{bundle} doesn't fit into the slot: {reason}. Was it made for a larger image?",
    ),
    (
        r"signature verification failed.*(not yet valid|has expired)",
        BundleRefused,
        "{bundle} is signed by a certificate that isn't valid now: {reason}. Is the clock right? (timedatectl)",
    ),
    (
        r"signature verification failed.*(self.signed|local issuer|unable to get|certificate chain|no signer)",
        BundleRefused,
        "{bundle} is not signed by a key this kiosk trusts ({reason})",
    ),
    (
        r"signature verification failed",
        BundleRefused,
        "{bundle} was changed after it was signed, or is damaged: get it again ({reason})",
    ),
    (
        r"Invalid bundle|Failed to check bundle",
        BundleRefused,
        "{bundle} is no bundle, or was cut off: get it again ({reason})",
    ),
    (
        r"marking slot|non.bootable|custom.backend|bootchooser",
        UpdateError,
        "the slot can't be written now ({reason}). Is an update on trial? `kiosk update status` says",
    ),
    (r"^No such file", UpdateError, "{bundle} is not there"),
    (r"", UpdateError, "RAUC could not install {bundle}: {reason}. More: journalctl -u rauc"),
)


class Bundle(msgspec.Struct, frozen=True):
    """What a bundle says of itself; its signature is good."""

    compatible: str
    version: str | None = None


class Rauc:
    """The program `rauc`, and the service that it asks."""

    def __init__(self, program: str = "rauc") -> None:
        self._program = program

    async def info(self, bundle: Path) -> Bundle:
        """Read `bundle`, its signature checked against this kiosk's keyring.

        Raises:
            BundleRefused: damaged, or signed by nobody this kiosk trusts.
            RaucMissing: there is no RAUC here.
        """
        process = await self._start("info", "--output-format=json", str(bundle))
        out, err = await process.communicate()
        if process.returncode != 0:
            raise explained(bundle.name, err.decode("utf-8", "replace"))
        line = next((each for each in out.splitlines() if each.startswith(b"{")), b"{}")
        try:
            return msgspec.json.decode(line, type=Bundle)
        except msgspec.DecodeError as error:
            raise UpdateError(f"rauc info says something that can't be read: {error}") from error

    async def install(self, bundle: Path, report: Report) -> None:
        """Write `bundle` to the slot that doesn't run; `report` hears of percent done and what is being done.

        Raises:
            BundleRefused: damaged, not trusted, or for another kind of kiosk.
            RaucMissing: there is no RAUC here, or its service doesn't answer.
            UpdateError: it could not be written; the text says why.
        """
        process = await self._start("install", _absolute(bundle), merged=True)
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        said: list[str] = []
        async for raw in process.stdout:
            line = raw.decode("utf-8", "replace").rstrip()
            step = _PROGRESS.fullmatch(line)
            if step:
                report(min(int(step[1]), 100), step[2].removesuffix("."))
            else:
                said.append(line)
        if await process.wait() != 0:
            raise explained(bundle.name, "\n".join(said))

    async def _start(self, *words: str, merged: bool = False) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                self._program,
                *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT if merged else asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise RaucMissing("rauc is not installed: this is no image of `make image` (apt install rauc)") from error


def explained(bundle: str, said: str) -> UpdateError:
    """RAUC's complaint about `bundle` in words that say what to do."""
    match = re.search(r"LastError: (.+)", said)
    reason = match[1] if match else _last_words(said)
    said = said[match.start() :] if match else said  # before it: its log, with complaints that led to nothing
    mismatch = _COMPATIBLE.search(said)
    if mismatch:
        return BundleRefused(f"{bundle} is for {mismatch['theirs']!r}; this kiosk is {mismatch['ours']!r}")
    kind, words = next(
        (kind, words)
        for pattern, kind, words in _MEANINGS
        if re.search(pattern, said, re.IGNORECASE | re.DOTALL | re.MULTILINE)
    )
    return kind(words.format(bundle=bundle, reason=reason))


def _last_words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip() and "Message:" not in line]
    return lines[-1] if lines else "it says nothing"


def _absolute(bundle: Path) -> str:
    """RAUC's service has a working folder of its own."""
    return str(bundle.absolute())
