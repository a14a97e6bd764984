"""A run of the orchestrator that died is gone on with."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec
import pytest

from edge.agents.orchestrator.keeping import Keeper, Kept
from edge.agents.orchestrator.resuming import Way, way_on
from edge.agents.orchestrator.session import Session
from edge.agents.orchestrator.states import State
from edge.bus import NATSAgentBase
from edge.bus.deadline import boot_id
from edge.contract.errors import ErrorCode
from edge.contract.money import Money
from edge.contract.subjects import SESSION_ENDED, SESSION_STARTED
from tests.edge.agents.orchestrator.conftest import Kiosk
from tests.edge.agents.orchestrator.stand_ins import PATIENT_S, paid, unpaid

PRICE = Money.of("14.49")  # of what `Kiosk.pay` orders


async def test_a_customer_keeps_cart_card_and_session(lasting: Kiosk) -> None:
    await lasting.order(101, 2, "Extra Cheese")
    started = await lasting.event(SESSION_STARTED)
    await lasting.tap("LOYALTY123")
    before = await lasting.now()
    await lasting.die_and_come_back()
    screen = await lasting.screen("hero_grid", lambda screen: bool(screen.all("Suggestion")))
    assert screen.one("Cart") == before.one("Cart")
    assert screen.one("Cart")["loyalty_id"] == "LOYALTY123"
    assert (screen.message.session_id, screen.message.trace_id) == (started.session_id, started.trace_id)
    assert screen.caption("said") == "Sorry for the wait. Here is your order again."
    assert lasting.unread(SESSION_STARTED) == lasting.unread(SESSION_ENDED) == 0
    await lasting.touch("checkout")
    await lasting.screen("confirm")


@pytest.mark.parametrize("action", ["select_item", "checkout"])
async def test_the_same_screen_comes_back(lasting: Kiosk, action: str) -> None:
    await lasting.order()
    await lasting.touch(action, 201)
    before = await lasting.now()
    await lasting.die_and_come_back()
    after = await lasting.screen(before.layout, lambda screen: "again" in (screen.caption("said") or ""))
    assert after.actions == before.actions
    assert after.all("ItemDetails") == before.all("ItemDetails")


async def test_a_message_that_is_sent_again_after_the_restart_is_heeded_once(lasting: Kiosk) -> None:
    await lasting.order()
    heeded = lasting.orchestrator._heeded[-1]
    await lasting.die_and_come_back()
    await lasting.screen("hero_grid")
    payload = {"event": "cart_action", "action": "add", "item_id": 101}
    message = {"msg_id": heeded, "payload": payload}
    await lasting.bus.nc.publish("kiosk.input.cart_action", msgspec.json.encode(message))
    assert (await lasting.now()).cart == [(101, 1)]


async def test_a_payment_that_runs_is_asked_for_again_as_the_same_order(lasting: Kiosk) -> None:
    await lasting.pay()
    first = await asyncio.wait_for(lasting.terminal.waiting.get(), PATIENT_S)
    await lasting.die_and_come_back()
    screen = await lasting.screen("payment")
    assert screen.one("PaymentPrompt")["state"] == "waiting"
    again = await lasting.terminal.answer(paid(PRICE))
    assert again == lasting.terminal.asked[0]
    await lasting.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is True)
    await lasting.touch("done")
    assert (await lasting.event(SESSION_ENDED)).payload["reason"] == "completed"
    assert lasting.terminal.cancelled.empty()
    first.set_result(paid(PRICE))


async def test_a_payment_nobody_waits_for_any_more_is_called_off(lasting: Kiosk) -> None:
    await lasting.pay()
    first = await asyncio.wait_for(lasting.terminal.waiting.get(), PATIENT_S)
    lasting.timing = replace(lasting.timing, resume_s=1e-6)
    await lasting.die_and_come_back()
    assert await asyncio.wait_for(lasting.terminal.cancelled.get(), PATIENT_S) == lasting.terminal.asked[0].order_id
    await lasting.terminal.answer(unpaid("cancelled"))
    assert (await lasting.screen("goodbye")).caption("said") == "The payment was cancelled. Nothing was charged."
    assert (await lasting.event(SESSION_ENDED)).payload["reason"] == "cancelled"
    first.set_result(unpaid("cancelled"))


async def test_a_payment_that_went_through_all_the_same_is_a_sale(lasting: Kiosk) -> None:
    await lasting.pay()
    first = await asyncio.wait_for(lasting.terminal.waiting.get(), PATIENT_S)
    lasting.terminal.cancels = False
    lasting.timing = replace(lasting.timing, resume_s=1e-6)
    await lasting.die_and_come_back()
    await lasting.terminal.answer(paid(PRICE))
    await lasting.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is True)
    first.set_result(paid(PRICE))


async def test_a_receipt_that_may_not_be_printed_is_asked_for_again(lasting: Kiosk) -> None:
    lasting.peripherals.hold = asyncio.Event()
    await lasting.pay()
    await lasting.terminal.answer(paid(PRICE))
    first = await asyncio.wait_for(lasting.peripherals.printed.get(), PATIENT_S)
    await lasting.screen("receipt")
    await lasting.die_and_come_back()
    lasting.peripherals.hold.set()
    assert await asyncio.wait_for(lasting.peripherals.printed.get(), PATIENT_S) == first
    screen = await lasting.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is True)
    assert screen.one("Countdown")["kind"] == "finished"
    assert len(lasting.terminal.asked) == 1


async def test_a_receipt_that_is_printed_is_not_printed_again(lasting: Kiosk) -> None:
    await lasting.pay()
    await lasting.terminal.answer(paid(PRICE))
    await lasting.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is True)
    await lasting.orchestrator.keep()
    await lasting.die_and_come_back()
    screen = await lasting.screen("receipt")
    assert screen.one("ReceiptInfo")["printed"] is True
    assert lasting.peripherals.printed.qsize() == 1


async def test_an_order_in_doubt_is_still_in_doubt(lasting: Kiosk) -> None:
    await lasting.pay()
    await lasting.terminal.answer(unpaid(code=ErrorCode.PAYMENT_DECLINED))
    await lasting.screen("payment", lambda screen: screen.one("PaymentPrompt")["state"] == "declined")
    await lasting.die_and_come_back()
    screen = await lasting.screen("payment")
    assert screen.actions == ["Try again", "Cancel"]
    await lasting.touch("try_again")
    await lasting.terminal.answer(paid(PRICE))
    assert lasting.terminal.asked[1] == lasting.terminal.asked[0]


async def test_who_will_have_left_loses_the_cart(lasting: Kiosk) -> None:
    await lasting.order()
    started = await lasting.event(SESSION_STARTED)
    lasting.timing = replace(lasting.timing, resume_s=1e-6)
    await lasting.die_and_come_back()
    ended = await lasting.event(SESSION_ENDED)
    assert (ended.session_id, ended.payload["reason"]) == (started.session_id, "timeout")
    await lasting.screen("attract")
    await lasting.come()
    assert (await lasting.screen("greeting")).cart == []


async def test_an_end_that_may_not_have_been_told_is_told_again(lasting: Kiosk) -> None:
    await lasting.order()
    started = await lasting.event(SESSION_STARTED)
    orchestrator = lasting.orchestrator
    orchestrator.session.end = "cancelled"
    orchestrator.session.state = State.GOODBYE
    await orchestrator.keep()
    await NATSAgentBase.close(orchestrator)
    orchestrator.timers.clear()
    lasting.orchestrator = await lasting.start(lasting.an_orchestrator())
    ended = await lasting.event(SESSION_ENDED)
    assert (ended.session_id, ended.payload["reason"]) == (started.session_id, "cancelled")
    screen = await lasting.screen("attract")
    assert screen.message.session_id != started.session_id
    await lasting.die_and_come_back()
    await lasting.screen("attract")
    assert lasting.unread(SESSION_ENDED) == 0


async def test_a_session_whose_end_was_told_is_over_on_disk(lasting: Kiosk) -> None:
    """The payment agent gives back what is paid in a session that has ended."""
    await lasting.order()
    await lasting.touch("cancel")
    await lasting.event(SESSION_ENDED)
    kept = Keeper(lasting.state_file).load()
    assert kept is not None
    assert kept.session.state not in (State.CART, State.CONFIRMING)


async def test_closing_leaves_the_session_to_the_next_run(lasting: Kiosk) -> None:
    await lasting.order()
    await lasting.orchestrator.close()
    assert lasting.unread(SESSION_ENDED) == 0
    lasting.orchestrator = await lasting.start(lasting.an_orchestrator())
    assert (await lasting.screen("hero_grid")).cart == [(101, 1)]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"form":1}', b"\xff\x00"])
async def test_a_damaged_file_costs_the_session_and_nothing_else(
    lasting: Kiosk, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await lasting.order()
    await NATSAgentBase.close(lasting.orchestrator)
    assert lasting.state_file is not None
    await lasting.orchestrator._keeper.settle()
    lasting.state_file.write_bytes(damage)
    lasting.orchestrator = await lasting.start(lasting.an_orchestrator())
    await lasting.screen("attract")
    assert "the session that ran can't be read" in caplog.text
    await lasting.order()


async def test_a_disk_that_takes_nothing_is_said_once_and_sells_on(
    lasting: Kiosk, caplog: pytest.LogCaptureFixture
) -> None:
    assert lasting.state_file is not None
    await lasting.orchestrator.keep()
    lasting.orchestrator._keeper.path = lasting.state_file / "no folder"
    await lasting.pay()
    await lasting.terminal.answer(paid(PRICE))
    await lasting.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is True)
    assert caplog.text.count("the session can't be kept") == 1


async def test_the_order_is_on_disk_before_payment_is_asked_for(lasting: Kiosk) -> None:
    await lasting.pay()
    ask = await lasting.terminal.answer(unpaid("cancelled"))
    kept = Keeper(lasting.state_file).load()
    assert kept is not None
    assert kept.session.order is not None
    assert kept.session.order.to_pay() == ask


def test_only_a_boot_of_the_machine_has_comparable_times() -> None:
    kept = Kept(Session(state=State.CART, stirred_s=100.0), "s", None, boot=boot_id())
    assert way_on(kept, 160.0, 60.0) is Way.GO_ON
    assert way_on(kept, 160.1, 60.0) is Way.WIND_UP
    assert way_on(kept, 99.0, 60.0) is Way.WIND_UP
    assert way_on(replace(kept, boot="another"), 101.0, 60.0) is Way.WIND_UP
    assert way_on(replace(kept, boot=""), 101.0, 60.0) is Way.WIND_UP
    for state in (State.ATTRACT, State.GOODBYE, State.OUT_OF_SERVICE):
        assert way_on(replace(kept, session=Session(state=state)), 101.0, 60.0) is Way.ANEW
