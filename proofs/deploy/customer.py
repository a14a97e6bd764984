"""A customer who is in the middle of an order when a deployment comes, and takes it to the receipt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from edge.contract import ui
from edge.contract.session import Service, SetService
from edge.contract.subjects import SET_SERVICE
from proofs.powercuts.customer import Customers, NotServed

_LOOK_S = 1.0


class Unhurried(Customers):
    """Thinks for a while between the dishes and the bill."""

    async def order_and_pay_after(self, dishes: list[int], thinking: Callable[[], Awaitable[None]]) -> str:
        """A whole visit with `thinking` before it is paid; the order's id.

        Raises:
            NotServed: some step did not come.
        """
        await self._order(dishes)
        await thinking()
        await self._touch("checkout")
        await self._until("asks for confirmation", lambda screen: screen.layout_mode == "confirm")
        await self._touch("pay")
        await self._part(ui.PaymentPrompt, lambda prompt: prompt.state == "waiting")
        receipt = await self._pay()
        self._acks.paid(receipt.order_id, receipt.transaction_id)
        await self._part(ui.ReceiptInfo, lambda shown: shown.printed is not None)
        await self._touch("done")
        return receipt.order_id

    async def until_told_that_it_closes(self, within_s: float) -> Service:
        """Wait until somebody has asked for the kiosk to be closed, while we are still served; what it says.

        Raises:
            NotServed: nobody did, or we aren't served any more.
        """
        try:
            async with asyncio.timeout(within_s):
                while True:
                    told = await self._client.request(SET_SERVICE, SetService())
                    if not told.serving:
                        raise NotServed(f"the customer isn't served any more: {told}")
                    if told.closing:
                        return told
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise NotServed(f"nobody closed the kiosk within {within_s:g} s") from None
