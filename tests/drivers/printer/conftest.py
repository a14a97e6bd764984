"""A receipt, and the simulated printer at the end of each wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from drivers.printer import Printer, Receipt, ReceiptLine, open_printer
from drivers.printer.settings import Settings
from drivers.printer.simulated import SimulatedPrinter
from drivers.printer.simulated_usb import open_on_bus
from drivers.printer.simulated_wires import TcpWire

# Long enough for a machine that is busy with other things: only what stalls ever waits so long.
ANSWER_MS = 1000
PRINT_MS = 20_000


@dataclass
class Bench:
    """The driver under test, the printer it drives, and the TCP wire if there is one."""

    printer: Printer
    device: SimulatedPrinter
    wire: TcpWire | None = None

    def stall(self) -> None:
        if self.wire is not None:
            self.wire.stall()
        else:
            self.device.stall()

    def resume(self) -> None:
        if self.wire is not None:
            self.wire.resume()
        else:
            self.device.resume()


@pytest.fixture
def receipt() -> Receipt:
    return Receipt(
        shop="Taquería Olé",
        order_id="A-042",
        transaction_id="txn-7f3a9c1e",
        lines=(
            ReceiptLine(1, "Volcano Burger", Decimal("12.99"), ("extra jalapeños", "no onions")),
            ReceiptLine(2, "Iced Cola", Decimal("5.99")),
        ),
        total=Decimal("24.97"),
        currency="EUR",
        printed_at=datetime(2026, 11, 23, 13, 5, tzinfo=UTC),
        link="https://kiosk.example/receipts/txn-7f3a9c1e.pdf",
    )


@pytest.fixture(params=["in-process", "tcp", "usb", "serial"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """The same printer at the end of each wire; nothing in the driver knows which."""
    device = SimulatedPrinter()
    settings = Settings(answer_s=ANSWER_MS / 1000, print_s=PRINT_MS / 1000)
    options = f"timeout_ms={ANSWER_MS}&print_ms={PRINT_MS}"
    match request.param:
        case "in-process":
            printer: Printer = device.driver(settings)
            yield Bench(printer, device)
        case "usb":
            printer = open_on_bus(device, settings)
            yield Bench(printer, device)
        case "serial":
            async with await device.serve_serial(tmp_path / "ttyUSB0") as line:
                printer = open_printer(f"{line.url}?{options}")
                yield Bench(printer, device)
                await printer.close()
        case _:
            async with await device.serve_tcp() as wire:
                printer = open_printer(f"{wire.url}?{options}")
                yield Bench(printer, device, wire)
                await printer.close()
    await printer.close()


@pytest.fixture
async def wire() -> AsyncIterator[TcpWire]:
    """A printer on the network."""
    async with await SimulatedPrinter().serve_tcp() as wire:
        yield wire


@pytest.fixture
async def printer(wire: TcpWire) -> AsyncIterator[Printer]:
    """The driver of the printer on the network."""
    printer = open_printer(f"{wire.url}?timeout_ms={ANSWER_MS}&print_ms={PRINT_MS}")
    yield printer
    await printer.close()
