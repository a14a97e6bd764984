"""Fetching a bundle over a shop's network: goes on where it was cut off, and says when it won't fit."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import aiohttp

from edge.update.errors import UpdateError

Progress = Callable[[int, int | None], None]

_SPARE_BYTES = 64 << 20  # left free on /data for the bus and the orders
_CHUNK_BYTES = 1 << 18
_QUIET_S = 60.0


def is_url(bundle: str) -> bool:
    """Whether `bundle` is an address rather than a file."""
    return bundle.startswith(("https://", "http://"))


async def fetch(url: str, folder: Path, progress: Progress) -> Path:
    """Bring the bundle at `url` to `folder`; `progress` hears of bytes here and bytes in all (None while unknown).

    Whether it is the right one, its signature says later. Other bundles that were fetched before are deleted.

    Raises:
        UpdateError: it can't be had or doesn't fit; what came stays for the next time.
    """
    part = _Part(url, folder)
    try:
        part.prepare()
        await _append(url, part, progress)
        return part.finish()
    except (aiohttp.ClientError, TimeoutError) as error:
        words = str(error) or "it went quiet"
        raise UpdateError(f"{url} broke off: {words}. Run it again, and it goes on from there") from error
    except OSError as error:
        raise UpdateError(f"{url} can't be kept in {folder}: {error.strerror}") from error


class _Part:
    """What is here of a bundle, and the server's tag for the version it is of."""

    def __init__(self, url: str, folder: Path) -> None:
        name = hashlib.sha256(url.encode()).hexdigest()[:16]
        self.folder = folder
        self.path, self._tag, self._whole = (folder / f"{name}.{ending}" for ending in ("part", "etag", "raucb"))

    def prepare(self) -> None:
        """Make the folder, without what other bundles left."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for old in [*self.folder.glob("*.part"), *self.folder.glob("*.etag"), *self.folder.glob("*.raucb")]:
            if old not in (self.path, self._tag):
                old.unlink()

    def here(self) -> tuple[int, str]:
        """How many bytes can be gone on from, and their tag."""
        if not (self.path.exists() and self._tag.exists()):
            return 0, ""
        tag = self._tag.read_text(encoding="utf-8")
        return (self.path.stat().st_size, tag) if tag else (0, "")

    def begin(self, tag: str) -> None:
        """Note whose bytes are coming."""
        self._tag.write_text(tag, encoding="utf-8")

    def forget(self) -> None:
        """What is here is of another version."""
        self._tag.unlink(missing_ok=True)

    def spare_bytes(self) -> int:
        """How much may come."""
        return max(shutil.disk_usage(self.folder).free - _SPARE_BYTES, 0)

    def finish(self) -> Path:
        """All of it is here."""
        self._tag.unlink(missing_ok=True)
        return self.path.rename(self._whole)


async def _append(url: str, part: _Part, progress: Progress) -> None:
    here, tag = part.here()
    headers = {"Range": f"bytes={here}-", "If-Range": tag} if here else {}
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_QUIET_S, sock_read=_QUIET_S)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url, headers=headers) as answer:
        if answer.status == 416 and here:  # all of it came, and it was cut off just before it got its name
            return
        if answer.status not in (200, 206):
            raise UpdateError(f"{url} can't be had: {answer.status} {answer.reason}")
        if here and answer.status == 206 and answer.headers.get("ETag", tag) != tag:
            part.forget()  # the server doesn't know If-Range, and has another version by now
            await _append(url, part, progress)
            return
        if answer.status == 200:
            here = 0
        coming, spare = answer.content_length, part.spare_bytes()
        if coming is not None and coming > spare:
            raise UpdateError(f"{url} needs {coming / 1e6:.0f} MB; {part.folder} has {spare / 1e6:.0f} MB to spare")
        part.begin(answer.headers.get("ETag", ""))
        total = None if coming is None else here + coming
        with part.path.open("ab" if here else "wb") as file:
            progress(here, total)
            async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                file.write(chunk)
                here += len(chunk)
                progress(here, total)
