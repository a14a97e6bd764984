"""What every receipt printer does, on every wire: the driver's promise to whoever prints."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from drivers.errors import CoverOpen, DeviceAbsent, DeviceTimeout, OutOfPaper
from drivers.printer import PrinterStatus, Receipt, ReceiptLine
from drivers.printer.cable import Cable
from drivers.printer.commands import Command
from drivers.states import Condition as Degree
from drivers.states import DeviceState
from tests.drivers.printer.conftest import Bench


def long_receipt(receipt: Receipt) -> Receipt:
    """About 40 cm of paper."""
    lines = tuple(ReceiptLine(1, f"Item {number}", Decimal("1.00")) for number in range(100))
    return replace(receipt, lines=lines, total=Decimal("100.00"))


async def test_a_receipt_is_printed_and_cut(bench: Bench, receipt: Receipt) -> None:
    await bench.printer.print_receipt(receipt)

    (printed,) = bench.device.receipts
    words = str(printed)
    for expected in ("Taquería Olé", "A-042", "Volcano Burger", "extra jalapeños", "€24.97", "txn-7f3a9c1e"):
        assert expected in words
    assert printed.qr == [receipt.link]
    assert printed.complete
    assert bench.device.unknown == []


async def test_it_is_printed_when_print_returns(bench: Bench, receipt: Receipt) -> None:
    for count in range(1, 4):
        await bench.printer.print_receipt(receipt)
        assert len(bench.device.receipts) == count


async def test_receipts_asked_for_at_once_come_out_one_after_the_other(bench: Bench, receipt: Receipt) -> None:
    orders = [replace(receipt, order_id=f"B-{number}") for number in range(3)]
    await asyncio.gather(*(bench.printer.print_receipt(order) for order in orders))

    printed = [str(piece) for piece in bench.device.receipts]
    assert [text.count("TOTAL") for text in printed] == [1, 1, 1]
    assert all(f"B-{number}" in text for number, text in enumerate(printed))


async def test_status_of_a_printer_that_is_well(bench: Bench) -> None:
    assert await bench.printer.status() == PrinterStatus(online="yes", paper="ok", cover="closed")


async def test_status_tells_that_the_roll_is_nearly_empty(bench: Bench, receipt: Receipt) -> None:
    bench.device.roll_near_end()
    assert await bench.printer.status() == PrinterStatus(online="yes", paper="low", cover="closed")
    await bench.printer.print_receipt(receipt)
    assert len(bench.device.receipts) == 1


async def test_what_it_does_not_answer_stays_unknown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = bench.device._real_time

    def answer_less(cable: Cable, command: Command) -> None:
        if command.data != b"\x04":
            answer(cable, command)

    monkeypatch.setattr(bench.device, "_real_time", answer_less)
    assert await bench.printer.status() == PrinterStatus(online="yes", paper="unknown", cover="closed")
    assert await bench.printer.state() == DeviceState(Degree.DEGRADED, "the printer doesn't say how its paper is")


async def test_out_of_paper_is_said_before_anything_is_printed(bench: Bench, receipt: Receipt) -> None:
    bench.device.empty_roll()
    assert await bench.printer.status() == PrinterStatus(online="no", paper="out", cover="closed")
    with pytest.raises(OutOfPaper):
        await bench.printer.print_receipt(receipt)

    bench.device.load_roll()
    assert bench.device.receipts == bench.device.scraps == []
    await bench.printer.print_receipt(receipt)
    assert len(bench.device.receipts) == 1


@pytest.mark.parametrize("trouble", ["empty_roll", "open_cover"])
async def test_a_printer_that_cannot_print_is_given_nothing_to_print(
    bench: Bench, receipt: Receipt, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    sent = bytearray()
    receive = bench.device.receive

    def overhear(cable: Cable, data: bytes) -> None:
        sent.extend(data)
        receive(cable, data)

    monkeypatch.setattr(bench.device, "receive", overhear)
    getattr(bench.device, trouble)()
    with pytest.raises((OutOfPaper, CoverOpen)):
        await bench.printer.print_receipt(receipt)
    assert sent.startswith(b"\x10\x04")
    assert b"A-042" not in sent


async def test_paper_that_ends_during_a_receipt(bench: Bench, receipt: Receipt) -> None:
    await bench.printer.print_receipt(receipt)
    whole = bench.device.receipts[0].text
    bench.device.load_roll(mm=60)
    with pytest.raises(OutOfPaper):
        await bench.printer.print_receipt(receipt)
    assert (await bench.printer.status()).paper == "out"

    bench.device.load_roll()
    (scrap,) = bench.device.scraps
    assert not scrap.complete
    assert 0 < len(scrap.text) < len(whole)
    assert scrap.text == whole[: len(scrap.text)]
    assert scrap.length_mm == 60
    # The printer must not finish the old receipt on the new roll: the next customer gets theirs and no more.
    await bench.printer.print_receipt(receipt)
    assert [piece.text for piece in bench.device.receipts] == [whole, whole]


async def test_cover_open(bench: Bench, receipt: Receipt) -> None:
    bench.device.open_cover()
    assert await bench.printer.status() == PrinterStatus(online="no", paper="ok", cover="open")
    with pytest.raises(CoverOpen):
        await bench.printer.print_receipt(receipt)

    bench.device.close_cover()
    assert bench.device.receipts == []
    await bench.printer.print_receipt(receipt)
    assert len(bench.device.receipts) == 1


async def test_unplugged(bench: Bench, receipt: Receipt) -> None:
    bench.device.unplug()
    with pytest.raises(DeviceAbsent):
        await bench.printer.print_receipt(receipt)
    with pytest.raises(DeviceAbsent):
        await bench.printer.status()


async def test_unplugged_while_connected(bench: Bench, receipt: Receipt) -> None:
    await bench.printer.print_receipt(receipt)
    bench.device.unplug()
    with pytest.raises(DeviceAbsent):
        await bench.printer.status()

    bench.device.plug()
    await bench.printer.print_receipt(receipt)
    assert len(bench.device.receipts) == 2


async def test_a_stalled_printer_times_out_and_comes_back(bench: Bench, receipt: Receipt) -> None:
    await bench.printer.print_receipt(receipt)
    bench.stall()
    # Two answers' time, and room for a busy machine: a receipt would have been given 20 s.
    async with asyncio.timeout(10):
        with pytest.raises(DeviceTimeout):
            await bench.printer.print_receipt(receipt)
        with pytest.raises(DeviceTimeout):
            await bench.printer.status()

    bench.resume()
    await bench.printer.print_receipt(receipt)
    assert len(bench.device.receipts) == 2


async def test_a_cancelled_receipt_leaves_a_printer_that_prints(bench: Bench, receipt: Receipt) -> None:
    bench.stall()
    asked = asyncio.create_task(bench.printer.print_receipt(receipt))
    while not any(thread.name == "printer" for thread in threading.enumerate()):  # it is at work on it
        await asyncio.wait([asked], timeout=0.001)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked

    bench.resume()
    await bench.printer.print_receipt(receipt)
    assert len(bench.device.receipts) == 1


async def test_close_and_use_again(bench: Bench, receipt: Receipt) -> None:
    await bench.printer.print_receipt(receipt)
    await bench.printer.close()
    await bench.printer.close()
    await bench.printer.print_receipt(long_receipt(receipt))
    assert len(bench.device.receipts) == 2
