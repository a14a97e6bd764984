"""The payment agent on a real server, with a customer's card."""

from __future__ import annotations

import asyncio

from edge.bus import Client
from edge.contract.envelope import is_uuid4
from edge.contract.money import Money
from edge.contract.subjects import PAYMENT_PROCESS
from tests.edge.agents.payment.shop import Shop, order, tap


async def test_a_tap_pays(bus: Client, shop: Shop) -> None:
    await shop.open()
    asked = asyncio.create_task(bus.request(PAYMENT_PROCESS, order()))
    assert await shop.journal.next_begun() == "order-1"
    await tap(bus)
    paid = await asked
    assert (paid.status, paid.amount_charged, paid.error) == ("success", Money(2647), None)
    assert is_uuid4(paid.transaction_id)
    assert paid.loyalty_points_earned == 0
    assert paid.receipt_url == f"/receipts/{paid.transaction_id}.pdf"
    assert (shop.receipts_dir / f"{paid.transaction_id}.pdf").read_bytes().startswith(b"%PDF-")
    assert shop.approved() == [("order-1/1", 2647)]
    assert shop.states() == ["paid"]
