"""A job is printed once at most, whatever happens to it, and its asker is told what is certain."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.errors import CoverOpen, DeviceAbsent, DeviceLost, DeviceTimeout, DriverError, OutOfPaper
from drivers.printer import Fate, PrintUnknown, Receipt, fate_of, open_printer
from drivers.printer.cable import Cable
from drivers.printer.journal import Journal
from drivers.printer.settings import Settings
from drivers.printer.simulated import SimulatedPrinter
from drivers.printer.simulated_wires import TcpWire
from tests.drivers.printer.conftest import ANSWER_MS, PRINT_MS, Bench

Fault = Callable[[SimulatedPrinter], None]


@pytest.fixture
def job(receipt: Receipt) -> Receipt:
    return replace(receipt, job="job-1")


def strike_at(device: SimulatedPrinter, mark: bytes, fault: Fault) -> None:
    """Let `fault` happen when `mark` comes to the printer, before it does anything of it."""
    receive = device.receive

    def overhear(cable: Cable, data: bytes) -> None:
        at = data.find(mark)
        if at >= 0:
            device.receive = receive  # type: ignore[method-assign]  # and no more
            receive(cable, data[:at])
            fault(device)
            data = data[at:]
        receive(cable, data)

    device.receive = overhear  # type: ignore[method-assign]  # as a person's hand comes between


async def fate_after(bench: Bench, job: Receipt, *kinds: type[DriverError]) -> Fate:
    with pytest.raises(kinds) as raised:
        await bench.printer.print_receipt(job)
    return fate_of(raised.value)


async def test_a_job_that_was_printed_is_not_printed_again(bench: Bench, job: Receipt) -> None:
    for _ in range(3):
        await bench.printer.print_receipt(job)
    await asyncio.gather(*(bench.printer.print_receipt(job) for _ in range(3)))
    assert len(bench.device.receipts) == 1
    await bench.printer.print_receipt(replace(job, job="job-2"))
    assert len(bench.device.receipts) == 2


@pytest.mark.parametrize("fault", [SimulatedPrinter.empty_roll, SimulatedPrinter.open_cover, SimulatedPrinter.unplug])
async def test_what_was_refused_is_not_printed_and_can_be_asked_for_again(
    bench: Bench, job: Receipt, fault: Fault
) -> None:
    fault(bench.device)
    assert await fate_after(bench, job, OutOfPaper, CoverOpen, DeviceAbsent) == "not printed"
    for end in (bench.device.plug, bench.device.load_roll, bench.device.close_cover):
        if end != bench.device.plug or not bench.device.plugged:
            end()
    await bench.printer.print_receipt(job)
    assert len(bench.device.receipts) == 1


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        (SimulatedPrinter.empty_roll, SimulatedPrinter.load_roll),
        (SimulatedPrinter.open_cover, SimulatedPrinter.close_cover),
        (SimulatedPrinter.unplug, SimulatedPrinter.plug),
    ],
)
@pytest.mark.parametrize("mark", [b"Volcano", b"TOTAL", b"Thank"])
async def test_a_fault_during_a_receipt(bench: Bench, job: Receipt, fault: Fault, end: Fault, mark: bytes) -> None:
    strike_at(bench.device, mark, fault)
    fate = await fate_after(bench, job, OutOfPaper, CoverOpen, DeviceLost, DeviceAbsent)
    lost_in_the_tail = fault is SimulatedPrinter.unplug and mark != b"Volcano"
    assert fate == ("unknown" if lost_in_the_tail else "not printed")

    end(bench.device)
    if lost_in_the_tail:
        for _ in range(2):
            with pytest.raises(PrintUnknown, match="job-1"):
                await bench.printer.print_receipt(job)
        await bench.printer.print_receipt(replace(job, job="job-2"))
    else:
        await bench.printer.print_receipt(job)
        await bench.printer.print_receipt(job)
    whole = [piece for piece in bench.device.receipts if "Thank you!" in str(piece)]
    assert len(whole) == 1
    assert bench.device.receipts[-1] is whole[0]


async def test_a_fault_at_the_blade_leaves_it_unknown(bench: Bench, job: Receipt) -> None:
    """All of it is on paper and it isn't cut off: somebody may have torn it off."""
    strike_at(bench.device, b"\x1dV", SimulatedPrinter.open_cover)
    assert await fate_after(bench, job, CoverOpen) == "unknown"


async def test_a_stall_before_the_total(wire: TcpWire, job: Receipt) -> None:
    printer = open_printer(f"{wire.url}?timeout_ms={ANSWER_MS}&print_ms=500")
    wire.stall(after_bytes=200)
    with pytest.raises(DeviceTimeout) as raised:
        await printer.print_receipt(job)
    assert fate_of(raised.value) == "not printed"
    wire.resume()
    await printer.print_receipt(job)
    await printer.close()
    await wire.hung_up()
    assert sum("TOTAL" in str(piece) for piece in wire.printer.receipts) == 1


async def test_what_a_stalled_printer_still_has_of_a_failed_receipt_is_taken_back(job: Receipt) -> None:
    device = SimulatedPrinter()
    printer = device.driver(Settings(answer_s=0.2, print_s=0.5))
    strike_at(device, b"Volcano", SimulatedPrinter.stall)
    assert await fate_after(Bench(printer, device), job, DeviceTimeout) == "not printed"
    device.open_cover()  # it comes round, and can't print what it has
    device.resume()
    device.cover_open = False  # closed, and before it goes on by itself, the next receipt comes
    await printer.print_receipt(job)
    assert sum("Volcano" in str(piece) for piece in device.receipts) == 1


async def test_given_up_before_the_total_it_never_gets_there(job: Receipt) -> None:
    device = SimulatedPrinter()
    printer = device.driver(Settings(answer_s=5, print_s=5))
    reached, go_on = threading.Event(), threading.Event()

    def hold(_: SimulatedPrinter) -> None:
        reached.set()
        go_on.wait(10)

    strike_at(device, b"Volcano", hold)
    asked = asyncio.create_task(printer.print_receipt(job))
    assert await asyncio.to_thread(reached.wait, 10)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    go_on.set()
    await printer.print_receipt(job)
    assert sum("TOTAL" in str(piece) for piece in device.receipts) == 1


@pytest.mark.parametrize(("entry", "prints"), [("printed", 0), ("not printed", 1), ("unknown", None), ("taken", 0)])
async def test_a_new_process_knows_what_the_old_one_knew(
    tmp_path: Path, wire: TcpWire, job: Receipt, entry: str, prints: int | None
) -> None:
    Journal(tmp_path / "deep" / "journal").write("job-1", entry)  # type: ignore[arg-type]  # one of the four
    printer = open_printer(f"{wire.url}?print_ms={PRINT_MS}&journal={tmp_path}/deep/journal")
    if prints is None:
        with pytest.raises(PrintUnknown):
            await printer.print_receipt(job)
    else:
        await printer.print_receipt(job)
    assert sum("TOTAL" in str(piece) for piece in wire.printer.receipts) == (prints or 0)
    await printer.close()


async def test_what_is_never_confirmed_is_taken_once(wire: TcpWire, job: Receipt) -> None:
    printer = open_printer(f"{wire.url}?confirm=none")
    for _ in range(2):
        await printer.print_receipt(job)
    await wire.hung_up()
    assert len(wire.printer.receipts) == 1


def test_what_became_of_it_goes_with_a_copy_of_the_error() -> None:
    """Copied as pickle does it, which takes errors from a device's process to its agent's."""
    error = OutOfPaper("out")
    assert fate_of(error) == "unknown"
    vars(error)["printer_fate"] = "not printed"
    assert fate_of(copy.copy(error)) == "not printed"
    assert fate_of(copy.copy(PrintUnknown("?"))) == "unknown"
