"""A line between one client and the server on which chosen messages come twice, late, or after the next.

It reads NATS's client protocol (docs.nats.io/reference/reference-protocols/nats-protocol) in both directions and leaves
everything alone but the messages that are chosen: a subject, or the answers to what was asked on a subject.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

from edge.contract.envelope import REPLY_TO
from proofs.crashes.plan import Mischief

LATE_S: Final = 1.2  # longer than everything else on the way to a receipt takes, shorter than any patience
_HELD_S: Final = 2.5  # no next one came: it goes on all the same
_MOST_BYTES: Final = 1 << 20
_REPLY_TO: Final = REPLY_TO.lower().encode()


class Line:
    """Such a line to the server at `nats_url`; `befall` says what happens from now on, `befallen` counts it."""

    def __init__(self, nats_url: str) -> None:
        self._server_url = nats_url
        self._listening: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._mischief: Mischief | None = None
        self._subject = b""
        self._answers = False
        self._answer_subjects: set[bytes] = set()
        self.befallen = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def before(cls, nats_url: str) -> AsyncIterator[Line]:
        """A line to the server at `nats_url`, while it is needed."""
        line = cls(nats_url)
        line._listening = await asyncio.start_server(line._on_client, "127.0.0.1", 0, limit=_MOST_BYTES)
        try:
            yield line
        finally:
            line._listening.close()
            for task in [*line._open]:
                task.cancel()
            await asyncio.gather(*line._open, return_exceptions=True)

    @property
    def url(self) -> str:
        """Where the client connects instead."""
        assert self._listening is not None  # noqa: S101 - made by `before`
        return f"nats://127.0.0.1:{self._listening.sockets[0].getsockname()[1]}"

    def befall(self, subject: str, mischief: Mischief, *, answers: bool = False) -> None:
        """Have it happen to each message on `subject`, or to each answer to one."""
        self._subject, self._mischief, self._answers = subject.encode(), mischief, answers
        self.befallen = 0

    def leave_alone(self) -> None:
        """Pass everything as it is."""
        self._mischief = None

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None  # noqa: S101 - asyncio runs us in one
        self._open.add(this)
        upstream: asyncio.StreamWriter | None = None
        address = urlsplit(self._server_url)
        try:
            answers, upstream = await asyncio.open_connection(address.hostname, address.port, limit=_MOST_BYTES)
            ways = [asyncio.create_task(self._pass(*way)) for way in ((reader, upstream), (answers, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # the server is away, or we are to end
        finally:
            self._open.discard(this)
            for each in (writer, upstream):
                if each is not None:
                    each.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        way = _Way(sink)
        try:
            while line := await source.readline():
                frame = line + (await source.readexactly(length + 2) if (length := _length(line)) is not None else b"")
                if self._mischief is not None and self._is_meant(line, frame):
                    self.befallen += 1
                    way.carry(frame, self._mischief)
                else:
                    way.write(frame)
                await sink.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            way.close()

    def _is_meant(self, line: bytes, frame: bytes) -> bool:
        words = line.split()
        if words[0].upper() not in (b"PUB", b"HPUB", b"MSG", b"HMSG"):
            return False
        subject = words[1]
        if subject == self._subject:
            self._answer_subjects |= _answered_on(words, frame)
            return not self._answers
        return self._answers and subject in self._answer_subjects


class _Way:
    """One direction: what is held back goes on by itself after a while."""

    def __init__(self, sink: asyncio.StreamWriter) -> None:
        self._sink = sink
        self._held: list[bytes] = []
        self._handles: list[asyncio.TimerHandle] = []

    def carry(self, frame: bytes, mischief: Mischief) -> None:
        """Pass one on, in the way that is wanted."""
        match mischief:
            case "twice":
                self.write(frame)
                self.write(frame)
            case "late":
                self._later(LATE_S, frame)
            case "after the next":
                self._held.append(frame)
                self._handles.append(asyncio.get_running_loop().call_later(_HELD_S, self._let_go))

    def write(self, frame: bytes) -> None:
        """Pass on what is as it should be; a message lets go of those that it has overtaken now."""
        self._sink.write(frame)
        if self._held and frame.split(maxsplit=1)[0].upper() in (b"PUB", b"HPUB", b"MSG", b"HMSG"):
            self._let_go()

    def close(self) -> None:
        """What was held is lost with its connection."""
        for handle in self._handles:
            handle.cancel()

    def _later(self, seconds: float, frame: bytes) -> None:
        self._handles.append(asyncio.get_running_loop().call_later(seconds, self._sink.write, frame))

    def _let_go(self) -> None:
        held, self._held = self._held, []
        for frame in held:
            self._sink.write(frame)


def _length(line: bytes) -> int | None:
    """How many bytes follow, beside the line's end; None where none do."""
    words = line.split()
    if words and words[0].upper() in (b"PUB", b"HPUB", b"MSG", b"HMSG"):
        return int(words[-1])
    return None


def _answered_on(words: list[bytes], frame: bytes) -> set[bytes]:
    """Where an ask wants its answer: the message's own reply subject, and the header of a durable one."""
    found: set[bytes] = set()
    for header in frame.split(b"\r\n")[1:]:
        name, colon, value = header.partition(b":")
        if colon and name.strip().lower() == _REPLY_TO:
            found.add(value.strip())
    # PUB subject [reply] n · HPUB subject [reply] h n · MSG subject sid [reply] n · HMSG subject sid [reply] h n
    fixed = {b"PUB": 3, b"HPUB": 4, b"MSG": 4, b"HMSG": 5}[words[0].upper()]
    if len(words) > fixed:
        found.add(words[3] if words[0].upper().endswith(b"MSG") else words[2])
    return found
