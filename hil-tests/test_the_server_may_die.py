"""The server may die: orders go on when it is back, and nothing is done twice."""

from __future__ import annotations

from bench.deeds import Deed, Sight
from bench.lobby import Lobby, needs
from bench.orders import a_receipt
from edge.contract import ui
from edge.contract.subjects import CARD_TAP, PRINT_RECEIPT


@needs(Deed.KILL_SERVER, Deed.TAP, Sight.RECEIPTS)
async def test_a_customer_goes_on_where_they_were(lobby: Lobby) -> None:
    await lobby.start()
    cart = await lobby.order()
    await lobby.do(Deed.KILL_SERVER)
    await lobby.do(Deed.START_SERVER)
    await lobby.until_up()
    await lobby.go_to_pay()
    await lobby.pay("good")
    paid = await lobby.part(ui.ReceiptInfo, lambda receipt: receipt.printed is not None)
    assert paid.total == cart.total
    await lobby.receipt("Volcano Burger")
    assert await lobby.receipts() == 1, lobby.papers()


@needs(Deed.KILL_SERVER, Deed.TAP)
async def test_a_tap_is_heard_after_it(lobby: Lobby) -> None:
    await lobby.do(Deed.KILL_SERVER)
    await lobby.do(Deed.START_SERVER)
    await lobby.until_up()
    await lobby.do(Deed.TAP, "loyalty")
    await lobby.until(CARD_TAP)
    assert len(lobby.all(CARD_TAP)) == 1


@needs(Deed.KILL_SERVER, Sight.RECEIPTS)
async def test_what_was_printed_is_not_printed_again(lobby: Lobby) -> None:
    ask = a_receipt()
    await lobby.ask(PRINT_RECEIPT, ask)
    await lobby.do(Deed.KILL_SERVER)
    await lobby.do(Deed.START_SERVER)
    await lobby.until_up()
    await lobby.ask(PRINT_RECEIPT, ask)
    await lobby.receipt(ask.transaction_id or "")
    assert await lobby.receipts() == 1, lobby.papers()
