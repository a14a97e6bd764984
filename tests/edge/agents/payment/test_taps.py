"""A tap just before the order waits for a card pays for it; no tap does anything twice."""

from __future__ import annotations

import asyncio
import uuid

from edge.agents.payment.taps import COUNTS_FOR_S, Taps
from edge.bus import Client
from edge.bus.client import current
from edge.contract.envelope import NATSMessage
from edge.contract.input import CardTap
from edge.contract.subjects import CARD_TAP
from edge.contract.wire import to_bytes
from tests.edge.agents.payment.shop import DECLINED_CARD, GOOD_CARD, OTHER_CARD, FaultyGateway, Shop, order, tap
from tests.edge.agents.payment.test_agent import asking, cancelled, heard_all, waiting


async def tap_in(bus: Client, session_id: str, card: str) -> None:
    token = current.set(NATSMessage.create(session_id, {}))
    try:
        await tap(bus, card)
    finally:
        current.reset(token)


async def test_a_tap_just_before_the_reader_waits_pays(bus: Client, shop: Shop) -> None:
    await shop.open()
    await tap(bus)
    await heard_all(bus)
    assert (await asyncio.wait_for(asking(bus, order()), 10)).status == "success"
    assert len(shop.kept()) == 1


async def test_the_last_card_is_the_one(bus: Client, shop: Shop) -> None:
    await shop.open()
    await tap(bus, DECLINED_CARD)
    await tap(bus, GOOD_CARD)
    await heard_all(bus)
    assert (await asyncio.wait_for(asking(bus, order()), 10)).status == "success"


async def test_it_pays_for_one_order_only(bus: Client, shop: Shop) -> None:
    await shop.open()
    await tap(bus)
    await heard_all(bus)
    await (await waiting(bus, shop))
    second = await waiting(bus, shop, order("order-2"))
    await heard_all(bus)
    assert not second.done()
    assert await cancelled(bus, "order-2")
    assert (await second).status == "cancelled"
    assert shop.kept() == ["order-1/1"]


async def test_another_customers_tap_pays_for_nothing(bus: Client, shop: Shop) -> None:
    await shop.open()
    await tap_in(bus, str(uuid.uuid4()), OTHER_CARD)
    await heard_all(bus)
    asked = await waiting(bus, shop)
    await heard_all(bus)
    assert not asked.done()
    assert await cancelled(bus)
    assert shop.approved() == []


async def test_a_tap_while_the_card_is_charged_is_not_the_next_trys(bus: Client, shop: Shop) -> None:
    """Who holds a card that is then declined to the reader twice means to pay once."""
    gateway = FaultyGateway(shop.bank())
    gateway.go_on.clear()
    await shop.open(gateway)
    asked = await waiting(bus, shop)
    await tap(bus, DECLINED_CARD)
    await asyncio.wait_for(gateway.called.wait(), 10)
    await tap(bus, DECLINED_CARD)
    await heard_all(bus)
    gateway.go_on.set()
    assert (await asked).error_code == "PAYMENT_DECLINED"
    again = await waiting(bus, shop)
    await heard_all(bus)
    assert not again.done()
    await tap(bus)
    assert (await again).status == "success"


async def test_a_tap_that_is_told_twice_is_one(bus: Client, shop: Shop) -> None:
    await shop.open()
    _, told = bus.seal(to_bytes(CardTap(reader="test", card=DECLINED_CARD)))
    asked = await waiting(bus, shop)
    await bus.nc.publish(CARD_TAP.subject, told)
    assert (await asked).error_code == "PAYMENT_DECLINED"
    again = await waiting(bus, shop)
    await bus.nc.publish(CARD_TAP.subject, told)  # late, and once more
    await heard_all(bus)
    assert not again.done()
    await tap(bus)
    assert (await again).status == "success"
    assert shop.states() == ["declined", "captured"]


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_tap_counts_for_some_seconds() -> None:
    clock = Clock()
    taps = Taps(clock)
    taps.keep("session", "card")
    clock.now_s += COUNTS_FOR_S
    assert taps.take("session") == "card"
    taps.keep("session", "card")
    clock.now_s += COUNTS_FOR_S + 0.001
    assert taps.take("session") is None


def test_a_tap_is_used_up_by_whoever_comes_first() -> None:
    taps = Taps()
    taps.keep("session", "card")
    assert taps.take("other") is None
    assert taps.take("session") is None


def test_a_tap_of_no_session_is_nobodys() -> None:
    taps = Taps()
    taps.keep("", "card")
    assert taps.take("") is None


def test_a_message_is_new_once() -> None:
    taps = Taps()
    assert [taps.is_new(each) for each in ("a", "b", "a", "b")] == [True, True, False, False]
    for number in range(1000):
        assert taps.is_new(str(number))
