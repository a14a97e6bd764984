"""The session on disk, so that it survives this process (ADR 0024)."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from edge.agents.orchestrator.session import Session
from edge.bus.deadline import boot_id
from edge.contract.money import Money

log = logging.getLogger(__name__)

_FORM: Final = 1  # of the file; another one is not read


@dataclass(frozen=True)
class Closure:
    """Someone asked for the kiosk to be out of service, with `reason` for customers, until `ends_s`.

    Of the event loop's clock, which runs on through restarts of ours and begins anew with the machine.
    """

    reason: str
    ends_s: float


@dataclass(frozen=True)
class Kept:
    """What a restart needs: the session, whose it is on the bus, the customer's last messages, a closure."""

    session: Session
    session_id: str
    trace_id: str | None
    heard: tuple[str, ...] = ()
    closure: Closure | None = None
    boot: str = ""  # the machine's, "" where it has none
    form: int = _FORM


class Keeper:
    """Keeps the newest `Kept` in a file: written beside it, synced, renamed over it, in a thread.

    Without a path nothing is kept. A disk that doesn't take it is logged, once until it does again.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._wanted = b""
        self._written = b""
        self._writing: asyncio.Task[None] | None = None
        self._failed = False

    @property
    def keeps(self) -> bool:
        """Whether anything is kept at all."""
        return self.path is not None

    def load(self) -> Kept | None:
        """What was kept last, of this boot of the machine or another; None where there is nothing to go on with."""
        if self.path is None:
            return None
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.error("the session that ran can't be read: %s", error)  # noqa: TRY400 - the disk's own words say it all
            return None
        try:
            kept = _decoder.decode(data)
        except (msgspec.DecodeError, ValueError) as error:
            log.error("the session that ran can't be read: %s: %s", self.path, error)  # noqa: TRY400 - as above
            return None
        return kept if kept.form == _FORM else None

    def keep(self, kept: Kept) -> None:
        """Have it on disk soon; one that was overtaken by the next is left out."""
        if self.path is not None:
            self._wanted = _encoder.encode(kept)
            if self._writing is None and self._wanted != self._written:
                self._writing = asyncio.create_task(self._write())

    async def settle(self) -> None:
        """Return once what was to be kept is on disk, or can't be."""
        while self._writing is not None:
            await asyncio.shield(self._writing)

    async def _write(self) -> None:
        assert self.path is not None  # noqa: S101 - `keep` looked
        try:
            while (wanted := self._wanted) != self._written:
                await asyncio.to_thread(_put, self.path, wanted)
                self._written = wanted
            self._failed = False
        except OSError as error:
            if not self._failed:
                log.error("the session can't be kept: %s", error)  # noqa: TRY400 - as above
            self._failed = True
        finally:
            self._writing = None


def same_boot(kept: Kept) -> bool:
    """Whether the machine runs since `kept` was so: then its times can be compared with ours."""
    return kept.boot != "" and kept.boot == boot_id()


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _encode_ours(thing: object) -> object:
    if isinstance(thing, Money):
        return thing.minor
    raise NotImplementedError(f"{type(thing).__name__} has no place in a kept session")


def _decode_ours(wanted: type, raw: object) -> object:
    if wanted is Money and isinstance(raw, int):
        return Money(raw)
    raise NotImplementedError(f"{wanted.__name__} has no place in a kept session")


_encoder = msgspec.json.Encoder(enc_hook=_encode_ours)
_decoder = msgspec.json.Decoder(Kept, dec_hook=_decode_ours)
