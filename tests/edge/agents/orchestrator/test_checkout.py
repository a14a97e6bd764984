"""Paying and the receipt, with all that may go wrong."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from edge.agents.orchestrator import Timing
from edge.contract.envelope import is_uuid4
from edge.contract.errors import AskError, ErrorCode
from edge.contract.hardware import SetLed
from edge.contract.money import Money
from edge.contract.subjects import SESSION_ENDED, SET_LED
from tests.edge.agents.orchestrator.conftest import Kiosk, OpenKiosk, Screen
from tests.edge.agents.orchestrator.stand_ins import DISHES, PATIENT_S, paid, unpaid

PRICE = Money.of("14.49")  # of what `Kiosk.pay` orders


def prompt(screen: Screen) -> str:
    return str(screen.one("PaymentPrompt")["state"])


async def test_a_paid_order_is_printed_and_the_session_completed(kiosk: Kiosk) -> None:
    screen = await kiosk.pay()
    assert (prompt(screen), screen.one("PaymentPrompt")["total"]) == ("waiting", 14.49)
    assert screen.actions == ["Cancel"]
    await kiosk.peripherals.lights_up("#0066FF", "pulse")
    ask = await kiosk.terminal.answer(paid(PRICE))
    assert is_uuid4(ask.order_id)
    assert ask.total == PRICE
    assert [(item.item_id, item.qty, item.price, item.customizations) for item in ask.items] == [
        (101, 1, PRICE, ["Extra Cheese"])
    ]
    screen = await kiosk.screen("receipt")
    receipt = screen.one("ReceiptInfo")
    assert receipt["printed"] is None
    assert (receipt["order_id"], receipt["transaction_id"], receipt["total"]) == (
        ask.order_id,
        "txn-1",
        14.49,
    )
    assert (receipt["link"], receipt["loyalty_points_earned"]) == ("/receipts/txn-1.pdf", 25)
    await kiosk.peripherals.lights_up("#00FF00", "solid")
    screen = await kiosk.screen("receipt")
    assert screen.one("ReceiptInfo")["printed"] is True
    assert screen.caption("said") == "Thank you! Please take your receipt."
    printed = kiosk.peripherals.printed.get_nowait()
    assert (printed.transaction_id, printed.receipt_url) == ("txn-1", "/receipts/txn-1.pdf")
    assert [(item.name, item.customizations) for item in printed.items] == [("Volcano Burger", ["Extra Cheese"])]
    await kiosk.touch("done")
    await kiosk.screen("goodbye")
    assert (await kiosk.event(SESSION_ENDED)).payload["reason"] == "completed"
    await kiosk.screen("attract")


@pytest.mark.parametrize("how", ["left", "waited"])
async def test_the_receipt_screen_ends_by_itself_too(kiosk: Kiosk, how: str) -> None:
    kiosk.orchestrator.timing = Timing(receipt_s=0.05 if how == "waited" else 600, goodbye_s=0.05)
    await kiosk.pay()
    await kiosk.terminal.answer(paid(PRICE))
    await kiosk.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is True)
    if how == "left":
        await kiosk.go()
    assert (await kiosk.event(SESSION_ENDED)).payload["reason"] == "completed"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("the printer is out of paper", "The printer is out of paper."),
        ("the printer's cover is open", "The printer's cover is open."),
        ("escpos+tcp://10.0.0.5:9100: connection refused", "The printer does not work right now."),
    ],
)
async def test_a_receipt_that_cannot_be_printed_is_shown_with_its_link(
    kiosk: Kiosk, words: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    kiosk.peripherals.problem = words
    await kiosk.pay()
    await kiosk.terminal.answer(paid(PRICE))
    screen = await kiosk.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is False)
    receipt = screen.one("ReceiptInfo")
    assert receipt["problem"] == told
    assert words in caplog.text
    assert receipt["link"] == "/receipts/txn-1.pdf"
    assert screen.caption("warning") == "Thank you! Your receipt could not be printed."
    assert screen.actions == ["Done"]


async def test_a_late_print_says_nothing_on_the_next_customers_receipt(kiosk: Kiosk) -> None:
    late = kiosk.peripherals.hold = asyncio.Event()
    kiosk.peripherals.problem = "the printer is out of paper"
    await kiosk.pay()
    await kiosk.terminal.answer(paid(PRICE))
    await kiosk.screen("receipt")
    await asyncio.wait_for(kiosk.peripherals.printed.get(), PATIENT_S)
    await kiosk.touch("done")
    await kiosk.screen("attract")

    kiosk.peripherals.hold, kiosk.peripherals.problem = asyncio.Event(), None
    await kiosk.pay()
    await kiosk.terminal.answer(paid(PRICE))
    await kiosk.screen("receipt")
    await asyncio.wait_for(kiosk.peripherals.printed.get(), PATIENT_S)
    late.set()
    await kiosk.bus.request(SET_LED, SetLed(color="#FFFFFF"))  # the late answer is out
    kiosk.peripherals.hold.set()
    screen = await kiosk.screen("receipt")
    assert screen.one("ReceiptInfo")["printed"] is True
    assert screen.one("ReceiptInfo")["problem"] is None


async def test_no_hardware_agent_costs_the_paper_receipt_and_nothing_else(open_kiosk: OpenKiosk) -> None:
    kiosk = await open_kiosk("menu", "recsys", "payment")
    await kiosk.pay()
    await kiosk.terminal.answer(paid(PRICE))
    screen = await kiosk.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is False)
    assert screen.one("ReceiptInfo")["problem"] == "The printer does not answer."
    await kiosk.touch("done")
    assert (await kiosk.event(SESSION_ENDED)).payload["reason"] == "completed"


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (unpaid(code=ErrorCode.PAYMENT_DECLINED), "declined"),
        (AskError(ErrorCode.PAYMENT_DECLINED, "insufficient funds"), "declined"),
        (unpaid(code=ErrorCode.PAYMENT_TIMEOUT), "timeout"),
        (AskError(ErrorCode.PAYMENT_TIMEOUT, "no tap"), "timeout"),
        (unpaid("cancelled"), "cancelled"),
        (unpaid(), "failed"),
        (AskError(ErrorCode.INTERNAL_ERROR, "a fault"), "failed"),
    ],
)
async def test_a_payment_that_failed_can_be_tried_again_as_the_same_order(
    kiosk: Kiosk, outcome: object, state: str
) -> None:
    await kiosk.pay()
    first = await kiosk.terminal.answer(outcome)  # type: ignore[arg-type]  # pytest's parameters have no type
    screen = await kiosk.screen("payment", lambda screen: prompt(screen) != "waiting")
    assert prompt(screen) == state
    assert screen.actions == ["Try again", "Cancel"]
    assert screen.cart == [(101, 1)]
    await kiosk.peripherals.lights_up("#FF0000", "error")
    await kiosk.touch("try_again")
    await kiosk.screen("payment", lambda screen: prompt(screen) == "waiting")
    second = await kiosk.terminal.answer(paid(PRICE))
    assert second == first
    await kiosk.screen("receipt")


async def test_a_terminal_that_is_away_loses_nothing(open_kiosk: OpenKiosk) -> None:
    kiosk = await open_kiosk("menu", "recsys", "hardware")
    await kiosk.pay()
    screen = await kiosk.screen("payment", lambda screen: prompt(screen) == "failed")
    assert "isn't available" in screen.one("PaymentPrompt")["message"]
    assert screen.cart == [(101, 1)]
    await kiosk.touch("try_again")
    await kiosk.screen("payment", lambda screen: prompt(screen) == "waiting")
    await kiosk.screen("payment", lambda screen: prompt(screen) == "failed")
    await kiosk.touch("cancel")
    screen = await kiosk.screen("goodbye")
    assert "ask our staff" in (screen.caption("said") or "")
    assert (await kiosk.event(SESSION_ENDED)).payload["reason"] == "cancelled"


async def test_giving_up_after_a_clear_refusal_says_nothing_of_doubt(kiosk: Kiosk) -> None:
    await kiosk.pay()
    await kiosk.terminal.answer(unpaid(code=ErrorCode.PAYMENT_DECLINED))
    await kiosk.screen("payment", lambda screen: prompt(screen) == "declined")
    await kiosk.touch("cancel")
    assert (await kiosk.screen("goodbye")).caption("said") == "Your order was cancelled. See you soon!"


@pytest.mark.parametrize("by", ["touch", "voice"])
async def test_a_cancel_while_paying_asks_the_terminal_whose_answer_decides(kiosk: Kiosk, by: str) -> None:
    await kiosk.pay()
    await (kiosk.touch("cancel") if by == "touch" else kiosk.say("cancel"))
    order_id = await asyncio.wait_for(kiosk.terminal.cancelled.get(), PATIENT_S)
    assert order_id == kiosk.terminal.asked[0].order_id
    screen = await kiosk.screen("payment")
    assert screen.one("PaymentPrompt")["message"] == "Cancelling the payment…"
    assert kiosk.unread(SESSION_ENDED) == 0
    await kiosk.terminal.answer(unpaid("cancelled"))
    screen = await kiosk.screen("goodbye")
    assert screen.caption("said") == "The payment was cancelled. Nothing was charged."
    assert (await kiosk.event(SESSION_ENDED)).payload["reason"] == "cancelled"


async def test_an_approval_that_overtakes_the_cancel_is_a_sale(kiosk: Kiosk) -> None:
    await kiosk.pay()
    await kiosk.touch("cancel")
    await kiosk.terminal.answer(paid(PRICE))
    await kiosk.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is True)
    await kiosk.touch("done")
    assert (await kiosk.event(SESSION_ENDED)).payload["reason"] == "completed"


async def test_a_cancel_of_a_payment_in_doubt_does_not_end_the_order(kiosk: Kiosk) -> None:
    await kiosk.pay()
    await kiosk.touch("cancel")
    await kiosk.terminal.answer(AskError(ErrorCode.TIMEOUT, "the gateway does not answer"))
    screen = await kiosk.screen("payment", lambda screen: prompt(screen) == "failed")
    assert "you pay only once" in screen.one("PaymentPrompt")["message"]
    await kiosk.touch("try_again")  # takes the cancel back
    await kiosk.screen("payment", lambda screen: prompt(screen) == "waiting")
    await kiosk.terminal.answer(unpaid(code=ErrorCode.PAYMENT_DECLINED))
    await kiosk.screen("payment", lambda screen: prompt(screen) == "declined")
    assert kiosk.unread(SESSION_ENDED) == 0


async def test_while_paying_nothing_else_happens(kiosk: Kiosk) -> None:
    await kiosk.pay()
    await kiosk.touch("pay")
    await kiosk.touch("try_again")
    await kiosk.touch("back")
    await kiosk.touch("checkout")
    await kiosk.touch("show_everything")
    await kiosk.touch("select_item", 201)
    await kiosk.cart("add", 201)
    await kiosk.cart("remove", 101)
    await kiosk.come()
    await kiosk.go()
    await kiosk.say("confirm")
    await kiosk.say("add_item", item_id=201)
    screen = await kiosk.now()
    assert (screen.layout, prompt(screen), screen.cart) == ("payment", "waiting", [(101, 1)])
    await kiosk.terminal.answer(paid(PRICE))
    await kiosk.screen("receipt")
    assert len(kiosk.terminal.asked) == 1
    assert kiosk.unread(SESSION_ENDED) == 0


async def test_a_loyalty_card_goes_with_the_order(kiosk: Kiosk) -> None:
    await kiosk.tap("EARLY1")  # nobody is there yet
    await kiosk.order()
    await kiosk.tap(None)
    await kiosk.tap("LOYALTY123")
    screen = await kiosk.screen("hero_grid", lambda screen: screen.caption("said") is not None)
    assert screen.one("Cart")["loyalty_id"] == "LOYALTY123"
    await kiosk.touch("checkout")
    await kiosk.touch("confirm")
    await kiosk.screen("payment")
    assert (await kiosk.terminal.answer(paid(Money.of("12.99")))).loyalty_card == "LOYALTY123"


async def test_a_loyalty_card_may_come_as_late_as_the_second_try(kiosk: Kiosk) -> None:
    await kiosk.pay()
    await kiosk.tap("LATE999")
    screen = await kiosk.screen("payment", lambda screen: screen.one("Cart")["loyalty_id"] == "LATE999")
    assert prompt(screen) == "waiting"
    first = await kiosk.terminal.answer(unpaid(code=ErrorCode.PAYMENT_DECLINED))
    await kiosk.screen("payment", lambda screen: prompt(screen) == "declined")
    await kiosk.touch("try_again")
    second = await kiosk.terminal.answer(paid(PRICE))
    assert (first.loyalty_card, second.loyalty_card) == (None, "LATE999")
    assert second.order_id == first.order_id


@pytest.mark.parametrize(
    ("now", "warning"),
    [
        ({"available": False}, "Sorry, Volcano Burger is not to be had any more and was taken off your order."),
        ({"customizations": []}, "Sorry, Volcano Burger is not to be had any more and was taken off your order."),
        ({"price": Money.of("13.99")}, "The price of Volcano Burger has changed."),
    ],
)
async def test_an_order_that_the_menu_outran_is_shown_again_as_it_can_be_had(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch, now: dict[str, object], warning: str
) -> None:
    await kiosk.pay()
    monkeypatch.setitem(DISHES, 101, msgspec.structs.replace(DISHES[101], **now))
    first = await kiosk.terminal.answer(AskError(ErrorCode.ITEM_OUT_OF_STOCK, "sold out"))
    if "price" not in now:  # nothing is left to pay
        screen = await kiosk.screen("hero_grid", lambda screen: screen.caption("warning") is not None)
        assert screen.caption("warning") == warning
        assert screen.cart == []
        return
    screen = await kiosk.screen("confirm")
    assert screen.caption("warning") == warning
    assert screen.one("Cart")["total"] == 15.49
    await kiosk.touch("pay")
    second = await kiosk.terminal.answer(paid(Money.of("15.49")))
    assert second.total == Money.of("15.49")
    assert second.order_id != first.order_id


@pytest.mark.parametrize(("left", "cart"), [(2, [(101, 1), (302, 2)]), (0, [(101, 1)])])
async def test_an_order_of_more_than_is_left_is_shown_again_with_what_is(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch, left: int, cart: list[tuple[int, int]]
) -> None:
    await kiosk.order()
    await kiosk.cart("add", 302, 3)
    await kiosk.touch("checkout")
    await kiosk.screen("confirm")
    await kiosk.touch("pay")
    monkeypatch.setitem(DISHES, 302, msgspec.structs.replace(DISHES[302], left=left))
    await kiosk.terminal.answer(unpaid(code=ErrorCode.ITEM_OUT_OF_STOCK))
    screen = await kiosk.screen("confirm", lambda screen: screen.caption("warning") is not None)
    assert screen.cart == cart
    assert "Onion Rings" in (screen.caption("warning") or "")


async def test_an_order_that_is_refused_though_the_menu_agrees_can_be_given_up(kiosk: Kiosk) -> None:
    await kiosk.pay()
    await kiosk.terminal.answer(AskError(ErrorCode.INVALID_REQUEST, "the total is 1.00"))
    screen = await kiosk.screen("payment", lambda screen: prompt(screen) == "failed")
    assert screen.actions == ["Try again", "Cancel"]
    await kiosk.touch("cancel")
    assert (await kiosk.screen("goodbye")).caption("said") == "Your order was cancelled. See you soon!"


async def test_a_cancel_that_came_too_early_is_asked_again(kiosk: Kiosk) -> None:
    kiosk.orchestrator.timing = Timing(cancel_again_s=0.01)
    kiosk.terminal.cancels = False
    await kiosk.pay()
    await kiosk.touch("cancel")
    for _ in range(3):
        await asyncio.wait_for(kiosk.terminal.cancelled.get(), PATIENT_S)
    await kiosk.terminal.answer(paid(PRICE))
    await kiosk.screen("receipt")


async def test_a_payment_service_that_is_known_not_to_have_charged_leaves_no_doubt(kiosk: Kiosk) -> None:
    await kiosk.pay()
    await kiosk.terminal.answer(unpaid(code=ErrorCode.UNAVAILABLE))
    await kiosk.screen("payment", lambda screen: prompt(screen) == "failed")
    await kiosk.touch("cancel")
    assert (await kiosk.screen("goodbye")).caption("said") == "Your order was cancelled. See you soon!"


async def test_the_next_customer_has_an_order_of_their_own(kiosk: Kiosk) -> None:
    await kiosk.pay()
    first = await kiosk.terminal.answer(paid(PRICE))
    await kiosk.screen("receipt")
    await kiosk.touch("done")
    await kiosk.screen("attract")
    await kiosk.pay()
    assert (await kiosk.terminal.answer(paid(PRICE))).order_id != first.order_id


async def test_a_charge_of_another_amount_is_an_error_in_the_log(
    kiosk: Kiosk, caplog: pytest.LogCaptureFixture
) -> None:
    await kiosk.pay()
    await kiosk.terminal.answer(paid(Money.of("99.99")))
    assert (await kiosk.screen("receipt")).one("ReceiptInfo")["total"] == 99.99
    assert "99.99 was charged, 14.49 was due" in caplog.text


async def test_a_dish_that_ran_out_is_taken_off_also_where_payment_answers_so(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kiosk.pay()
    monkeypatch.setitem(DISHES, 101, msgspec.structs.replace(DISHES[101], available=False))
    await kiosk.terminal.answer(unpaid(code=ErrorCode.ITEM_OUT_OF_STOCK))
    screen = await kiosk.screen("hero_grid", lambda screen: screen.caption("warning") is not None)
    assert screen.cart == []
