"""The simulated printer for those who watch it: the bench page and tests of others."""

from __future__ import annotations

import asyncio

import pytest

from drivers.printer import Receipt
from drivers.printer.paper import PrintedReceipt
from drivers.printer.simulated import SimulatedPrinter


async def test_receipts_are_awaited_one_by_one(receipt: Receipt) -> None:
    device = SimulatedPrinter()
    printer = device.driver()
    waiting = asyncio.create_task(device.next_receipt())
    await printer.print_receipt(receipt)
    await printer.print_receipt(receipt)
    assert await waiting is device.receipts[0]
    assert await device.next_receipt() is device.receipts[1]
    with pytest.raises(TimeoutError):
        await device.next_receipt(timeout_s=0.01)


async def test_listeners_hear_on_their_own_loop(receipt: Receipt) -> None:
    device = SimulatedPrinter()
    printer = device.driver()
    loop = asyncio.get_running_loop()
    heard: asyncio.Queue[PrintedReceipt] = asyncio.Queue()

    def hear(piece: PrintedReceipt) -> None:
        assert asyncio.get_running_loop() is loop
        heard.put_nowait(piece)

    forget = device.on_receipt(hear)
    await printer.print_receipt(receipt)
    async with asyncio.timeout(5):
        assert await heard.get() is device.receipts[0]
    forget()
    forget()
    await printer.print_receipt(receipt)
    await asyncio.wait([asyncio.create_task(device.next_receipt())], timeout=5)
    assert heard.empty()


async def test_changes_are_told() -> None:
    device = SimulatedPrinter()
    seen: list[tuple[bool, bool, bool]] = []
    done = asyncio.Event()

    def look(printer: SimulatedPrinter) -> None:
        seen.append((printer.online, printer.paper_out, printer.cover_open))
        if not printer.plugged:
            done.set()

    device.on_change(look)
    for direction in (device.empty_roll, device.load_roll, device.open_cover, device.close_cover, device.unplug):
        direction()
    async with asyncio.timeout(5):
        await done.wait()
    assert len(seen) == 5


def test_a_forgotten_loop_is_no_trouble() -> None:
    device = SimulatedPrinter()

    async def listen() -> None:
        device.on_change(lambda _: None)

    asyncio.run(listen())
    device.open_cover()


def test_what_was_sent_while_the_cover_was_open_is_printed_when_it_closes() -> None:
    device = SimulatedPrinter()
    cable = device.connect(lambda _: None, lambda: None)
    device.open_cover()
    cable.send(b"patience\n\x1dV\x00")
    assert device.receipts == []
    device.close_cover()
    assert device.receipts[0].text == ["patience"]


def test_without_power_everything_in_the_buffer_is_gone() -> None:
    device = SimulatedPrinter()
    device.open_cover()
    device.connect(lambda _: None, lambda: None).send(b"gone\n\x1dV\x00")
    device.unplug()
    device.plug()
    device.close_cover()
    device.connect(lambda _: None, lambda: None).send(b"here\n\x1dV\x00")
    assert [piece.text for piece in device.receipts] == [["here"]]


def test_status_bytes_are_those_of_the_reference() -> None:
    device = SimulatedPrinter(roll_mm=50_000)
    said: list[bytes] = []
    cable = device.connect(said.append, lambda: None)

    def ask(question: bytes) -> bytes:
        said.clear()
        cable.send(question)
        return b"".join(said)

    every = b"\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04"
    assert ask(every) == b"\x12\x12\x12\x12"
    assert ask(b"\x1dr\x01\x1dr\x02") == b"\x00\x00"
    device.roll_near_end()
    assert ask(every + b"\x1dr\x01") == b"\x12\x12\x12\x1e\x03"
    device.open_cover()
    assert ask(every + b"\x1dr\x01") == b"\x1a\x16\x12\x1e"  # GS r waits until it is online again
    said.clear()
    device.close_cover()
    assert b"".join(said) == b"\x03"
    device.empty_roll()
    assert ask(every) == b"\x1a\x32\x12\x7e"


def test_automatic_status_when_asked_for() -> None:
    device = SimulatedPrinter()
    said: list[bytes] = []
    cable = device.connect(said.append, lambda: None)
    device.open_cover()
    device.close_cover()
    assert said == []
    cable.send(b"\x1da\xff")
    device.open_cover()
    device.empty_roll()
    assert said == [b"\x10\x00\x00\x0f", b"\x38\x00\x00\x0f", b"\x38\x00\x0f\x0f"]
