"""A card torn away before it was read is no tap, and the next one is heard."""

from __future__ import annotations

from bench.deeds import Deed
from bench.lobby import Lobby, needs
from edge.contract.subjects import CARD_TAP


@needs(Deed.TEAR, Deed.TAP)
async def test_a_torn_card_is_not_told_and_the_next_is(lobby: Lobby) -> None:
    for _ in range(3):
        await lobby.do(Deed.TEAR, "loyalty")
    await lobby.do(Deed.TAP, "good")
    tap = await lobby.until(CARD_TAP)
    assert tap.loyalty_id is None
    assert len(lobby.all(CARD_TAP)) == 1


@needs(Deed.TEAR, Deed.TAP)
async def test_a_torn_payment_card_pays_nothing(lobby: Lobby) -> None:
    await lobby.start()
    await lobby.order()
    await lobby.go_to_pay()
    await lobby.do(Deed.TEAR, "loyalty")
    shown = await lobby.pay("good")
    assert shown.layout_mode == "receipt"
    assert all(tap.loyalty_id is None for tap in lobby.all(CARD_TAP))
