"""Simulated cards at the far end of QEMU's card reader, against a reader of ours that speaks as QEMU does."""

from __future__ import annotations

import asyncio
import struct
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.qemu_cards import VscardField
from drivers.nfc.card import SimulatedCard
from drivers.nfc.reading import GET_UID, read_card, split_answer

UID = bytes.fromhex("04A1B2C3D4E5F6")
INIT, ERROR, READER_ADD, _, ATR, CARD_REMOVE, APDU = range(1, 8)


class Reader:
    """QEMU's end: what it is told, and commands for the card."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def told(self) -> tuple[int, bytes]:
        kind, _, length = struct.unpack(">III", await self._reader.readexactly(12))
        return kind, await self._reader.readexactly(length)

    def say(self, kind: int, payload: bytes) -> None:
        self._writer.write(struct.pack(">III", kind, 0, len(payload)) + payload)

    async def transmit(self, command: bytes) -> bytes:
        self.say(APDU, command)
        kind, answer = await self.told()
        assert kind == APDU
        return answer

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
async def field() -> AsyncIterator[VscardField]:
    # Short enough for a socket's name, which a test's folder may not be.
    with tempfile.TemporaryDirectory(prefix="vscard") as folder:
        field = VscardField(Path(folder) / "reader")
        await field.open()
        yield field
        await field.close()


async def connected(field: VscardField) -> Reader:
    return Reader(*await asyncio.open_unix_connection(str(field.path)))


async def plugged(field: VscardField) -> Reader:
    """A machine that the reader is plugged into."""
    reader = await connected(field)
    kind, payload = await reader.told()
    assert (kind, payload[:8]) == (INIT, b"VSCD" + struct.pack(">I", 2))
    assert await reader.told() == (READER_ADD, b"")
    return reader


async def test_a_card_tells_its_number_and_its_loyalty_id(field: VscardField) -> None:
    reader = await plugged(field)
    field.insert(SimulatedCard(UID, "loyal-1"))
    kind, atr = await reader.told()
    assert kind == ATR
    loop = asyncio.get_running_loop()

    def transmit(command: bytes) -> tuple[bytes, int]:
        return split_answer(asyncio.run_coroutine_threadsafe(reader.transmit(command), loop).result(10))

    tap = await asyncio.to_thread(read_card, "QEMU", atr, transmit)
    assert (tap.uid, tap.loyalty_id) == (UID, "loyal-1")
    field.remove()
    assert (await reader.told())[0] == CARD_REMOVE
    reader.close()


async def test_what_qemu_says_besides_is_no_command(field: VscardField) -> None:
    reader = await plugged(field)
    field.insert(SimulatedCard(UID))
    await reader.told()
    reader.say(INIT, b"VSCD" + struct.pack(">II", 2, 0))
    reader.say(ERROR, struct.pack(">I", 0))
    assert await reader.transmit(GET_UID) == UID + b"\x90\x00"
    reader.close()


async def test_a_torn_card_leaves_after_an_answer_that_is_none(field: VscardField) -> None:
    reader = await plugged(field)
    field.insert(SimulatedCard(UID), torn_after=1)
    await reader.told()
    await reader.transmit(GET_UID)
    assert await reader.transmit(GET_UID) == b"\x63\x00"
    assert (await reader.told())[0] == CARD_REMOVE
    await asyncio.wait_for(field.left(), 10)
    assert await reader.transmit(GET_UID) == b"\x63\x00"  # asked before it was known to be gone
    reader.close()


async def test_the_next_machine_finds_what_lies_there(field: VscardField) -> None:
    first = await plugged(field)
    card = SimulatedCard(UID)
    field.insert(card)
    await first.told()
    first.close()
    second = await plugged(field)
    assert await second.told() == (ATR, card.atr)
    second.close()


async def test_a_card_was_read_when_it_was_asked_and_let_be(field: VscardField) -> None:
    reader = await plugged(field)
    field.insert(SimulatedCard(UID))
    await reader.told()
    reading = asyncio.create_task(field.read(patience_s=30, quiet_s=0.05))
    await reader.transmit(GET_UID)
    await asyncio.wait_for(reading, 10)
    await field.read(patience_s=0.01, quiet_s=0.01)  # one that nobody asks is given up
    reader.close()
