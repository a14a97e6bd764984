"""Files that count only with the manifest's bytes and checksum."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

from edge.models.errors import ModelDamaged, StoreUnwritable
from edge.models.manifest import Asset

WORK_PREFIX = ".pull-"  # of everything unfinished in a store's folder
_BLOCK_BYTES = 1 << 20
_ABANDONED_S = 24 * 3600  # a pull takes minutes: what is this old was left by one that was killed


def check(path: Path, asset: Asset) -> None:
    """Read the file and compare it with the manifest.

    Raises:
        ModelDamaged: its size or checksum differs; the text has both.
        OSError: it can't be read; FileNotFoundError if it isn't there.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size != asset.bytes:
            raise ModelDamaged(f"{path} has {size} bytes, not {asset.bytes}")
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != asset.sha256:
        raise ModelDamaged(f"{path} has the checksum {digest[:12]}…, not {asset.sha256[:12]}…")


def keep(stream: IO[bytes], asset: Asset, folder: Path, origin: str) -> Path:
    """Copy an asset's bytes from `stream` into `folder`, checked first and then renamed into place.

    Two processes that do this at once both succeed: each has a file of its own until the rename.

    Raises:
        ModelDamaged: the bytes are not the manifest's; the text says that `origin` has them. Nothing is kept.
        StoreUnwritable: the folder can't be written to, or is full.
    """
    target = folder / asset.file
    unfinished: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=WORK_PREFIX, dir=folder)
        unfinished = Path(name)
        with os.fdopen(handle, "wb") as file:
            _copy_checked(stream, file, asset, origin)
            os.fchmod(file.fileno(), 0o644)  # mkstemp makes it ours alone; the agents may be other users
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    except OSError as error:
        raise StoreUnwritable(f"{origin} can't be copied to {target}: {error.strerror or error}") from error
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
    return target


def _copy_checked(stream: IO[bytes], file: IO[bytes], asset: Asset, origin: str) -> None:
    digest = hashlib.sha256()
    size = 0
    while block := stream.read(_BLOCK_BYTES):
        size += len(block)
        if size > asset.bytes:
            raise ModelDamaged(f"{origin} has more than {asset.bytes} bytes")
        digest.update(block)
        file.write(block)
    if size != asset.bytes:
        raise ModelDamaged(f"{origin} has {size} bytes, not {asset.bytes}")
    if digest.hexdigest() != asset.sha256:
        raise ModelDamaged(f"{origin} has the checksum {digest.hexdigest()[:12]}…, not {asset.sha256[:12]}…")


def make_ready(folder: Path) -> None:
    """Make the folder, and clear away what pulls that were killed have left in it.

    Raises:
        StoreUnwritable: it can't be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{WORK_PREFIX}*"):
            if time.time() - left.stat().st_mtime > _ABANDONED_S:
                if left.is_dir():
                    shutil.rmtree(left)
                else:
                    left.unlink(missing_ok=True)
    except FileNotFoundError:
        return  # another pull cleared it first
    except OSError as error:
        raise StoreUnwritable(f"{folder} can't be written to: {error.strerror or error}") from error
