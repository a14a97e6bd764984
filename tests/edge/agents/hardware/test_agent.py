"""The hardware agent with simulated peripherals on a real bus."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import Any

import pytest

from drivers.leds.simulated import SimulatedLeds
from drivers.nfc.simulated import SimulatedCard, SimulatedReader
from drivers.printer.simulated import SimulatedPrinter
from edge.agents.hardware import REMEMBERED_RECEIPTS, HardwareAgent, card_token
from edge.bus import Client
from edge.bus.client import current
from edge.bus.connection import PublishFailed
from edge.contract import hardware
from edge.contract.envelope import NATSMessage
from edge.contract.errors import AskError
from edge.contract.input import CardTap
from edge.contract.money import Money
from edge.contract.session import SessionStarted
from edge.contract.subjects import CARD_TAP, PRINT_RECEIPT, SESSION_STARTED, SET_LED

from .conftest import KEY, PATIENT_S, Bench


def receipt(transaction_id: str | None = "txn-1", **more: Any) -> hardware.PrintReceipt:
    fields: dict[str, Any] = {
        "order_id": "order-1",
        "transaction_id": transaction_id,
        "items": [
            hardware.PrintedItem(name="Volcano Burger", qty=2, price=Money.of("14.49"), customizations=["Extra Cheese"])
        ],
        "total": Money.of("28.98"),
        "receipt_url": "/receipts/txn-1.pdf",
        **more,
    }
    return hardware.PrintReceipt(**fields)


# -- LEDs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", SET_LED.subjects)
async def test_the_strip_shows_what_was_asked_on_either_subject(bus: Client, bench: Bench, subject: str) -> None:
    answer = await bus.request(
        subject, {"command": "set_led", "color": "#00FF00", "pattern": "solid", "duration_ms": 2000}
    )
    assert answer["payload"] == {"status": "success"}
    assert set(bench.leds.strip.frame.colors) == {"#00FF00"}


async def test_a_strip_that_is_gone_is_a_hardware_error_in_the_drivers_words(bus: Client, bench: Bench) -> None:
    bench.leds.strip.unplug()
    with pytest.raises(AskError, match="unplugged") as refused:
        await bus.request(SET_LED, hardware.SetLed(color="#00FF00"))
    assert refused.value.code == "HARDWARE_ERROR"
    assert not refused.value.retryable
    bench.leds.strip.plug()
    await bus.request(SET_LED, hardware.SetLed(color="#0000FF"))
    assert bench.leds.strip.frame.colors[0] == "#0000FF"


# -- receipts ---------------------------------------------------------------------------------------------


async def test_a_receipt_has_the_order_on_it(bus: Client, bench: Bench) -> None:
    await bus.request(PRINT_RECEIPT, receipt())
    paper = await bench.printer.next_receipt()
    assert paper.complete
    for words in ("Volcano Burgers", "Volcano Burger", "Extra Cheese", "28.98", "order-1", "txn-1"):
        assert words in str(paper), str(paper)
    assert paper.qr == ["https://receipts.example/receipts/txn-1.pdf"]


async def test_a_receipt_asked_for_again_is_printed_once(bus: Client, bench: Bench) -> None:
    await asyncio.gather(*(bus.request(PRINT_RECEIPT, receipt()) for _ in range(4)))
    await bus.request(PRINT_RECEIPT.subject, {"command": "print_receipt", **as_json()})
    assert len(bench.printer.receipts) == 1
    await bus.request(PRINT_RECEIPT, receipt("txn-2"))
    assert len(bench.printer.receipts) == 2


def as_json() -> dict[str, Any]:
    return {
        "order_id": "order-1",
        "transaction_id": "txn-1",
        "items": [{"name": "Volcano Burger", "qty": 1, "price": 12.99}],
        "total": 12.99,
    }


async def test_without_a_transaction_the_order_is_what_is_printed_once(bus: Client, bench: Bench) -> None:
    await bus.request(PRINT_RECEIPT, receipt(None))
    await bus.request(PRINT_RECEIPT, receipt(None))
    await bus.request(PRINT_RECEIPT, receipt(None, order_id="order-2"))
    assert len(bench.printer.receipts) == 2


async def test_a_print_that_failed_may_be_tried_again(bus: Client, bench: Bench) -> None:
    bench.printer.empty_roll()
    with pytest.raises(AskError) as refused:
        await bus.request(PRINT_RECEIPT, receipt())
    assert refused.value.code == "HARDWARE_ERROR"
    assert "paper" in refused.value.message
    bench.printer.load_roll()
    await bus.request(PRINT_RECEIPT, receipt())
    assert len(bench.printer.receipts) == 1


async def test_only_so_many_receipts_are_remembered(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[str | None] = []

    async def print_receipt(paper: Any) -> None:
        printed.append(paper.transaction_id)

    monkeypatch.setattr(bench.agent.printer, "print_receipt", print_receipt)
    for number in range(REMEMBERED_RECEIPTS + 1):
        await bench.agent.print_receipt(receipt(f"txn-{number}"))
    assert len(printed) == REMEMBERED_RECEIPTS + 1
    await bench.agent.print_receipt(receipt("txn-1"))
    assert len(printed) == REMEMBERED_RECEIPTS + 1
    await bench.agent.print_receipt(receipt("txn-0"))  # the oldest is forgotten
    assert len(printed) == REMEMBERED_RECEIPTS + 2


@pytest.mark.parametrize(
    ("base", "url", "link"),
    [
        ("https://r.example/", "/receipts/1.pdf", "https://r.example/receipts/1.pdf"),
        (None, "/receipts/1.pdf", None),
        (None, "https://pay.example/1", "https://pay.example/1"),
        ("https://r.example/", "https://pay.example/1", "https://pay.example/1"),
        ("https://r.example/", "javascript:alert(1)", None),
        ("https://r.example/", None, None),
    ],
)
async def test_a_qr_code_holds_only_what_a_phone_can_open(
    bench: Bench, base: str | None, url: str | None, link: str | None
) -> None:
    bench.agent._receipts_base_url = base
    await bench.agent.print_receipt(receipt(receipt_url=url))
    paper = await bench.printer.next_receipt()
    assert paper.qr == ([link] if link else [])


# -- cards ------------------------------------------------------------------------------------------------

UID = bytes.fromhex("04A1B2C3D4E5F6")


async def test_a_tap_is_told_without_the_cards_number(
    bus: Client, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    customer = "3f8c9a8e-2f5f-4b7e-9d2c-0a4b1c2d3e4f"
    heard: asyncio.Queue[NATSMessage | None] = asyncio.Queue()

    async def keep(_: CardTap) -> None:
        await heard.put(current.get())

    await bus.hear(CARD_TAP, keep)
    await bus.publish(SESSION_STARTED, SessionStarted(kiosk_id="kiosk-001"), session_id=customer)
    await bus.request(SET_LED, hardware.SetLed(color="#FFFFFF"))  # the session is known by then
    assert await bench.reader.tap(SimulatedCard(UID, "LOYALTY123")) is not None
    message = await asyncio.wait_for(heard.get(), PATIENT_S)
    assert message is not None
    assert message.session_id == customer
    assert message.payload == {
        "event": "card_tap",
        "reader": bench.reader.name,
        "card": hmac.new(KEY, UID, hashlib.sha256).hexdigest(),
        "loyalty_id": "LOYALTY123",
    }
    async with asyncio.timeout(PATIENT_S):
        while not (stored := [each async for each in bus.stored(CARD_TAP.subject)]):  # heard before the disk has it
            await bus.settle()
    for place in (caplog.text.lower(), stored[0].to_json().lower()):
        assert UID.hex() not in place
        assert repr(UID)[2:-1] not in place


async def test_each_tap_is_told_also_after_one_was_lost(
    bus: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()
    await bus.hear(CARD_TAP, heard.put)
    publish = bench.agent.publish

    async def fail(*_: Any) -> None:
        monkeypatch.setattr(bench.agent, "publish", publish)
        raise PublishFailed("no acknowledgement")

    monkeypatch.setattr(bench.agent, "publish", fail)
    await bench.reader.tap(SimulatedCard(UID))
    await bench.reader.tap(SimulatedCard(UID[::-1]))
    tap = await asyncio.wait_for(heard.get(), PATIENT_S)
    assert tap.card == card_token(KEY, UID[::-1])
    assert tap.loyalty_id is None
    assert "a card tap was lost" in caplog.text


def test_a_token_is_the_kiosks_own() -> None:
    assert card_token(KEY, UID) == hmac.new(KEY, UID, hashlib.sha256).hexdigest()
    assert card_token(KEY, UID) != card_token(KEY[::-1], UID)
    assert card_token(KEY, UID) != card_token(KEY, UID[::-1])


def test_a_key_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        HardwareAgent(
            "nats://localhost:4222",
            leds=SimulatedLeds(1),
            reader=SimulatedReader(),
            printer=SimulatedPrinter().driver(),
            device_key=b"secret",
            shop="",
            currency="USD",
            receipts_base_url=None,
        )
