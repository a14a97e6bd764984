"""The orchestrator's neighbours, as the tests want them: small, canned, able to hesitate and to refuse."""

from __future__ import annotations

import asyncio
from typing import Any

from edge.bus import NATSAgentBase, does
from edge.contract import hardware, menu, payment, recsys
from edge.contract.errors import AskError, ErrorCode
from edge.contract.money import Money
from edge.contract.subjects import (
    HARDWARE_STATUS,
    MENU_DETAILS,
    MENU_SEARCH,
    PAYMENT_CANCEL,
    PAYMENT_PROCESS,
    PRINT_RECEIPT,
    RECSYS_SUGGEST,
    SET_LED,
)

PATIENT_S = 10  # for what is certain to come


def dish(item_id: int, name: str, price: str, **more: Any) -> menu.ItemDetails:
    return menu.ItemDetails(
        id=item_id,
        name=name,
        description=f"{name}, freshly made",
        price=Money.of(price),
        calories=500,
        allergens=["gluten"],
        image=f"/img/{item_id}.svg",
        customizations=more.pop("customizations", []),
        **more,
    )


DISHES = {
    each.id: each
    for each in (
        dish(
            101,
            "Volcano Burger",
            "12.99",
            tags=["spicy", "popular"],
            customizations=[
                menu.Customization(name="Extra Cheese", price=Money.of("1.50")),
                menu.Customization(name="No Onions", price=Money.of("0")),
            ],
        ),
        dish(102, "Garden Burger", "11.49", tags=["vegetarian"]),
        dish(201, "Iced Cola", "2.99", tags=["popular", "cold"]),
        dish(301, "Fries", "3.49"),
        dish(
            302, "Onion Rings", "3.99", left=3, customizations=[menu.Customization(name="Dip", price=Money.of("0.50"))]
        ),
        dish(401, "Lava Cake", "6.00", tags=["popular"], available=False),
    )
}


class Kitchen(NATSAgentBase):
    """The menu: finds by words in names."""

    name = "menu"

    def __init__(self, nats_url: str) -> None:
        super().__init__(nats_url)
        self.asked: list[menu.Search] = []

    @does(MENU_SEARCH)
    async def search(self, ask: menu.Search) -> menu.SearchResult:
        self.asked.append(ask)
        wanted = {*ask.tags, *ask.dietary_filters}
        found = [
            each
            for each in DISHES.values()
            if wanted <= set(each.tags) and all(word in each.name.lower() for word in ask.query.lower().split())
        ]
        if not found:
            raise AskError(ErrorCode.MENU_NOT_FOUND, "No items match the search query")
        return menu.SearchResult(
            items=[
                menu.FoundItem(
                    id=each.id,
                    name=each.name,
                    price=each.price,
                    image=each.image,
                    tags=each.tags,
                    available=each.available,
                )
                for each in found[: ask.limit]
            ],
            total_matches=len(found),
        )

    @does(MENU_DETAILS)
    async def details(self, ask: menu.GetDetails) -> menu.DetailsResult:
        if ask.item_id not in DISHES:
            raise AskError(ErrorCode.MENU_NOT_FOUND, f"no dish {ask.item_id}")
        return menu.DetailsResult(item=DISHES[ask.item_id])


class Advisor(NATSAgentBase):
    """Offers fries with everything, cake that is sold out, and something nobody has; may hesitate."""

    name = "recsys"

    def __init__(self, nats_url: str) -> None:
        super().__init__(nats_url)
        self.asked: list[recsys.Suggest] = []
        self.offers: tuple[tuple[int, str, str], ...] = (
            (301, "Fries", "Crisp!"),
            (401, "Lava Cake", "Sweet!"),
            (999, "Soup", "Hot!"),
        )
        self.hold = asyncio.Event()
        self.hold.set()

    @does(RECSYS_SUGGEST)
    async def suggest(self, ask: recsys.Suggest) -> recsys.Suggestions:
        offers, hold = self.offers, self.hold
        self.asked.append(ask)
        await hold.wait()
        return recsys.Suggestions(
            suggestions=[
                recsys.SuggestedItem(item_id=item_id, name=name, pitch=pitch, reason="test")
                for item_id, name, pitch in offers
            ]
        )


def paid(amount: Money, **more: Any) -> payment.PaymentResult:
    return payment.PaymentResult(
        status="success",
        transaction_id="txn-1",
        amount_charged=amount,
        loyalty_points_earned=25,
        receipt_url="/receipts/txn-1.pdf",
        error=None,
        **more,
    )


def unpaid(status: str = "failed", code: ErrorCode | None = None) -> payment.PaymentResult:
    fields: dict[str, Any] = {"error_code": str(code)} if code else {}
    return payment.PaymentResult(
        status=status,  # type: ignore[arg-type]  # a test may send any
        transaction_id=None,
        amount_charged=Money(0),
        loyalty_points_earned=0,
        receipt_url=None,
        error=code or status,
        **fields,
    )


class Terminal(NATSAgentBase):
    """Takes payments: each waits in `waiting` until the test answers it, or it is cancelled."""

    name = "payment"

    def __init__(self, nats_url: str) -> None:
        super().__init__(nats_url)
        self.asked: list[payment.ProcessPayment] = []
        self.waiting: asyncio.Queue[asyncio.Future[payment.PaymentResult | AskError]] = asyncio.Queue()
        self.cancelled: asyncio.Queue[str] = asyncio.Queue()
        self.cancels = True

    @does(PAYMENT_PROCESS)
    async def process(self, ask: payment.ProcessPayment) -> payment.PaymentResult:
        self.asked.append(ask)
        answer: asyncio.Future[payment.PaymentResult | AskError] = asyncio.get_running_loop().create_future()
        await self.waiting.put(answer)
        outcome = await answer
        if isinstance(outcome, AskError):
            raise outcome
        return outcome

    @does(PAYMENT_CANCEL)
    async def cancel(self, ask: payment.CancelPayment) -> payment.CancelResult:
        await self.cancelled.put(ask.order_id)
        return payment.CancelResult(cancelled=self.cancels)

    async def answer(self, outcome: payment.PaymentResult | AskError) -> payment.ProcessPayment:
        """Answer the payment that is waiting, or the next; return what was asked."""
        waiting = await asyncio.wait_for(self.waiting.get(), PATIENT_S)
        waiting.set_result(outcome)
        return self.asked[-1]


class Peripherals(NATSAgentBase):
    """Remembers what was lit and printed; may hesitate, and have a problem."""

    name = "hardware"

    def __init__(self, nats_url: str) -> None:
        super().__init__(nats_url)
        self.lit: asyncio.Queue[hardware.SetLed] = asyncio.Queue()
        self.printed: asyncio.Queue[hardware.PrintReceipt] = asyncio.Queue()
        self.problem: str | None = None
        self.hold = asyncio.Event()
        self.hold.set()
        self.devices: dict[str, tuple[hardware.Condition, str]] = {}  # condition and code of those that aren't ready

    @does(HARDWARE_STATUS)
    async def tell_status(self, _: hardware.GetStatus) -> hardware.HardwareStatus:
        ready = (hardware.Condition.READY, "")
        return hardware.HardwareStatus(
            devices=[
                hardware.DeviceStatus(name=name, condition=condition, code=code, since="2026-11-23T12:00:00.000Z")
                for name in ("leds", "reader", "printer", "camera")
                for condition, code in [self.devices.get(name, ready)]
            ]
        )

    @does(SET_LED)
    async def set_led(self, ask: hardware.SetLed) -> hardware.Done:
        await self.lit.put(ask)
        return hardware.Done()

    @does(PRINT_RECEIPT)
    async def print_receipt(self, ask: hardware.PrintReceipt) -> hardware.Done:
        await self.printed.put(ask)
        problem, hold = self.problem, self.hold
        await hold.wait()
        if problem:
            raise AskError(ErrorCode.HARDWARE_ERROR, problem)
        return hardware.Done()

    async def lights_up(self, color: str, pattern: str) -> hardware.SetLed:
        """Wait until that was lit."""
        async with asyncio.timeout(PATIENT_S):
            while True:
                ask = await self.lit.get()
                if (ask.color, ask.pattern) == (color, pattern):
                    return ask
