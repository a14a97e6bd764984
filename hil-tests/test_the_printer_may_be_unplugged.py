"""The printer may be unplugged: the customer is told, and afterwards the receipt comes, once."""

from __future__ import annotations

import pytest

from bench.deeds import Deed, Sight
from bench.lobby import Lobby, needs
from bench.orders import a_receipt
from edge.contract.errors import AskError
from edge.contract.subjects import PRINT_RECEIPT


@needs(Deed.TAP, Deed.UNPLUG_PRINTER, Sight.RECEIPTS)
async def test_who_paid_gets_a_link_instead(lobby: Lobby) -> None:
    await lobby.do(Deed.UNPLUG_PRINTER)
    paid = await lobby.buy()
    assert paid.printed is False
    assert paid.problem
    assert paid.link
    await lobby.do(Deed.PLUG_PRINTER)
    assert await lobby.receipts() == 0


@needs(Deed.UNPLUG_PRINTER, Sight.RECEIPTS)
async def test_it_prints_again_when_it_is_back(lobby: Lobby) -> None:
    for _ in range(3):
        ask = a_receipt()
        await lobby.do(Deed.UNPLUG_PRINTER)
        with pytest.raises(AskError):
            await lobby.ask(PRINT_RECEIPT, ask)
        await lobby.do(Deed.PLUG_PRINTER)
        await lobby.ask(PRINT_RECEIPT, ask)
        await lobby.receipt(ask.transaction_id or "")
    assert await lobby.receipts() == 3
