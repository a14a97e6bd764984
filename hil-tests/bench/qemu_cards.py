"""Simulated cards on QEMU's USB card reader: the far end of its `ccid-card-passthru`.

QEMU connects to us and speaks the VSCARD protocol of libcacard (vscard_common.h; QEMU's docs/system/devices/ccid.rst
tells the course of it). A message is 12 bytes of header, type, reader and length as big-endian 32-bit numbers, and a
payload.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from enum import IntEnum
from pathlib import Path
from typing import Final

from bench.waiting import hold
from drivers.nfc.card import SimulatedCard
from drivers.nfc.simulated import AIR_TIME_S

_HEADER: Final = struct.Struct(">III")
_MAGIC: Final = b"VSCD"
_VERSION: Final = 2
_NO_CARD: Final = b"\x63\x00"  # "operation failed" (PC/SC 2.01, part 3, 3.2.2.1.3)
_ANY_READER: Final = 0xFFFFFFFF
_READER: Final = 0


# How long a reader takes to see that a card is gone, in an emulated machine's time.
_SEEN_S: Final = 1.0


class _Type(IntEnum):
    INIT = 1
    ERROR = 2
    READER_ADD = 3
    ATR = 5
    CARD_REMOVE = 6
    APDU = 7


class VscardField:
    """The field of the virtual reader, served at the Unix socket `path`, for one machine after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connected = asyncio.Event()
        self.asked = asyncio.Event()
        """Set by each command that a card in the field got."""
        self._card: SimulatedCard | None = None
        self._left = asyncio.Event()
        self._commands_left: int | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Be there for a machine."""
        self._server = await asyncio.start_unix_server(self._serve, str(self.path))

    async def close(self) -> None:
        """Be gone."""
        if self._server is not None:
            self._server.close()
        for each in list(self._serving):
            each.cancel()
        if self._serving:
            await asyncio.wait(self._serving)

    # Stage directions

    def insert(self, card: SimulatedCard, *, torn_after: int | None = None) -> None:
        """Bring `card` into the field. With `torn_after` it leaves when it is asked for more than so many commands."""
        self._card, self._commands_left = card, torn_after
        self._left.clear()
        self.asked.clear()
        self._send(_Type.ATR, card.atr)

    def remove(self) -> None:
        """Take the card out of the field, if there is one."""
        if self._card is not None:
            self._card = None
            self._send(_Type.CARD_REMOVE)
        self._left.set()

    async def left(self) -> None:
        """Return when there is no card."""
        await self._left.wait()

    async def read(self, patience_s: float, quiet_s: float) -> None:
        """Return when a card was asked and then let be for `quiet_s`, or was never asked for `patience_s`."""
        waits_s = patience_s
        while True:
            try:
                await asyncio.wait_for(self.asked.wait(), waits_s)
            except TimeoutError:
                return
            self.asked.clear()
            waits_s = quiet_s

    # The protocol

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self._writer = writer
        self._greet()
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    kind, _, length = _HEADER.unpack(await reader.readexactly(_HEADER.size))
                    await self._take(kind, await reader.readexactly(length))
        except asyncio.CancelledError:
            pass  # we are closed
        finally:
            self._serving.discard(task)
            if self._writer is writer:
                self._writer = None
                self.connected.clear()
            writer.close()

    def _greet(self) -> None:
        self._send(_Type.INIT, _MAGIC + struct.pack(">II", _VERSION, 0), reader=_ANY_READER)
        self._send(_Type.READER_ADD, reader=_ANY_READER)
        if self._card is not None:
            self._send(_Type.ATR, self._card.atr)
        self.connected.set()

    async def _take(self, kind: int, payload: bytes) -> None:
        """Answer a command; QEMU's other words say only that it understood."""
        if kind != _Type.APDU:
            return
        self.asked.set()
        card = self._card
        if card is None or self._commands_left == 0:
            # As readers do: first commands fail, then the card is seen to be gone. QEMU would leave a command without
            # an answer pending for minutes, and drop the answer to one that comes with the card's end.
            self._send(_Type.APDU, _NO_CARD)
            if card is not None:
                asyncio.get_running_loop().call_later(_SEEN_S, self._gone, card)
            return
        if self._commands_left is not None:
            self._commands_left -= 1
        await hold(AIR_TIME_S)
        self._send(_Type.APDU, card.answer(payload))

    def _gone(self, card: SimulatedCard) -> None:
        if self._card is card:
            self.remove()

    def _send(self, kind: _Type, payload: bytes = b"", *, reader: int = _READER) -> None:
        if self._writer is not None:
            self._writer.write(_HEADER.pack(kind, reader, len(payload)) + payload)
