"""The simulated reader's stage directions."""

from __future__ import annotations

import asyncio
import logging

import pytest

from drivers.errors import DeviceSetup
from drivers.nfc import open_nfc_reader
from drivers.nfc.card import SimulatedCard
from drivers.nfc.simulated import SimulatedReader
from drivers.nfc.stream import KEPT_TAPS
from tests.drivers.nfc.bench import next_tap

ANNA = SimulatedCard(bytes.fromhex("04A1B2C3D4E5F6"), "LOYALTY123")


class DeadCard(SimulatedCard):
    """In the field, but refuses everything."""

    def answer(self, command: bytes) -> bytes:
        return bytes.fromhex("6300")


class WatchedCard(SimulatedCard):
    """Tells when it is first spoken to."""

    def __init__(self) -> None:
        super().__init__(ANNA.uid, "LOYALTY123")
        self.loop = asyncio.get_running_loop()
        self.spoken_to = asyncio.Event()

    def answer(self, command: bytes) -> bytes:
        self.loop.call_soon_threadsafe(self.spoken_to.set)
        return super().answer(command)


@pytest.fixture
def reader() -> SimulatedReader:
    return SimulatedReader()


async def test_it_opens_by_url() -> None:
    reader = open_nfc_reader("simulated:")
    assert isinstance(reader, SimulatedReader)
    with pytest.raises(DeviceSetup, match="unknown option 'reader'"):
        open_nfc_reader("simulated:?reader=x")
    with pytest.raises(DeviceSetup, match="known: simulated:, pcsc:"):
        open_nfc_reader("rfid:")


async def test_a_tap_says_what_the_reader_made_of_it(reader: SimulatedReader) -> None:
    taps = reader.taps()
    tap = await reader.tap(ANNA)
    assert tap is not None
    assert tap.loyalty_id == "LOYALTY123"
    assert await next_tap(taps) == tap


async def test_a_card_stays_until_it_is_taken(reader: SimulatedReader) -> None:
    await reader.tap(ANNA, hold_s=60)
    assert reader.card is ANNA
    reader.tear_away()
    assert reader.card is None


async def test_torn_away_in_the_middle(reader: SimulatedReader) -> None:
    card = WatchedCard()
    tapping = asyncio.create_task(reader.tap(card, hold_s=60))
    await asyncio.wait_for(card.spoken_to.wait(), 5)
    reader.tear_away()
    assert await tapping is None
    assert await reader.tap(ANNA) is not None


async def test_held_too_shortly(reader: SimulatedReader, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert await reader.tap(ANNA, hold_s=0.001) is None
    assert "left the reader before it was read" in caplog.text


async def test_a_card_that_cannot_be_read_is_logged(reader: SimulatedReader, caplog: pytest.LogCaptureFixture) -> None:
    assert await reader.tap(DeadCard(ANNA.uid)) is None
    assert "does not say its UID: status 6300" in caplog.text


async def test_an_unplugged_reader_sees_nothing(reader: SimulatedReader) -> None:
    reader.unplug()
    assert not reader.plugged
    assert await reader.tap(ANNA) is None
    reader.plug()
    assert await reader.tap(ANNA) is not None


async def test_unplugging_in_the_middle(reader: SimulatedReader) -> None:
    card = WatchedCard()
    tapping = asyncio.create_task(reader.tap(card, hold_s=60))
    await asyncio.wait_for(card.spoken_to.wait(), 5)
    reader.unplug()
    assert await tapping is None


async def test_who_does_not_read_loses_the_oldest(reader: SimulatedReader, caplog: pytest.LogCaptureFixture) -> None:
    taps = reader.taps()
    for number in range(KEPT_TAPS + 2):
        await reader.tap(SimulatedCard(ANNA.uid, f"N{number}"))
    await reader.close()
    assert [tap.loyalty_id async for tap in taps] == [f"N{number}" for number in range(2, KEPT_TAPS + 2)]
    assert caplog.text.count("dropped") == 2


async def test_a_stream_that_is_let_go_of_costs_nothing(reader: SimulatedReader) -> None:
    taps = reader.taps()
    del taps
    assert len(reader._streams._streams) == 0
