"""What every NFC reader promises, simulated or behind a real PC/SC service.

A backend that is broken in one of these ways turns it red; `test_broken.py` breaks both of them so and sees it:

1. one contact gives more than one tap,
2. a card torn away gives a tap all the same,
3. after a loss no card is seen any more,
4. a card that lay on the reader through a loss is a second tap,
5. the state says "ready" of a reader that is gone,
6. a card's UID reaches the log,
7. `close` leaves those who listen waiting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from drivers.nfc.card import PAYMENT_CARD_ATR, SimulatedCard
from drivers.states import READY, Condition
from tests.drivers.nfc.bench import QUIET_S, Bench, SimulatedBench, next_tap
from tests.drivers.nfc.pcscd import WireBench

ANNA = SimulatedCard(bytes.fromhex("04A1B2C3D4E5F6"), "LOYALTY123")
BERT = SimulatedCard(bytes.fromhex("0411223344556F"), "bert.42")
PLAIN = SimulatedCard(bytes.fromhex("DEADBEEF"))
BANK = SimulatedCard(bytes.fromhex("08C0FFEE"), atr=PAYMENT_CARD_ATR)
JUNK = SimulatedCard(bytes.fromhex("04DEADDEADDEAD"), memory=b"\x03\xff\xff" + b"\xa5" * 100)


@pytest.fixture(params=["simulated", "wire"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """A simulated reader, and a real PC/SC service with the same cards behind vpcd."""
    if request.param == "wire":
        opened: Bench = WireBench(request.getfixturevalue("pcscd_home"))
    else:
        opened = SimulatedBench()
    try:
        await opened.ready()
        yield opened
    finally:
        await opened.close()


async def test_a_loyalty_card_is_read_completely(bench: Bench) -> None:
    taps = bench.reader.taps()
    await bench.hold(ANNA)
    tap = await next_tap(taps)
    assert tap.uid == ANNA.uid
    assert tap.loyalty_id == "LOYALTY123"
    assert tap.card_type == "MIFARE Ultralight"
    assert tap.reader == bench.reader.name


@pytest.mark.parametrize(
    ("card", "card_type"),
    [(PLAIN, "MIFARE Ultralight"), (BANK, "ISO 14443-4"), (JUNK, "MIFARE Ultralight")],
    ids=["plain", "bank", "junk"],
)
async def test_a_card_without_loyalty_is_a_tap(bench: Bench, card: SimulatedCard, card_type: str) -> None:
    taps = bench.reader.taps()
    await bench.hold(card)
    tap = await next_tap(taps)
    assert (tap.uid, tap.card_type, tap.loyalty_id) == (card.uid, card_type, None)


async def test_once_a_contact_and_again_with_the_next(bench: Bench) -> None:
    taps = bench.reader.taps()
    seen = []
    for card in (ANNA, BERT, BERT, ANNA):
        await bench.hold(card)
        seen.append((await next_tap(taps)).loyalty_id)
        await bench.take_away()
    assert seen == ["LOYALTY123", "bert.42", "bert.42", "LOYALTY123"]


@pytest.mark.parametrize("after", [0, 1, 3])
async def test_a_card_torn_away_gives_no_tap_and_the_next_one_does(bench: Bench, after: int) -> None:
    taps = bench.reader.taps()
    await bench.tear(ANNA, after)
    await bench.hold(BERT)
    assert (await next_tap(taps)).loyalty_id == "bert.42"


async def test_a_reader_lost_and_found_goes_on(bench: Bench) -> None:
    taps = bench.reader.taps()
    await bench.hold(ANNA)
    await next_tap(taps)
    await bench.take_away()
    await bench.unplug()
    await bench.plug()
    await bench.hold(BERT)
    assert (await next_tap(taps)).loyalty_id == "bert.42"


async def test_a_card_that_lies_there_through_a_loss_is_no_second_tap(bench: Bench) -> None:
    taps = bench.reader.taps()
    await bench.hold(ANNA)
    await next_tap(taps)
    await bench.unplug()
    await bench.plug()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(QUIET_S):
            await anext(taps)
    await bench.take_away()
    await bench.hold(BERT)
    assert (await next_tap(taps)).loyalty_id == "bert.42"


async def test_the_state_follows_the_reader(bench: Bench) -> None:
    assert await bench.reader.state() == READY
    await bench.unplug()
    gone = await bench.reader.state()
    assert (gone.condition, gone.code) == (Condition.ABSENT, "lost")
    assert "unplugged" in gone.reason
    await bench.plug()
    async with asyncio.timeout(20):
        while await bench.reader.state() != READY:  # found again, once pcscd has it
            pass
    await bench.reader.close()
    closed = await bench.reader.state()
    assert (closed.condition, closed.reason) == (Condition.ABSENT, f"{bench.reader.name}: closed")


async def test_asking_for_the_state_disturbs_no_tap(bench: Bench) -> None:
    taps = bench.reader.taps()
    asked = asyncio.gather(*(bench.reader.state() for _ in range(20)))
    await bench.hold(ANNA)
    assert (await next_tap(taps)).loyalty_id == "LOYALTY123"
    assert set(await asked) == {READY}


async def test_everyone_who_listens_hears_every_tap(bench: Bench) -> None:
    first, second = bench.reader.taps(), bench.reader.taps()
    await bench.hold(ANNA)
    assert (await next_tap(first)) == (await next_tap(second))


async def test_taps_before_one_listens_are_not_heard(bench: Bench) -> None:
    early = bench.reader.taps()
    await bench.hold(ANNA)
    await next_tap(early)
    await bench.take_away()
    late = bench.reader.taps()
    await bench.hold(BERT)
    assert (await next_tap(late)).loyalty_id == "bert.42"


async def test_close_ends_the_taps(bench: Bench) -> None:
    taps = bench.reader.taps()
    await bench.reader.close()
    assert [tap async for tap in taps] == []
    assert [tap async for tap in bench.reader.taps()] == []
    await bench.reader.close()


async def test_no_uid_reaches_a_log(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    taps = bench.reader.taps()
    await bench.hold(JUNK)
    tap = await next_tap(taps)
    await bench.take_away()
    await bench.tear(ANNA, 1)
    logging.getLogger("test").warning("%s %r", tap, tap)
    heard = caplog.text.lower()
    assert "no loyalty id" in heard
    for card in (JUNK, ANNA):
        assert card.uid.hex() not in heard
        assert repr(card.uid).lower() not in heard
