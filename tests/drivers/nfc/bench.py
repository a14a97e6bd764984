"""A reader under test and the person who holds cards to it, whichever wire lies between."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Protocol

from drivers.nfc import NfcReader, Tap
from drivers.nfc.card import SimulatedCard
from drivers.nfc.simulated import SimulatedReader

TIMEOUT_S = 10.0
# pcscd looks every 0.4 s, and a card is read within some 20 ms of being seen; a made up tap would come within this.
QUIET_S = 0.6


class Bench(Protocol):
    """One reader with what a person does at it."""

    reader: NfcReader

    async def ready(self) -> None:
        """Return once the reader sees cards."""

    async def hold(self, card: SimulatedCard) -> None:
        """Hold a card to the reader and leave it there."""

    async def take_away(self) -> None:
        """Take the card away; return once the reader knows."""

    async def tear(self, card: SimulatedCard, after: int) -> None:
        """Hold a card to the reader and pull it away after it answered `after` commands."""

    async def unplug(self) -> None:
        """Pull the reader's cable, whatever lies on it; return once it is known."""

    async def plug(self) -> None:
        """Connect it again; return once cards are seen."""

    async def close(self) -> None:
        """Clean up."""


async def next_tap(taps: AsyncIterator[Tap]) -> Tap:
    """The next tap, within a time that a busy machine keeps."""
    async with asyncio.timeout(TIMEOUT_S):
        return await anext(taps)


@contextmanager
def logged(words: str) -> Iterator[threading.Event]:
    """An event that is set once a log line has `words`."""
    told = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if words in record.getMessage():
                told.set()

    listener, log = Listener(), logging.getLogger("drivers.nfc")
    before = log.level
    log.addHandler(listener)
    log.setLevel(logging.DEBUG)
    try:
        yield told
    finally:
        log.setLevel(before)
        log.removeHandler(listener)


class SimulatedBench:
    """The simulated reader, in this process."""

    def __init__(self, simulated: SimulatedReader | None = None) -> None:
        self._simulated = simulated or SimulatedReader()
        self.reader: NfcReader = self._simulated

    async def ready(self) -> None:
        """It is."""

    async def hold(self, card: SimulatedCard) -> None:
        await self._simulated.tap(card, hold_s=60.0)

    async def take_away(self) -> None:
        self._simulated.tear_away()

    async def tear(self, card: SimulatedCard, after: int) -> None:
        assert await self._simulated.tap(card, hold_s=60.0, torn_after=after) is None

    async def unplug(self) -> None:
        self._simulated.unplug()

    async def plug(self) -> None:
        self._simulated.plug()

    async def close(self) -> None:
        await self._simulated.close()
