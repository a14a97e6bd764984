"""What networks do to printers, with the real escpos.Network on a real socket."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest

from drivers.errors import CoverOpen, DeviceAbsent, DeviceLost, DeviceTimeout
from drivers.printer import Printer, PrinterStatus, Receipt, open_printer
from drivers.printer.cable import Cable
from drivers.printer.simulated import SimulatedPrinter
from drivers.printer.simulated_wires import TcpWire
from tests.drivers.printer.conftest import ANSWER_MS


async def test_nothing_is_lost_after_the_printer_closed_an_idle_connection(
    printer: Printer, wire: TcpWire, receipt: Receipt
) -> None:
    await printer.print_receipt(receipt)
    wire.fin()
    await printer.print_receipt(receipt)
    assert [piece.text for piece in wire.printer.receipts] == [wire.printer.receipts[0].text] * 2


async def test_nothing_is_lost_after_an_idle_connection_broke(
    printer: Printer, wire: TcpWire, receipt: Receipt
) -> None:
    await printer.print_receipt(receipt)
    wire.reset()
    await printer.print_receipt(receipt)
    assert [piece.text for piece in wire.printer.receipts] == [wire.printer.receipts[0].text] * 2


@pytest.mark.parametrize("end", ["fin", "reset"])
async def test_a_connection_that_ends_during_a_receipt(
    printer: Printer, wire: TcpWire, receipt: Receipt, end: str
) -> None:
    await printer.print_receipt(receipt)
    whole = wire.printer.receipts[0].text
    getattr(wire, end)(after_bytes=300)
    with pytest.raises(DeviceLost, match="a piece of it may be"):
        await printer.print_receipt(receipt)

    # It isn't printed again by itself, and what hangs out of the printer isn't the next customer's.
    assert len(wire.printer.receipts) == 1
    await printer.print_receipt(receipt)
    _, piece, second = wire.printer.receipts
    assert whole[:5] == piece.text[:5]
    assert "VOID" in str(piece)
    assert "TOTAL" not in str(piece)
    assert second.text == whole


async def test_nobody_listens(receipt: Receipt) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    printer = open_printer(f"escpos+tcp://127.0.0.1:{port}")
    with pytest.raises(DeviceAbsent, match=rf"127\.0\.0\.1:{port} doesn't answer: .*refused"):
        await printer.print_receipt(receipt)


async def test_a_host_without_a_name() -> None:
    with pytest.raises(DeviceAbsent, match=r"printer\.invalid"):
        await open_printer("escpos+tcp://printer.invalid:9100").status()


async def test_a_receipt_that_takes_its_time_is_no_timeout(wire: TcpWire, receipt: Receipt) -> None:
    printer = open_printer(f"{wire.url}?timeout_ms=500&print_ms=20000")
    await printer.status()
    wire.slow(600)  # bytes a second: the receipt takes longer than an answer may
    await printer.print_receipt(receipt)
    assert len(wire.printer.receipts) == 1
    await printer.close()


async def test_a_cover_opened_during_a_receipt(wire: TcpWire, receipt: Receipt) -> None:
    printer = open_printer(f"{wire.url}?timeout_ms={ANSWER_MS}&print_ms=20000")
    await printer.status()
    wire.slow(4000)
    left_mm = wire.printer.paper_left_mm

    def watch(device: SimulatedPrinter) -> None:
        if device.paper_left_mm < left_mm - 20 and not device.cover_open and not device.receipts:
            device.open_cover()

    forget = wire.printer.on_change(watch)
    with pytest.raises(CoverOpen):
        await printer.print_receipt(receipt)
    forget()
    wire.slow(None)
    wire.printer.close_cover()
    await printer.print_receipt(receipt)
    piece, whole = wire.printer.receipts
    assert whole.text[:5] == piece.text[:5]
    assert "VOID" in str(piece)
    assert "VOID" not in str(whole)
    await printer.close()


async def test_a_printer_that_stalls_during_a_receipt(wire: TcpWire, receipt: Receipt) -> None:
    printer = open_printer(f"{wire.url}?timeout_ms={ANSWER_MS}&print_ms=500")
    await printer.status()
    wire.stall(after_bytes=300)
    async with asyncio.timeout(10):
        with pytest.raises(DeviceTimeout):
            await printer.print_receipt(receipt)
    wire.resume()
    await printer.print_receipt(receipt)
    assert wire.printer.receipts[-1].text[-1].strip() == receipt.footer
    await printer.close()


async def test_automatic_status_is_not_taken_for_an_answer(receipt: Receipt) -> None:
    device = SimulatedPrinter(automatic_status=True)
    async with await device.serve_tcp() as wire:
        printer = open_printer(wire.url)
        assert await printer.status() == PrinterStatus("yes", "ok", "closed")
        device.roll_near_end()
        device.open_cover()
        assert await printer.status() == PrinterStatus("no", "low", "open")
        device.close_cover()
        await printer.print_receipt(receipt)
        assert len(device.receipts) == 1
        await printer.close()


async def test_a_printer_that_is_never_asked(wire: TcpWire, receipt: Receipt) -> None:
    printer = open_printer(f"{wire.url}?confirm=none")
    wire.printer.roll_near_end()
    assert await printer.status() == PrinterStatus("unknown", "unknown", "unknown")
    await printer.print_receipt(receipt)
    wire.fin()
    await printer.print_receipt(replace(receipt, order_id="B-2"))
    printed = [await wire.printer.next_receipt(), await wire.printer.next_receipt()]
    assert ["A-042" in str(printed[0]), "B-2" in str(printed[1])] == [True, True]


async def test_a_printer_that_tells_by_name_what_is_printed(wire: TcpWire, receipt: Receipt) -> None:
    printer = open_printer(f"{wire.url}?confirm=id")
    asked: list[bytes] = []
    receive = wire.printer.receive

    def overhear(cable: Cable, data: bytes) -> None:
        asked.append(data)
        receive(cable, data)

    wire.printer.receive = overhear  # type: ignore[method-assign]  # the line is tapped
    for count in (1, 2):
        await printer.print_receipt(receipt)
        assert len(wire.printer.receipts) == count
    sent = b"".join(asked)
    assert b"\x1dr" not in sent
    names = [sent[at + 7 : at + 11] for at in range(len(sent)) if sent.startswith(b"\x1d(H\x06\x0000", at)]
    assert len(names) == len(set(names)) == 6  # three a receipt, never the same
    await printer.close()


async def test_a_slow_printer_prints_what_it_took_though_its_host_hung_up(wire: TcpWire) -> None:
    wire.slow(2000)
    _, writer = await asyncio.open_connection(wire.host, wire.port)
    writer.write(b"patience\n" * 20 + b"\x1dV\x00")
    writer.close()
    assert (await wire.printer.next_receipt()).text == ["patience"] * 20


async def test_a_printer_confirmed_by_its_status(wire: TcpWire, receipt: Receipt) -> None:
    printer = open_printer(f"{wire.url}?confirm=status")
    await printer.print_receipt(receipt)
    assert len(wire.printer.receipts) == 1
    await printer.close()


async def test_ipv6(receipt: Receipt) -> None:
    if not socket.has_ipv6:
        pytest.skip("this Python was built without IPv6")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    device = SimulatedPrinter()
    async with await device.serve_tcp("::1") as wire:
        printer = open_printer(wire.url)
        await printer.print_receipt(receipt)
        assert len(device.receipts) == 1
        await printer.close()
