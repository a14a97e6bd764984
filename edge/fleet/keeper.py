"""The hub's service: counts what arrives, looks after each kiosk, tells what was lost. One keeps at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Collection
from typing import Final

import msgspec

from edge.bus.connection import BusError
from edge.bus.hub import Hub, KioskAway, KioskSilent, Stored
from edge.bus.hub_reader import Reader
from edge.bus.tasks import cancel_all, together
from edge.contract.fleet import (
    ABOUT,
    BOOKS,
    FLEET_EVENTS,
    NOTICES,
    answers_of,
    api_of,
    ask_of,
    book_of,
    kiosk_of,
    notice_on,
)
from edge.contract.streams import EVENTS_STREAM
from edge.fleet.books import Book, KioskStream, Notice
from edge.fleet.lease import Lease
from edge.fleet.sources import begin_anew, generations

log = logging.getLogger(__name__)

TALLY: Final = "tally"
_STREAM = str(EVENTS_STREAM["name"])
_BATCH: Final = 1000
_WAIT_S: Final = 1.0
_ANSWER_S: Final = 3.0
_AT_ONCE: Final = 200  # kiosks that are asked at the same time
_ASK_VERSION_S: Final = 600.0
_RETRY_S: Final = 2.0


class Keeper:
    """Keeps the books. `interval_s` is how often each kiosk is asked how it is, `flush_s` how often books are written.

    What it knows is in `books`, by kiosk; it is the same as in FLEET_BOOKS, up to `flush_s` newer.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        interval_s: float = 15.0,
        flush_s: float = 2.0,
        on_notice: Callable[[Notice], None] = lambda _: None,
    ) -> None:
        self.books: dict[str, Book] = {}
        self.looked_s: float | None = None
        self.streams: dict[str, dict[str, int]] = {}
        self._hub = hub
        self._interval_s = interval_s
        self._flush_s = flush_s
        self._on_notice = on_notice
        self._dirty: set[str] = set()
        self._untold: list[Notice] = []
        self._writing = asyncio.Lock()
        self._versions: dict[str, float] = {}
        self._lease = Lease(hub, f"{socket.gethostname()}-{os.getpid()}")

    @property
    def keeping(self) -> bool:
        """Whether it is this one that keeps the books."""
        return self._lease.held

    async def run(self) -> None:
        """Keep the books for ever; wait while another one does. A hub that is away is waited for."""
        said = ""
        while True:
            try:
                await self._lease.take()
                await self._read_books()
                said = ""
                await together(self._lease.keep(), self._look_on(), self._tally_on())
            except BusError as problem:
                if str(problem) != said:  # not at every try
                    log.warning("the fleet's books are not kept now: %s", problem)
                said = str(problem)
            await asyncio.sleep(_RETRY_S)

    async def close(self) -> None:
        """Let another one keep the books at once."""
        with contextlib.suppress(BusError):
            await self._lease.give_up()

    async def _read_books(self) -> None:
        self.books.clear()
        self._dirty.clear()
        self._untold.clear()  # what was not told is counted again
        async for stored in self._hub.read(BOOKS, ["hub.book.*"], last_each=True):
            try:
                book = msgspec.json.decode(stored.data, type=Book)
            except msgspec.MsgspecError as error:
                log.warning("the book %s can't be read, and is begun anew: %s", stored.subject, error)
                continue
            self.books[book.kiosk] = book

    # -- counting -------------------------------------------------------------------------------------------

    async def _tally_on(self) -> None:
        reading: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                for stream in await self._hub.streams(FLEET_EVENTS):
                    if stream not in reading:
                        reading[stream] = asyncio.create_task(self._tally(stream))
                await self._until_one_fails(reading.values())
        finally:
            await cancel_all(reading.values())

    async def _until_one_fails(self, tasks: Collection[asyncio.Task[None]]) -> None:
        """Wait for as long as it is until the next look; raise what one of them raised."""
        if not tasks:
            await asyncio.sleep(self._interval_s)
            return
        done, _ = await asyncio.wait(tasks, timeout=self._interval_s, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def _tally(self, stream: str) -> None:
        reader = Reader(self._hub, stream, TALLY)
        flushed_s = time.monotonic()
        unwritten = 0
        while True:
            events = await reader.next(_BATCH, _WAIT_S)
            for event in events:
                self._untold += self._count(stream, event)
            unwritten += len(events)
            waited_s = time.monotonic() - flushed_s
            if unwritten and (self._untold or waited_s >= self._flush_s or unwritten >= 5 * _BATCH):
                await self._write()
                await reader.done()
                flushed_s, unwritten = time.monotonic(), 0

    def _count(self, stream: str, event: Stored) -> list[Notice]:
        book = self._book(kiosk_of(event.subject), stream)
        self._dirty.add(book.kiosk)
        return book.tally(event)

    def _book(self, kiosk: str, stream: str) -> Book:
        book = self.books.setdefault(kiosk, Book(kiosk=kiosk, stream=stream))
        if book.stream != stream:  # it changed groups: each stream counts for itself
            book.stream, book.read = stream, 0
        return book

    async def _write(self) -> None:
        """Tell, then write the books: a keeper that dies in between tells the same again, under the same id."""
        async with self._writing:
            dirty, self._dirty = self._dirty, set()
            untold, self._untold = self._untold, []
            try:
                await self._write_down(dirty, untold)
            except BaseException:
                # Whoever writes next must not take it for written.
                self._dirty |= dirty
                self._untold = untold + self._untold
                raise

    async def _write_down(self, dirty: set[str], untold: list[Notice]) -> None:
        changed = [msgspec.to_builtins(self.books[kiosk]) for kiosk in dirty if kiosk in self.books]
        for notice in untold:
            log.warning("%s", notice.text)
            self._on_notice(notice)
            subject = notice_on(notice.kiosk, notice.kind)
            await self._hub.store(subject, msgspec.to_builtins(notice), msg_id=notice.msg_id)
        for number in range(0, len(changed), _AT_ONCE):
            await asyncio.gather(
                *(self._hub.store(book_of(each["kiosk"]), each) for each in changed[number : number + _AT_ONCE])
            )

    # -- looking --------------------------------------------------------------------------------------------

    async def _look_on(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._interval_s)

    async def look(self) -> None:
        """Ask every kiosk once how it is, and write what has changed.

        Raises:
            BusUnreachable: the hub is away.
        """
        members = await generations(self._hub)
        for kiosk, (stream, generation) in members.items():
            if kiosk not in self.books or not self.books[kiosk].member:
                self._dirty.add(kiosk)
            book = self._book(kiosk, stream)
            book.member, book.generation = True, generation
        for kiosk, book in self.books.items():
            if kiosk not in members and book.member:
                book.member = False
                book.miss(time.time())
                self._dirty.add(kiosk)
        waiting = list(members)
        for number in range(0, len(waiting), _AT_ONCE):
            await asyncio.gather(*(self._look_at(kiosk) for kiosk in waiting[number : number + _AT_ONCE]))
        for stream in {stream for stream, _ in members.values()}:
            info = await self._hub.api(f"STREAM.INFO.{stream}")
            self.streams[stream] = {
                "messages": int(info["state"]["messages"]),
                "bytes": int(info["state"]["bytes"]),
                "sources": len(info["config"].get("sources") or []),
                "replicas_behind": sum(
                    not each.get("current") for each in (info.get("cluster") or {}).get("replicas") or []
                ),
            }
        self.looked_s = time.time()
        await self._write()

    async def _look_at(self, kiosk: str) -> None:
        book = self.books[kiosk]
        before = msgspec.structs.replace(book)
        notices: list[Notice] = []
        try:
            answer = await self._hub.ask(
                f"{api_of(kiosk)}.STREAM.INFO.{_STREAM}",
                b"",
                answers_of(kiosk, self._hub.user),
                timeout_s=_ANSWER_S,
            )
            notices = book.look(KioskStream.read(json.loads(answer)), time.time())
            await self._ask_version(book)
        except (KioskAway, KioskSilent):
            book.miss(time.time())
            self._versions.pop(kiosk, None)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%s tells of its events what can't be read: %r", kiosk, error)
        if any(each.kind == "restarted" for each in notices):
            book.generation += 1
            await begin_anew(self._hub, book.stream, kiosk, book.generation)
        self._untold += notices
        if book != before:
            self._dirty.add(kiosk)

    async def _ask_version(self, book: Book) -> None:
        now_s = time.monotonic()
        if now_s - self._versions.get(book.kiosk, -_ASK_VERSION_S) < _ASK_VERSION_S:
            return
        try:
            answer = await self._hub.ask(
                ask_of(book.kiosk, ABOUT), b"", answers_of(book.kiosk, self._hub.user), timeout_s=_ANSWER_S
            )
            book.version = str(json.loads(answer)["version"])
            self._versions[book.kiosk] = now_s
        except (KioskAway, KioskSilent):
            pass  # its agents aren't up
        except (ValueError, KeyError, TypeError) as error:
            log.debug("%s tells no version: %r", book.kiosk, error)


async def books(hub: Hub) -> list[Book]:
    """What was last written of every kiosk, by name.

    Raises:
        BusUnreachable: the hub is away.
        HubRefused: there are no books.
    """
    found = [
        msgspec.json.decode(each.data, type=Book) async for each in hub.read(BOOKS, ["hub.book.*"], last_each=True)
    ]
    return sorted(found, key=lambda book: book.kiosk)


async def notices(hub: Hub, kiosk: str = "*") -> list[Notice]:
    """Every notice that is kept, oldest first.

    Raises:
        BusUnreachable: the hub is away.
    """
    return [msgspec.json.decode(each.data, type=Notice) async for each in hub.read(NOTICES, [notice_on(kiosk, "*")])]
