"""The payment agent on a real server, with a customer's cards."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import nats
import pytest

from edge.bus import Client, EmbeddedServer
from edge.contract.envelope import NATSMessage, envelope_faults, is_uuid4
from edge.contract.errors import AskError
from edge.contract.money import Money
from edge.contract.payment import CancelPayment, PaymentResult, ProcessPayment
from edge.contract.subjects import PAYMENT_CANCEL, PAYMENT_PROCESS
from edge.contract.wire import to_fields
from tests.edge.agents.payment.shop import (
    DECLINED_CARD,
    GOOD_CARD,
    OTHER_CARD,
    FaultyGateway,
    Shop,
    order,
    plain,
    tap,
)


def asking(bus: Client, ask: ProcessPayment) -> asyncio.Task[PaymentResult]:
    return asyncio.create_task(bus.request(PAYMENT_PROCESS, ask))


async def waiting(bus: Client, shop: Shop, ask: ProcessPayment | None = None) -> asyncio.Task[PaymentResult]:
    """An order that has got as far as waiting for its card."""
    ask = ask or order()
    asked = asking(bus, ask)
    assert await shop.journal.next_begun() == ask.order_id
    return asked


async def cancelled(bus: Client, order_id: str = "order-1") -> bool:
    return (await bus.request(PAYMENT_CANCEL, CancelPayment(order_id=order_id))).cancelled


async def heard_all(bus: Client) -> None:
    """All that was said before has reached the agent: its answer to this comes after."""
    assert not await cancelled(bus, "no such order")


async def test_a_tap_pays(bus: Client, shop: Shop) -> None:
    await shop.open()
    asked = await waiting(bus, shop)
    await tap(bus)
    paid = await asked
    assert (paid.status, paid.amount_charged, paid.error) == ("success", Money(2647), None)
    assert is_uuid4(paid.transaction_id)
    assert paid.loyalty_points_earned == 0
    assert paid.receipt_url == f"/receipts/{paid.transaction_id}.pdf"
    assert (shop.receipts_dir / f"{paid.transaction_id}.pdf").read_bytes().startswith(b"%PDF-")
    assert shop.approved() == [("order-1/1", 2647)]
    assert shop.states() == ["captured"]


async def test_a_plain_client_pays_with_json_numbers(nats_server: EmbeddedServer, bus: Client, shop: Shop) -> None:
    """The specification's request, but with the total that its items have."""
    await shop.open()
    client = await nats.connect(nats_server.url)
    ask = (
        b'{"payload":{"command":"process_payment","order_id":"order-uuid","total":24.97,"items":['
        b'{"item_id":101,"name":"Volcano Burger","qty":1,"price":12.99},'
        b'{"item_id":201,"name":"Iced Cola","qty":2,"price":5.99}],"loyalty_card":"LOYALTY123"}}'
    )
    asked = asyncio.create_task(client.request(PAYMENT_PROCESS.subject, ask, timeout=30))
    await shop.journal.next_begun()
    await tap(bus)
    answer = json.loads((await asked).data)
    await client.close()
    assert not envelope_faults(NATSMessage.from_json(json.dumps(answer)))
    transaction_id = answer["payload"]["transaction_id"]
    assert answer["payload"] == {
        "status": "success",
        "transaction_id": transaction_id,
        "amount_charged": 24.97,
        "loyalty_points_earned": 25,
        "receipt_url": f"/receipts/{transaction_id}.pdf",
        "error": None,
    }


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"total": 26.48}, "INVALID_REQUEST", "the total is 26.47, not 26.48"),
        ({"total": 26.475}, "INVALID_REQUEST", "more than two decimals"),
        ({"total": "26.47"}, "INVALID_REQUEST", "`total`"),
        ({"total": -1}, "INVALID_REQUEST", "`total`"),
        ({"items": []}, "INVALID_REQUEST", "`items`"),
        ({"order_id": ""}, "INVALID_REQUEST", "`order_id`"),
        (
            {"items": [{"item_id": 7, "name": "Soup", "qty": 1, "price": 26.47}]},
            "INVALID_REQUEST",
            "there is no item 7 (Soup)",
        ),
    ],
)
async def test_what_cant_be_paid_is_refused_in_words_before_a_card_is_asked_for(
    bus: Client, shop: Shop, change: dict[str, Any], code: str, words: str
) -> None:
    await shop.open()
    ask = to_fields(order()) | {"total": 26.47} | change
    for item in ask["items"]:
        item["price"] = float(item["price"])
    answer = json.loads((await bus.nc.request(PAYMENT_PROCESS.subject, plain(ask), timeout=5)).data)["payload"]
    assert (answer["status"], answer["error_code"], answer["retryable"]) == ("error", code, False)
    assert words in answer["error_message"]
    assert shop.states() == []


async def test_what_is_sold_out_is_named_in_both_shapes_before_a_card_is_asked_for(bus: Client, shop: Shop) -> None:
    await shop.open()
    ask = {
        "command": "process_payment",
        "order_id": "order-1",
        "total": 9.48,
        "items": [
            {"item_id": 301, "name": "Fries", "qty": 1, "price": 3.49},
            {"item_id": 201, "name": "Iced Cola", "qty": 1, "price": 5.99},
        ],
    }
    answer = json.loads((await bus.nc.request(PAYMENT_PROCESS.subject, plain(ask), timeout=5)).data)["payload"]
    assert answer == {
        "status": "failed",
        "transaction_id": None,
        "amount_charged": 0,
        "loyalty_points_earned": 0,
        "receipt_url": None,
        "error": "Fries is sold out",
        "error_code": "ITEM_OUT_OF_STOCK",
        "error_message": "Fries is sold out",
        "retryable": False,
    }
    assert shop.states() == []


async def test_more_than_there_are_left_is_refused(bus: Client, shop: Shop) -> None:
    await shop.open()
    shop.prices[201] = replace(shop.prices[201], stock=1)
    short = await bus.request(PAYMENT_PROCESS, order())
    assert (short.error_code, short.error) == ("ITEM_OUT_OF_STOCK", "only 1 Iced Cola left, not 2")
    shop.prices[201] = replace(shop.prices[201], stock=2)
    asked = await waiting(bus, shop)
    await tap(bus)
    assert (await asked).status == "success"


async def test_what_runs_out_while_the_card_is_awaited_is_named_and_not_charged(bus: Client, shop: Shop) -> None:
    await shop.open()
    asked = await waiting(bus, shop)
    shop.prices[201] = replace(shop.prices[201], available=False)
    await tap(bus)
    gone = await asked
    assert (gone.status, gone.error_code, gone.retryable) == ("failed", "ITEM_OUT_OF_STOCK", False)
    assert gone.error == "Iced Cola is sold out"
    assert shop.approved() == []
    assert shop.states() == ["cancelled"]


async def test_a_declined_card_may_be_followed_by_another(bus: Client, shop: Shop) -> None:
    await shop.open()
    asked = await waiting(bus, shop)
    await tap(bus, DECLINED_CARD)
    declined = await asked
    assert (declined.status, declined.error_code, declined.retryable) == ("failed", "PAYMENT_DECLINED", True)
    assert declined.error == declined.error_message
    assert (declined.transaction_id, declined.amount_charged, declined.receipt_url) == (None, Money(0), None)
    asked = await waiting(bus, shop)
    await tap(bus, OTHER_CARD)
    assert (await asked).status == "success"
    assert shop.approved() == [("order-1/2", 2647)]
    assert shop.states() == ["declined", "captured"]


async def test_no_tap_is_a_timeout_and_may_be_tried_again(bus: Client, shop: Shop) -> None:
    await shop.open(tap_timeout_s=0.05)
    late = await bus.request(PAYMENT_PROCESS, order())
    assert (late.status, late.error_code, late.retryable) == ("failed", "PAYMENT_TIMEOUT", True)
    assert late.error
    assert shop.states() == ["cancelled"]
    assert (await bus.request(PAYMENT_PROCESS, order())).error_code == "PAYMENT_TIMEOUT"
    await tap(bus)
    await heard_all(bus)
    assert shop.states() == ["cancelled", "cancelled"]
    assert shop.approved() == []


async def test_a_second_tap_charges_nothing(bus: Client, shop: Shop) -> None:
    await shop.open()
    asked = await waiting(bus, shop)
    await asyncio.gather(*(tap(bus) for _ in range(3)))
    assert (await asked).status == "success"
    await heard_all(bus)
    assert shop.approved() == [("order-1/1", 2647)]


async def test_a_loyalty_card_earns_points_and_is_not_charged(bus: Client, shop: Shop) -> None:
    await shop.open()
    asked = await waiting(bus, shop)
    await tap(bus, OTHER_CARD, loyalty_id="LOYALTY123")
    await heard_all(bus)
    assert not asked.done()
    assert shop.states() == ["intent"]
    await tap(bus)
    paid = await asked
    assert paid.loyalty_points_earned == 26
    again = await bus.request(PAYMENT_PROCESS, order())
    assert again == paid


async def test_the_same_order_is_charged_once_and_answered_alike(bus: Client, shop: Shop) -> None:
    await shop.open()
    asked = await waiting(bus, shop)
    beside = [asking(bus, order()) for _ in range(3)]
    await heard_all(bus)
    await tap(bus)
    answers = await asyncio.gather(asked, *beside)
    shop.prices.clear()  # what is sold out since then makes no difference to what was paid
    answers.append(await bus.request(PAYMENT_PROCESS, order()))
    assert len(set(answers)) == 1
    assert answers[0].status == "success"
    assert shop.approved() == [("order-1/1", 2647)]
    assert shop.states() == ["captured"]


async def test_a_paid_order_is_remembered_over_a_restart(bus: Client, shop: Shop) -> None:
    agent = await shop.open()
    asked = await waiting(bus, shop)
    await tap(bus)
    paid = await asked
    await agent.close()
    for receipt in shop.receipts_dir.iterdir():
        receipt.unlink()
    await shop.open()
    assert await bus.request(PAYMENT_PROCESS, order()) == paid
    assert (shop.receipts_dir / f"{paid.transaction_id}.pdf").exists()  # made again
    assert len(shop.approved()) == 1


async def test_another_order_under_the_same_id_is_refused(bus: Client, shop: Shop) -> None:
    await shop.open()
    asked = await waiting(bus, shop)
    with pytest.raises(AskError, match="order-1 is being paid with other items") as caught:
        await bus.request(PAYMENT_PROCESS, order(colas=3))
    assert (caught.value.code, caught.value.retryable) == ("INVALID_REQUEST", False)
    await tap(bus)
    assert (await asked).status == "success"
    with pytest.raises(AskError, match="order-1 was paid with other items"):
        await bus.request(PAYMENT_PROCESS, order(colas=3))
    assert len(shop.approved()) == 1


async def test_one_order_waits_at_a_time(bus: Client, shop: Shop) -> None:
    gateway = FaultyGateway(shop.bank())
    await shop.open(gateway)
    first = await waiting(bus, shop)
    with pytest.raises(AskError, match="another payment is waiting for its card") as caught:
        await bus.request(PAYMENT_PROCESS, order("order-2"))
    assert (caught.value.code, caught.value.retryable) == ("UNAVAILABLE", True)
    gateway.go_on.clear()
    await tap(bus)
    await asyncio.wait_for(gateway.called.wait(), 10)
    second = await waiting(bus, shop, order("order-2"))  # the first has its card: the reader is free
    gateway.go_on.set()
    await tap(bus, OTHER_CARD)
    assert [(await each).status for each in (first, second)] == ["success", "success"]
    assert sorted(shop.approved()) == [("order-1/1", 2647), ("order-2/1", 2647)]


# -- cancelling ---------------------------------------------------------------------------------------------


async def test_a_cancel_ends_the_wait(bus: Client, shop: Shop) -> None:
    await shop.open()
    asked = await waiting(bus, shop)
    assert await cancelled(bus)
    result = await asked
    assert (result.status, result.error, result.amount_charged) == ("cancelled", None, Money(0))
    await tap(bus)
    assert await cancelled(bus), "said twice, it is still cancelled"
    assert shop.approved() == []
    asked = await waiting(bus, shop)
    await tap(bus)
    assert (await asked).status == "success"
    assert not await cancelled(bus)
    assert shop.states() == ["cancelled", "captured"]


async def test_a_cancel_loses_once_the_gateway_is_called(bus: Client, shop: Shop) -> None:
    gateway = FaultyGateway(shop.bank())
    gateway.go_on.clear()
    await shop.open(gateway)
    asked = await waiting(bus, shop)
    await tap(bus)
    await asyncio.wait_for(gateway.called.wait(), 10)
    assert not await cancelled(bus)
    gateway.go_on.set()
    assert (await asked).status == "success"


async def test_a_tap_and_a_cancel_at_once_have_one_winner(bus: Client, shop: Shop) -> None:
    await shop.open()
    outcomes = set()
    for number in range(20):
        order_id = f"order-{number}"
        asked = await waiting(bus, shop, order(order_id))
        first, second = tap(bus), cancelled(bus, order_id)
        if number % 2:
            results = await asyncio.gather(first, second)
            won = bool(results[1])
        else:
            won = (await asyncio.gather(second, first))[0]
        status = (await asked).status
        assert status == ("cancelled" if won else "success")
        assert (f"{order_id}/1", 2647) not in shop.approved() if won else (f"{order_id}/1", 2647) in shop.approved()
        outcomes.add(status)
    assert outcomes <= {"cancelled", "success"}


# -- faults -------------------------------------------------------------------------------------------------


async def test_an_answer_that_is_lost_is_looked_up_not_charged_again(bus: Client, shop: Shop) -> None:
    gateway = FaultyGateway(shop.bank())
    gateway.loses_the_answer = True
    await shop.open(gateway)
    asked = await waiting(bus, shop)
    await tap(bus)
    assert (await asked).status == "success"
    assert (gateway.charges_asked, gateway.settles_asked) == (1, 1)
    assert len(shop.approved()) == 1


async def test_a_gateway_that_never_got_the_ask_charged_nothing(bus: Client, shop: Shop) -> None:
    gateway = FaultyGateway(shop.bank())
    gateway.loses_the_ask = True
    await shop.open(gateway)
    asked = await waiting(bus, shop)
    await tap(bus)
    failed = await asked
    assert (failed.status, failed.error_code, failed.retryable) == ("failed", "UNAVAILABLE", True)
    assert "nothing was charged" in (failed.error or "")
    gateway.loses_the_ask = False
    asked = await waiting(bus, shop)
    await tap(bus)
    assert (await asked).status == "success"
    assert shop.approved() == [("order-1/2", 2647)]


async def test_an_order_in_doubt_is_settled_before_it_may_be_tried_again(bus: Client, shop: Shop) -> None:
    gateway = FaultyGateway(shop.bank())
    gateway.loses_the_answer = gateway.settle_fails = True
    await shop.open(gateway)
    asked = await waiting(bus, shop)
    await tap(bus)
    for ask in (asked, asking(bus, order())):
        with pytest.raises(AskError, match="whether order order-1 was paid is not known yet") as caught:
            await ask
        assert (caught.value.code, caught.value.retryable) == ("UNAVAILABLE", True)
    assert shop.states() == ["in_doubt"]
    gateway.settle_fails = False
    assert (await bus.request(PAYMENT_PROCESS, order())).status == "success"  # and no further tap
    assert gateway.charges_asked == 1
    assert len(shop.approved()) == 1


async def test_a_receipt_that_fails_fails_no_payment(bus: Client, shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.receipts_dir.write_text("in the way")
    await shop.open()
    asked = await waiting(bus, shop)
    await tap(bus)
    paid = await asked
    assert (paid.status, paid.receipt_url) == ("success", None)
    assert "order-1 is paid, but has no receipt document" in caplog.text


async def test_without_a_journal_nothing_is_charged(bus: Client, shop: Shop) -> None:
    gateway = FaultyGateway(shop.bank())
    await shop.open(gateway)
    asked = await waiting(bus, shop)
    await shop.journal._database.write(lambda journal: journal.execute("DROP TABLE history"))
    await tap(bus)
    with pytest.raises(AskError, match=r"journal\.db can't be used") as caught:
        await asked
    assert caught.value.code == "UNAVAILABLE"
    assert gateway.charges_asked == 0


async def test_what_was_removed_from_the_menu_is_refused(bus: Client, shop: Shop) -> None:
    await shop.open()
    del shop.prices[201]
    with pytest.raises(AskError, match="there is no item 201"):
        await bus.request(PAYMENT_PROCESS, order())


async def test_leaving_ends_the_wait_and_charges_nothing(bus: Client, shop: Shop) -> None:
    agent = await shop.open()
    asked = await waiting(bus, shop)
    await agent.close()
    asked.cancel()
    assert shop.states() == ["cancelled"]
    assert shop.approved() == []


async def test_leaving_waits_for_a_charge_under_way(bus: Client, shop: Shop) -> None:
    gateway = FaultyGateway(shop.bank())
    gateway.go_on.clear()
    agent = await shop.open(gateway)
    asked = await waiting(bus, shop)
    await tap(bus)
    await asyncio.wait_for(gateway.called.wait(), 10)
    closing = asyncio.create_task(agent.close())
    with pytest.raises(AskError, match="payment is stopping"):
        await bus.request(PAYMENT_PROCESS, order("order-2"))
    gateway.go_on.set()
    await closing
    asked.cancel()
    assert shop.states() == ["captured"]
    assert len(shop.approved()) == 1


async def test_a_card_is_waited_for_no_longer_than_the_asker_waits(bus: Client, shop: Shop) -> None:
    await shop.open(tap_timeout_s=28.0)
    late = await bus.request(PAYMENT_PROCESS, order(), timeout=3)  # TIMEOUT, had the agent waited 28 s
    assert (late.status, late.error_code) == ("failed", "PAYMENT_TIMEOUT")
    await tap(bus)
    await heard_all(bus)
    assert shop.approved() == []


async def test_a_loyalty_tap_alone_pays_nothing(bus: Client, shop: Shop) -> None:
    await shop.open(tap_timeout_s=0.3)
    asked = await waiting(bus, shop)
    await tap(bus, GOOD_CARD, loyalty_id="LOYALTY123")
    assert (await asked).error_code == "PAYMENT_TIMEOUT"
    assert shop.approved() == []
