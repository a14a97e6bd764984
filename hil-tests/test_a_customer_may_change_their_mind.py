"""A customer may walk away, come back, bring somebody or change their mind while tapping: one session, one outcome."""

from __future__ import annotations

import asyncio

from bench.deeds import Deed, Sight
from bench.lobby import Lobby, needs
from edge.contract import ui
from edge.contract.subjects import PERSON_DETECTED, PERSON_LEFT, SESSION_ENDED, SESSION_STARTED


def dishes(cart: ui.Cart) -> list[int]:
    return sorted(line.item_id for line in cart.lines)


@needs(Deed.SHOW)
async def test_who_walks_away_is_called_and_then_leaves_nothing_behind(lobby: Lobby) -> None:
    await lobby.do(Deed.SHOW, "customer")
    await lobby.until(PERSON_DETECTED)
    await lobby.start()
    await lobby.order()
    await lobby.do(Deed.SHOW, "nobody")
    await lobby.until(PERSON_LEFT)
    countdown = await lobby.part(ui.Countdown)
    assert countdown.kind == "left"
    assert (await lobby.until(SESSION_ENDED)).reason == "timeout"
    await lobby.screen("waits for the next", lambda screen: screen.layout_mode == "attract")
    await lobby.start()
    assert (await lobby.part(ui.Cart)).lines == []


@needs(Deed.SHOW)
async def test_who_comes_back_finds_their_order(lobby: Lobby) -> None:
    await lobby.do(Deed.SHOW, "customer")
    await lobby.until(PERSON_DETECTED)
    await lobby.start()
    await lobby.order()
    began, ended = len(lobby.all(SESSION_STARTED)), len(lobby.all(SESSION_ENDED))
    await lobby.do(Deed.SHOW, "nobody")
    await lobby.until(PERSON_LEFT)
    await lobby.do(Deed.SHOW, "customer")
    await lobby.until(PERSON_DETECTED)
    welcome = await lobby.part(ui.Caption, lambda caption: "still here" in caption.text)
    assert welcome.kind == "said"
    assert dishes(await lobby.part(ui.Cart)) == [101]
    assert (len(lobby.all(SESSION_STARTED)), len(lobby.all(SESSION_ENDED))) == (began, ended)


@needs(Deed.SHOW)
async def test_two_at_once_share_one_session_and_the_next_has_another(lobby: Lobby) -> None:
    await lobby.start()
    began = len(lobby.all(SESSION_STARTED))
    await asyncio.gather(lobby.do(Deed.SHOW, "customer"), lobby.add(101), lobby.touch("start"), lobby.add(201))
    both = await lobby.part(ui.Cart, lambda cart: len(cart.lines) == 2)
    assert dishes(both) == [101, 201]
    await lobby.until(PERSON_DETECTED)
    assert len(lobby.all(SESSION_STARTED)) == began
    await lobby.touch("cancel")
    await lobby.until(SESSION_ENDED)
    await lobby.start()  # the one who still stands there
    assert (await lobby.part(ui.Cart)).lines == []
    assert len(lobby.all(SESSION_STARTED)) == began + 1


@needs(Deed.TAP, Sight.RECEIPTS)
async def test_a_cancel_while_tapping_has_one_outcome(lobby: Lobby) -> None:
    """Either the card or the cancel was first, and screen, session and paper agree which."""
    for _ in range(3):
        await lobby.start()
        await lobby.order()
        before = await lobby.receipts()
        await lobby.go_to_pay()
        await asyncio.gather(lobby.do(Deed.TAP, "good"), lobby.touch("cancel"))
        shown = await lobby.screen("says how it went", lambda screen: screen.layout_mode in ("receipt", "goodbye"))
        paid = shown.layout_mode == "receipt"
        if paid:
            await lobby.part(ui.ReceiptInfo, lambda receipt: bool(receipt.printed))
            await lobby.touch("done")
        ended = await lobby.until(SESSION_ENDED)
        assert ended.reason == ("completed" if paid else "cancelled")
        assert await lobby.receipts() - before == int(paid)
        lobby.note("The card was first" if paid else "The cancel was first")
