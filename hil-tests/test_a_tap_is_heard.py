"""A tap is heard, once, and nothing of the card but a token leaves the reader."""

from __future__ import annotations

import statistics

from bench.deeds import Deed
from bench.lobby import Lobby, needs
from edge.contract.subjects import CARD_TAP
from edge.virtual.stage import wallet

_TAPS = 5


@needs(Deed.TAP)
async def test_each_tap_is_told_once(lobby: Lobby) -> None:
    for _ in range(_TAPS):
        await lobby.do(Deed.TAP, "loyalty")
        tap = await lobby.until(CARD_TAP)
        assert tap.loyalty_id
    assert len(lobby.all(CARD_TAP)) == _TAPS
    assert len({tap.card for tap in lobby.all(CARD_TAP)}) == 1


@needs(Deed.TAP)
async def test_two_cards_are_told_apart(lobby: Lobby) -> None:
    await lobby.do(Deed.TAP, "good")
    first = await lobby.until(CARD_TAP)
    await lobby.do(Deed.TAP, "loyalty")
    second = await lobby.until(CARD_TAP)
    assert first.card != second.card
    assert first.loyalty_id is None


@needs(Deed.TAP)
async def test_no_card_number_is_said_on_the_bus(lobby: Lobby) -> None:
    await lobby.do(Deed.TAP, "good")
    await lobby.until(CARD_TAP)
    said = lobby.everything_said().lower()
    for each in wallet():
        assert each.card.uid.hex() not in said


@needs(Deed.LAY_CARD)
async def test_a_card_that_lies_there_is_one_tap(lobby: Lobby) -> None:
    took_ms = []
    for _ in range(3):
        began_s = lobby.clock_s()
        await lobby.do(Deed.LAY_CARD, "loyalty")
        _, heard = await lobby.moment(CARD_TAP)
        took_ms.append((heard.at_s - began_s) * 1000)
        await lobby.do(Deed.TAKE_CARD)
    assert len(lobby.all(CARD_TAP)) == 3
    lobby.figure("tap to event, median", f"{statistics.median(took_ms):.0f} ms")
