"""Real libraries in processes of their own: PC/SC on a real pcscd, a printer on a serial line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from drivers.errors import DeviceLost
from drivers.isolated.devices import IsolatedNfcReader, IsolatedPrinter
from drivers.nfc import Tap
from drivers.nfc.card import SimulatedCard
from drivers.printer import PrintUnknown, Receipt, ReceiptLine, fate_of
from drivers.printer.cable import Cable
from drivers.printer.layout import encode_receipt
from drivers.printer.simulated import SimulatedPrinter
from drivers.states import Condition, DeviceState
from tests.drivers.nfc.conftest import pcscd_home
from tests.drivers.nfc.pcscd import WireBench

from .conftest import PATIENT_S, QUICK, Bench, gone, replaced

__all__ = ["pcscd_home"]  # a fixture of the reader's own tests

END = "Come again!"


async def until(device: IsolatedNfcReader | IsolatedPrinter, condition: Condition) -> DeviceState:
    async with asyncio.timeout(PATIENT_S):
        while (state := await device.state()).condition is not condition:
            pass
    return state


async def next_tap(taps: AsyncIterator[Tap]) -> Tap:
    async with asyncio.timeout(PATIENT_S):
        return await anext(taps)


async def test_taps_go_on_when_the_real_readers_process_is_ended(bench: Bench, pcscd_home: Path) -> None:
    wire = WireBench(pcscd_home)
    await wire.start_daemon()
    try:
        reader = await bench.open(
            lambda: IsolatedNfcReader("drivers.nfc:open_nfc_reader", "pcsc:?reader=Virtual PCD", patience=QUICK)
        )
        taps = reader.taps()
        await until(reader, Condition.READY)
        first, second = SimulatedCard(bytes(range(1, 8)), "LOYALTY123"), SimulatedCard(bytes(range(2, 9)))
        await wire.hold(first)
        tap = await next_tap(taps)
        assert (tap.uid, tap.loyalty_id) == (first.uid, "LOYALTY123")
        assert "Virtual PCD" in reader.name
        pid = reader.pid
        assert pid is not None
        waiting = asyncio.ensure_future(next_tap(taps))
        os.kill(pid, signal.SIGSTOP)
        await replaced(reader, pid)
        await gone(pid)
        await until(reader, Condition.READY)
        assert not waiting.done()  # the card that still lies there is no second tap
        await wire.take_away()
        await wire.hold(second)
        assert (await waiting).uid == second.uid
    finally:
        await wire.close()


@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
async def test_a_receipt_whose_process_dies_is_never_printed_twice(bench: Bench, tmp_path: Path, part: float) -> None:
    device = SimulatedPrinter()
    async with await device.serve_serial(tmp_path / "ttyUSB0") as line:
        url = f"{line.url}?timeout_ms=2000&print_ms=5000&journal={tmp_path / 'journal'}"
        printer = await bench.open(
            lambda: IsolatedPrinter("drivers.printer:open_printer", url, patience=QUICK, spent=("timeout",))
        )
        await printer.print_receipt(a_receipt("before"))
        pid = printer.pid
        assert pid is not None
        kill_at(device, part, pid)
        with pytest.raises(DeviceLost, match="SIGKILL") as lost:
            await printer.print_receipt(a_receipt("twice"))
        assert fate_of(lost.value) == "unknown"
        await replaced(printer, pid)
        with contextlib.suppress(PrintUnknown):  # it may say so, and nothing else may go wrong
            async with asyncio.timeout(PATIENT_S):
                await printer.print_receipt(a_receipt("twice"))
        await printer.print_receipt(a_receipt("after"))
        whole = [str(paper) for paper in device.receipts if END in str(paper)]
        assert sum("twice" in paper for paper in whole) <= 1
        assert sum("after" in paper for paper in whole) == 1


def a_receipt(job: str) -> Receipt:
    return Receipt(
        shop="Volcano Burgers",
        order_id=job,
        transaction_id=f"txn-{job}",
        lines=tuple(ReceiptLine(1, f"Burger {number}", Decimal("9.90")) for number in range(12)),
        total=Decimal("118.80"),
        currency="USD",
        printed_at=datetime.now(UTC),
        footer=END,
        job=job,
    )


def kill_at(device: SimulatedPrinter, part: float, pid: int) -> None:
    """Kill the process when so much of its next receipt has arrived."""
    left = round(part * len(encode_receipt(a_receipt("twice")).whole))
    receive = device.receive
    killed = False

    def overhear(cable: Cable, data: bytes) -> None:
        nonlocal left, killed
        receive(cable, data)
        if data[:2] != b"\x10\x04":  # a question about its status is none of the receipt
            left -= len(data)
        if left <= 0 and not killed:
            killed = True
            os.kill(pid, signal.SIGKILL)

    device.receive = overhear  # type: ignore[method-assign]  # as a person's hand comes between
