"""A customer is served by the booted image: a tap on its USB reader, a receipt on its serial printer."""

from __future__ import annotations

from bench.deeds import Deed, Sight
from bench.lobby import Lobby, needs
from edge.contract.subjects import CARD_TAP, SESSION_ENDED, SESSION_STARTED, TOUCH


@needs(Deed.TAP, Sight.RECEIPTS)
async def test_from_the_first_touch_to_the_receipt(lobby: Lobby) -> None:
    began_s = lobby.clock_s()
    paid = await lobby.buy(101)
    assert paid.printed, paid.problem
    paper = await lobby.receipt("Volcano Burger", str(paid.total), paid.transaction_id)
    assert paper.png is not None
    await lobby.touch("done")
    ended = await lobby.until(SESSION_ENDED)
    lobby.figure("touch to goodbye", f"{lobby.clock_s() - began_s:.1f} s")
    assert ended.reason == "completed"
    assert await lobby.receipts() == 1
    # What was said is kept, in the image's own stream, in the order of a visit. (Not by its times: the bench's clock,
    # which the touches are stamped by, isn't the image's.)
    kept = [message.msg_id async for message in lobby.bus.stored()]
    visit = [
        [message.msg_id async for message in lobby.bus.stored(event.subject)][-1]
        for event in (SESSION_STARTED, CARD_TAP, TOUCH, SESSION_ENDED)
    ]
    assert [each for each in kept if each in visit] == visit
