"""The card reader: simulated, or a real pcscd with vpcd's virtual reader."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from bench import BenchUnusable
from bench.deeds import Deed
from bench.stations import Assembled, Doing
from bench.surroundings import Surroundings
from bench.waiting import until
from drivers.isolated import open_nfc_reader
from drivers.nfc import NfcReader
from drivers.nfc.card import SimulatedCard
from drivers.nfc.simulated import SimulatedReader
from drivers.nfc.vpcd import VpcdField
from drivers.nfc.winscard import Context
from drivers.states import Condition
from edge.virtual.stage import wallet
from tests.drivers.nfc import pcscd

HOLD_S: Final = 0.5  # a quick person
TORN_AFTER: Final = 2  # commands answered: its UID and a page
_LAID_S: Final = 600.0
_NOTICED_S: Final = 10.0
_READ_S: Final = 10.0  # how long a patient person holds a card that isn't read, on a busy machine
_QUIET_S: Final = 0.3  # no command for so long: the reader is done with the card


def card(name: str) -> SimulatedCard:
    """A card of the wallet."""
    for each in wallet():
        if each.id == name:
            return each.card
    raise BenchUnusable(f"there is no card {name!r} in the wallet")


class SimulatedCards:
    """The simulated reader."""

    how = "simulated reader; cards that answer the APDUs of an NTAG213"
    lacks: Mapping[Deed, str] = {
        Deed.KILL_READER_SERVICE: "the simulated reader has no service",
        Deed.START_READER_SERVICE: "the simulated reader has no service",
    }

    async def open(self) -> NfcReader:
        """See `Station`."""
        self._reader = SimulatedReader()
        return self._reader

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        reader = self._reader
        return {
            Deed.TAP: self._tap,
            Deed.TEAR: lambda name: reader.tap(card(name), hold_s=_LAID_S, torn_after=TORN_AFTER),
            Deed.LAY_CARD: lambda name: reader.tap(card(name), hold_s=_LAID_S),
            Deed.TAKE_CARD: lambda _: reader.tear_away(),
            Deed.UNPLUG_READER: lambda _: reader.unplug(),
            Deed.PLUG_READER: lambda _: reader.plug(),
        }

    async def _tap(self, name: str) -> None:
        await self._reader.tap(card(name), hold_s=HOLD_S)
        self._reader.tear_away()

    async def close(self) -> None:
        """See `Station`."""
        await self._reader.close()


class _FeltCard(SimulatedCard):
    """A card that knows when it was last asked something."""

    def __init__(self, original: SimulatedCard) -> None:
        super().__init__(original.uid, original.loyalty_id, atr=original.atr)
        self._asked = asyncio.Event()

    def answer(self, command: bytes) -> bytes:
        """See `SimulatedCard`."""
        self._asked.set()
        return super().answer(command)

    async def read(self) -> None:
        """Return when a reader read it and let it be, or nobody did for longer than a person waits."""
        patience_s = _READ_S
        while True:
            try:
                await asyncio.wait_for(self._asked.wait(), patience_s)
            except TimeoutError:
                return
            self._asked.clear()
            patience_s = _QUIET_S


class PcscCards(Assembled):
    """pyscard on a private pcscd; vpcd is the reader on its USB, and simulated cards are in its field."""

    how = "pyscard on a private pcscd, in a process of its own; vpcd's reader on a USB cable that can be pulled"
    lacks: Mapping[Deed, str] = {}

    def __init__(self, folder: Path, surroundings: Surroundings) -> None:
        super().__init__()
        self._home = folder / "pcscd"
        self._surroundings = surroundings

    async def assemble(self) -> NfcReader:
        """See `Assembled`."""
        reason = pcscd.missing()
        if reason is not None:
            raise BenchUnusable(reason)
        self._surroundings.set({"PCSCLITE_CSOCK_NAME": str(pcscd.Pcscd.socket_of(self._home))})
        self._daemon = pcscd.Pcscd(self._home)
        self._leaving.push_async_callback(self._daemon.kill)
        await self._daemon.start()
        self._field = VpcdField(self._daemon.port)
        self._leaving.push_async_callback(lambda: self._field.remove())  # noqa: PLW0108 - it is another after a restart
        # Exactly the one: vpcd has a second slot beside it, and pcscd may list that one first after the cable was out.
        self._reader = await asyncio.to_thread(open_nfc_reader, f"pcsc:?reader={quote(pcscd.READER)}")
        self._leaving.push_async_callback(self._reader.close)
        return self._reader

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        return {
            Deed.TAP: self._tap,
            Deed.TEAR: self._tear,
            Deed.LAY_CARD: self._lay,
            Deed.TAKE_CARD: lambda _: self._take(),
            Deed.UNPLUG_READER: lambda _: self._unplug(),
            Deed.PLUG_READER: lambda _: self._plug(),
            Deed.KILL_READER_SERVICE: lambda _: self._kill(),
            Deed.START_READER_SERVICE: lambda _: self._start(),
        }

    async def _tap(self, name: str) -> None:
        await self._lay(name)
        await self._take()

    async def _lay(self, name: str) -> None:
        await self._until_ready(True)
        held = _FeltCard(card(name))
        await self._field.insert(held)
        await held.read()

    async def _take(self) -> None:
        await self._field.remove()
        await self._until_empty()

    async def _tear(self, name: str) -> None:
        await self._until_ready(True)
        await self._field.insert(card(name), torn_after=TORN_AFTER)
        async with asyncio.timeout(_NOTICED_S):
            await self._field.left()
        await self._until_empty()

    async def _unplug(self) -> None:
        await self._field.remove()
        self._daemon.pull()
        await self._until_ready(False)

    async def _plug(self) -> None:
        self._daemon.put_back()
        await self._until_ready(True)

    async def _kill(self) -> None:
        await self._field.remove()
        await self._daemon.kill()
        await self._until_ready(False)

    async def _start(self) -> None:
        await self._daemon.start()
        self._field = VpcdField(self._daemon.port)
        await self._until_ready(True)

    async def _until_ready(self, ready: bool) -> None:
        """As a person who waits for the reader's light."""

        async def true() -> bool:
            return ((await self._reader.state()).condition is Condition.READY) is ready

        await until(true, f"the reader is {'ready' if ready else 'lost'}")

    async def _until_empty(self) -> None:
        await asyncio.to_thread(_until_empty)


def _until_empty() -> None:
    with Context() as context:
        state = context.state(pcscd.READER)
        while state.present:
            changed = context.change(pcscd.READER, state, _NOTICED_S)
            if changed is None:
                raise BenchUnusable("pcscd still sees the card that was taken away")
            state = changed
