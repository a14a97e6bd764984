"""Simulated cards on a real wire: the card's end of vpcd, the virtual reader of Debian's package vsmartcard-vpcd.

pcscd loads vpcd as it loads a reader's driver; whoever connects to vpcd's TCP port is a card in its field. So the
cards of `card.py` reach the unmodified PC/SC stack and our real backend. The protocol: each message is 2 bytes of
length and a payload; from the reader, one byte is a control (power off, power on, reset, or "your ATR?", the only one
to be answered) and more are a command APDU.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Final

from drivers.errors import DeviceAbsent
from drivers.nfc.card import SimulatedCard

CONNECT_TIMEOUT_S: Final = 5.0

_SAY_ATR: Final = b"\x04"


class VpcdField:
    """The field of one virtual reader: `host` and `port` are where vpcd listens."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._place = (host, port)
        self._serving: asyncio.Task[None] | None = None

    async def insert(self, card: SimulatedCard, *, torn_after: int | None = None) -> None:
        """Bring `card` into the field, in place of what is there.

        It stays until `remove`; with `torn_after` it leaves by itself when it is asked for more than so many
        commands. When the reader notices is up to pcscd, which looks every 0.4 s.

        Raises:
            DeviceAbsent: no vpcd listens there.
        """
        await self.remove()
        loop = asyncio.get_running_loop()
        wire = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        wire.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await loop.sock_connect(wire, self._place)
        except OSError as error:  # TimeoutError is one
            wire.close()
            host, port = self._place
            raise DeviceAbsent(f"no vpcd at {host}:{port}: {error}") from error
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._serving = asyncio.create_task(_serve(wire, card, torn_after), name="vpcd card")
        # A card taken away at once is cancelled before its first step, which no `with` in there would see.
        self._serving.add_done_callback(lambda _: wire.close())

    async def remove(self) -> None:
        """Take the card out of the field, if there is one."""
        if self._serving is not None:
            self._serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._serving
            self._serving = None

    async def left(self) -> None:
        """Return when the card has left by itself: torn away, or the reader is gone."""
        if self._serving is not None:
            await asyncio.wait([self._serving])


async def _serve(wire: socket.socket, card: SimulatedCard, torn_after: int | None) -> None:
    loop = asyncio.get_running_loop()
    answered = 0
    with contextlib.suppress(ConnectionError, EOFError):  # the reader went away; so does the card
        while True:
            message = await _receive(wire, int.from_bytes(await _receive(wire, 2)))
            if len(message) > 1:
                if answered == torn_after:
                    return
                answered += 1
                answer = card.answer(message)
            elif message == _SAY_ATR:
                answer = card.atr
            else:
                continue
            await loop.sock_sendall(wire, len(answer).to_bytes(2) + answer)


async def _receive(wire: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        # vpcd sends length and payload apart, and waits 40 ms for a delayed acknowledgement between them.
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        part = await asyncio.get_running_loop().sock_recv(wire, size - len(data))
        if not part:
            raise EOFError
        data += part
    return data
