"""How the printer is, in the words that all devices share."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from drivers.printer import Receipt, open_printer, simulated_usb
from drivers.printer.cable import Cable
from drivers.printer.dialogue import Dialogue
from drivers.printer.settings import Settings
from drivers.printer.simulated import SimulatedPrinter
from drivers.printer.simulated_wires import TcpWire
from drivers.states import READY, Condition, DeviceState
from tests.drivers.printer.conftest import Bench
from tests.drivers.printer.test_dialogue import WELL, Scripted


async def test_a_printer_that_is_well(bench: Bench, receipt: Receipt) -> None:
    assert await bench.printer.state() == READY
    await bench.printer.print_receipt(receipt)
    assert await bench.printer.state() == READY


@pytest.mark.parametrize(
    ("direction", "condition", "reason", "code"),
    [
        ("roll_near_end", Condition.DEGRADED, "the printer's paper is low", ""),
        ("empty_roll", Condition.DEGRADED, "the printer is out of paper", "out_of_paper"),
        ("open_cover", Condition.DEGRADED, "the printer's cover is open", "cover_open"),
    ],
)
async def test_a_printer_in_want(bench: Bench, direction: str, condition: Condition, reason: str, code: str) -> None:
    getattr(bench.device, direction)()
    assert await bench.printer.state() == DeviceState(condition, reason, code)


async def test_a_printer_that_is_not_there(bench: Bench) -> None:
    await bench.printer.state()
    bench.device.unplug()
    state = await bench.printer.state()
    assert (state.condition, state.code) == (Condition.ABSENT, "absent")
    bench.device.plug()
    assert await bench.printer.state() == READY


async def test_a_stalled_printer_is_told_within_2_s(bench: Bench) -> None:
    bench.stall()
    async with asyncio.timeout(10):  # room for a busy machine; a status would be given 20 s
        state = await bench.printer.state()
    assert (state.condition, state.code) == (Condition.DEGRADED, "timeout")
    bench.resume()
    assert await bench.printer.state() == READY


async def test_a_receipt_in_progress_is_not_disturbed(receipt: Receipt) -> None:
    device = SimulatedPrinter()
    printer = device.driver()
    asked: list[bytes] = []
    reached, go_on = threading.Event(), threading.Event()
    receive = device.receive

    def hold(cable: Cable, data: bytes) -> None:
        asked.append(data)
        if b"Volcano" in data:
            reached.set()
            go_on.wait(10)
        receive(cable, data)

    device.receive = hold  # type: ignore[method-assign]  # as a slow printer would
    printing = asyncio.create_task(printer.print_receipt(receipt))
    assert await asyncio.to_thread(reached.wait, 10)
    so_far = len(asked)
    assert await printer.state() == READY
    assert len(asked) == so_far
    go_on.set()
    await printing
    assert len(device.receipts) == 1


async def test_a_printer_that_is_never_asked_is_not_called_ready(wire: TcpWire, tmp_path: Path) -> None:
    (tmp_path / "lp0").touch()
    for url in (f"{wire.url}?confirm=none", f"escpos+file:{tmp_path}/lp0"):
        state = await open_printer(url).state()
        assert (state.condition, state.reason) == (
            Condition.DEGRADED,
            "the printer is there and can't say how it is",
        )
    (tmp_path / "lp0").unlink()
    wire.printer.unplug()
    for url in (f"{wire.url}?confirm=none", f"escpos+file:{tmp_path}/lp0"):
        assert (await open_printer(url).state()).condition == Condition.ABSENT


async def test_a_usb_printer_that_only_listens(receipt: Receipt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_usb._INTERFACE, "bNumEndpoints", 1)
    device = SimulatedPrinter()
    printer = simulated_usb.open_on_bus(device, Settings())
    assert (await printer.state()).reason == "the printer is there and can't say how it is"
    await printer.print_receipt(receipt)
    assert len(device.receipts) == 1


def test_what_a_printer_does_not_say_is_not_ready() -> None:
    dialogue = Dialogue(Scripted({key: WELL[key] for key in (b"\x10\x04\x01", b"\x10\x04\x02")}), answer_s=0.1)
    state = dialogue.glance(0.05).state()
    assert state == DeviceState(Condition.DEGRADED, "the printer doesn't say how its paper is")
    assert dialogue.out_of_step  # its answer may still come, and would be taken for another's
    dialogue.condition()
    assert dialogue.glance(0.05).state() == state
    assert not dialogue.out_of_step
