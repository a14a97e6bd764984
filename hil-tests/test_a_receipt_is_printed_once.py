"""A receipt is printed once, whoever asks for it again."""

from __future__ import annotations

import asyncio
import uuid

from bench.deeds import Deed, Sight
from bench.lobby import Lobby, needs
from bench.orders import a_receipt
from edge.contract.hardware import PrintedItem, PrintReceipt
from edge.contract.money import Money
from edge.contract.subjects import PRINT_RECEIPT


@needs(Deed.TAP, Sight.RECEIPTS)
async def test_a_paid_order_has_one_receipt(lobby: Lobby) -> None:
    paid = await lobby.buy(101)
    assert paid.printed, paid.problem
    await lobby.receipt("Volcano Burger", str(paid.total), paid.transaction_id)
    await lobby.touch("done")
    await lobby.screen("says goodbye", lambda screen: screen.layout_mode == "goodbye")
    assert await lobby.receipts() == 1


@needs(Sight.RECEIPTS)
async def test_asking_again_prints_nothing_more(lobby: Lobby) -> None:
    ask, another = a_receipt(), a_receipt()
    for _ in range(3):
        await lobby.ask(PRINT_RECEIPT, ask)
    await asyncio.gather(*(lobby.ask(PRINT_RECEIPT, ask) for _ in range(3)))
    await lobby.ask(PRINT_RECEIPT, another)
    await lobby.receipt(ask.transaction_id or "")
    await lobby.receipt(another.transaction_id or "")
    assert await lobby.receipts() == 2


@needs(Sight.RECEIPTS)
async def test_what_people_write_comes_out_right(lobby: Lobby) -> None:
    ask = PrintReceipt(
        order_id=str(uuid.uuid4()),
        items=[PrintedItem(name="Crème brûlée, jalapeños", qty=2, price=Money.of("4.50"))],
        total=Money.of("9.00"),
    )
    await lobby.ask(PRINT_RECEIPT, ask)
    await lobby.receipt("Crème brûlée, jalapeños", "9.00")
