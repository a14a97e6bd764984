"""How taps get from a reader to whoever iterates over them."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from drivers.errors import DriverError
from drivers.nfc import Tap

KEPT_TAPS: Final = 8

_log = logging.getLogger(__name__)


class TapStream(AsyncIterator[Tap]):
    """The taps from the moment it was made; who doesn't read loses the oldest."""

    def __init__(self) -> None:
        self._taps: deque[Tap] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._error: DriverError | None = None

    def put(self, tap: Tap) -> None:
        """Hand over a tap."""
        if len(self._taps) == KEPT_TAPS:
            _log.warning("%s: nobody took a tap in time, it is dropped", tap.reader)
            self._taps.popleft()
        self._taps.append(tap)
        self._news.set()

    def end(self, error: DriverError | None = None) -> None:
        """No more taps: what is there is still given, then the stream ends, with `error` if there is one."""
        self._ended = True
        self._error = error
        self._news.set()

    async def __anext__(self) -> Tap:
        while not self._taps:
            if self._ended:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._taps.popleft()


class TapStreams:
    """All streams of one reader: each gets every tap. A stream that was let go of is forgotten."""

    def __init__(self) -> None:
        self._streams: weakref.WeakSet[TapStream] = weakref.WeakSet()
        self._ended = False
        self._error: DriverError | None = None

    def open(self) -> TapStream:
        """A new stream, ended already if the reader is closed."""
        stream = TapStream()
        if self._ended:
            stream.end(self._error)
        else:
            self._streams.add(stream)
        return stream

    def put(self, tap: Tap) -> None:
        """Hand a tap to every stream."""
        for stream in list(self._streams):
            stream.put(tap)

    def end(self, error: DriverError | None = None) -> None:
        """End every stream, those to come too."""
        if self._ended:
            return
        self._ended = True
        self._error = error
        for stream in list(self._streams):
            stream.end(error)
