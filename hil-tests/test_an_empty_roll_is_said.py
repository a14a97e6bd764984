"""An empty roll or an open cover is said, and the receipt can be had afterwards, once."""

from __future__ import annotations

import pytest

from bench.deeds import Deed, Sight
from bench.lobby import Lobby, needs
from bench.orders import a_receipt
from edge.contract.errors import AskError
from edge.contract.subjects import PRINT_RECEIPT

TROUBLES = [
    pytest.param(Deed.EMPTY_ROLL, Deed.LOAD_ROLL, "paper", marks=needs(Deed.EMPTY_ROLL), id="empty roll"),
    pytest.param(Deed.OPEN_COVER, Deed.CLOSE_COVER, "cover", marks=needs(Deed.OPEN_COVER), id="open cover"),
]


@needs(Deed.TAP, Sight.RECEIPTS)
@pytest.mark.parametrize(("trouble", "end", "word"), TROUBLES)
async def test_the_customer_is_told_and_has_paid(lobby: Lobby, trouble: Deed, end: Deed, word: str) -> None:
    await lobby.do(trouble)
    paid = await lobby.buy()
    assert paid.printed is False
    assert word in (paid.problem or "")
    assert paid.link
    assert await lobby.receipts() == 0
    await lobby.do(end)


@needs(Sight.RECEIPTS)
@pytest.mark.parametrize(("trouble", "end", "word"), TROUBLES)
async def test_the_receipt_can_be_had_afterwards_and_once(lobby: Lobby, trouble: Deed, end: Deed, word: str) -> None:
    ask = a_receipt()
    await lobby.do(trouble)
    with pytest.raises(AskError, match=word) as refused:
        await lobby.ask(PRINT_RECEIPT, ask)
    assert refused.value.code == "HARDWARE_ERROR"
    await lobby.do(end)
    for _ in range(2):
        await lobby.ask(PRINT_RECEIPT, ask)
    await lobby.receipt(ask.transaction_id or "")
    assert await lobby.receipts() == 1
