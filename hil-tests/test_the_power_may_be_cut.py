"""The power may be cut: the kiosk comes back by itself, and no stored event is lost."""

from __future__ import annotations

from bench.deeds import Deed
from bench.lobby import Lobby, needs
from edge.contract.subjects import CARD_TAP, UI_UPDATE

_BACK_WITHIN_S = 180.0  # from power to an order being possible, on a slow card


@needs(Deed.CUT_POWER, Deed.TAP)
async def test_a_kiosk_comes_back_with_what_it_stored(lobby: Lobby) -> None:
    await lobby.start()
    await lobby.do(Deed.TAP, "loyalty")
    await lobby.until(CARD_TAP)
    stored = [message.msg_id async for message in lobby.bus.stored(CARD_TAP.subject)]
    await lobby.do(Deed.CUT_POWER)
    began_s = lobby.clock_s()
    await lobby.do(Deed.RESTORE_POWER)
    await lobby.until_up(timeout_s=_BACK_WITHIN_S)
    lobby.figure("power to all agents up", f"{lobby.clock_s() - began_s:.0f} s")
    after = {message.msg_id async for message in lobby.bus.stored(CARD_TAP.subject)}
    assert set(stored) <= after
    await lobby.touch("start")
    await lobby.until(UI_UPDATE)
