"""A declined card costs nothing: no receipt, and another card can pay."""

from __future__ import annotations

from bench.deeds import Deed, Sight
from bench.lobby import Lobby, needs
from edge.contract import ui


@needs(Deed.TAP, Sight.RECEIPTS)
async def test_another_card_pays_after_one_was_declined(lobby: Lobby) -> None:
    await lobby.start()
    await lobby.order()
    await lobby.go_to_pay()
    await lobby.pay("declined")
    prompt = await lobby.part(ui.PaymentPrompt)
    assert prompt.state == "declined"
    assert await lobby.receipts() == 0
    await lobby.touch("try_again")
    await lobby.part(ui.PaymentPrompt, lambda prompt: prompt.state == "waiting")
    await lobby.pay("good")
    await lobby.part(ui.ReceiptInfo, lambda receipt: bool(receipt.printed))
    await lobby.receipt("Volcano Burger")
    assert await lobby.receipts() == 1


@needs(Deed.TAP, Sight.RECEIPTS)
async def test_who_cancels_pays_nothing(lobby: Lobby) -> None:
    await lobby.start()
    await lobby.order()
    await lobby.go_to_pay()
    await lobby.touch("cancel")
    await lobby.screen("says goodbye", lambda screen: screen.layout_mode == "goodbye")
    await lobby.do(Deed.TAP, "good")
    assert await lobby.receipts() == 0
