"""The card reader may be unplugged: it comes back by itself, and makes no tap up."""

from __future__ import annotations

from bench.deeds import Deed
from bench.lobby import Lobby, needs
from edge.contract.subjects import CARD_TAP


@needs(Deed.UNPLUG_READER, Deed.TAP)
async def test_a_reader_that_comes_back_hears_the_next_card(lobby: Lobby) -> None:
    for _ in range(3):
        await lobby.do(Deed.UNPLUG_READER)
        await lobby.do(Deed.PLUG_READER)
        await lobby.do(Deed.TAP, "loyalty")
        await lobby.until(CARD_TAP)
    assert len(lobby.all(CARD_TAP)) == 3


@needs(Deed.UNPLUG_READER, Deed.LAY_CARD, Deed.TAP)
async def test_a_reader_that_comes_back_makes_no_tap_up(lobby: Lobby) -> None:
    await lobby.do(Deed.LAY_CARD, "loyalty")
    await lobby.until(CARD_TAP)
    await lobby.do(Deed.UNPLUG_READER)
    await lobby.do(Deed.PLUG_READER)
    await lobby.do(Deed.TAP, "good")
    last = await lobby.until(CARD_TAP)
    assert last.loyalty_id is None
    assert len(lobby.all(CARD_TAP)) == 2


@needs(Deed.UNPLUG_READER, Deed.TAP)
async def test_a_customer_pays_after_the_reader_came_back(lobby: Lobby) -> None:
    """Nobody is led to a reader that isn't there: Checkout is gone with it, and back with it."""
    await lobby.start()
    await lobby.order()
    await lobby.do(Deed.UNPLUG_READER)
    await lobby.screen("offers no Checkout", lambda screen: "Checkout" not in screen.suggested_actions)
    await lobby.do(Deed.PLUG_READER)
    await lobby.go_to_pay()
    shown = await lobby.pay("good")
    assert shown.layout_mode == "receipt"


@needs(Deed.KILL_READER_SERVICE, Deed.TAP)
async def test_a_killed_reader_service_costs_no_tap_and_makes_none_up(lobby: Lobby) -> None:
    for _ in range(2):
        await lobby.do(Deed.KILL_READER_SERVICE)
        await lobby.do(Deed.START_READER_SERVICE)
        await lobby.do(Deed.TAP, "loyalty")
        await lobby.until(CARD_TAP)
    assert len(lobby.all(CARD_TAP)) == 2
