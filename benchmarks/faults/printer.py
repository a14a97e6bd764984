"""What happens to receipt printers, over real sockets, a serial line and pyusb, with the driver that ships.

The printer is simulated and its paper is read: a receipt counts where its last line is on a piece of paper that isn't
marked void, cut off or not. Strikes during a receipt come at a random byte of it, so some hit its last part, where it
can be unknown whether it is printed.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from benchmarks.faults import Fault, Outcome, PromiseBroken
from drivers.errors import CoverOpen, DeviceAbsent, DeviceLost, DeviceTimeout, DriverError, OutOfPaper
from drivers.printer import Printer, PrintUnknown, Receipt, ReceiptLine, ReceiptTax, fate_of, open_printer
from drivers.printer.cable import Cable
from drivers.printer.journal import Journal
from drivers.printer.layout import encode_receipt
from drivers.printer.settings import Settings
from drivers.printer.simulated import SimulatedPrinter
from drivers.printer.simulated_usb import open_on_bus
from drivers.printer.simulated_wires import TcpWire
from drivers.states import Condition

# As shipped, an answer has 2 s and a receipt 20 s; shorter here, as a stall lasts that long each time.
ANSWER_S, PRINT_S = 1.0, 3.0
SOON_S = 1.0  # for what the printer says itself
RECOVERED_S = 3.0
_FOREVER_S = 30.0  # where something must happen at all

END = "Thank you, and come again!"  # the last line of a receipt: one without it isn't whole

Wire = Literal["tcp", "usb", "serial"]


def a_receipt(job: str) -> Receipt:
    """A receipt of 1.2 KB, about 20 cm of paper."""
    lines = tuple(ReceiptLine(1, f"Burger with jalapeños {number}", Decimal("9.90")) for number in range(12))
    return Receipt(
        shop="Taquería Olé",
        order_id=job,
        transaction_id=f"txn-{job}",
        lines=lines,
        total=Decimal("118.80"),
        currency="EUR",
        printed_at=datetime.now(UTC),
        link=f"https://kiosk.example/r/{job}",
        footer=END,
        taxes=(ReceiptTax("VAT 10 %", Decimal("10.80")),),
        job=job,
    )


@dataclass
class Bench:
    """A printer on a wire with its driver; `trip` lets something happen in the middle of a receipt."""

    device: SimulatedPrinter
    printer: Printer
    wire: TcpWire | None
    url: str
    job: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    next_job: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    struck_s: float = 0.0

    def strike(self, fault: Callable[[], None]) -> None:
        """Let it happen now."""
        self.struck_s = time.monotonic()
        fault()

    def trip(self, fault: Callable[[], None]) -> asyncio.Event:
        """Let it happen at a random byte of the next receipt; the event is set when it has."""
        size = len(encode_receipt(a_receipt(self.job)).whole)
        left = random.randrange(1, size)  # noqa: S311 - a fault needs no secret
        loop, happened = asyncio.get_running_loop(), asyncio.Event()
        receive = self.device.receive

        def overhear(cable: Cable, data: bytes) -> None:
            nonlocal left
            if data[:2] != b"\x10\x04":  # a question about its status isn't the receipt
                if 0 < left <= len(data):
                    first, data, left = data[:left], data[left:], 0
                    receive(cable, first)
                    self.strike(fault)
                    loop.call_soon_threadsafe(happened.set)
                elif left:
                    left -= len(data)
            receive(cable, data)

        self.device.receive = overhear  # type: ignore[method-assign]  # as a person's hand comes between
        return happened

    def copies(self, job: str) -> int:
        """How many whole receipts of `job` came out, cut or not."""
        pieces = [str(piece) for piece in (*self.device.receipts, *self.device.scraps)]
        return sum(job in piece and END in piece and "VOID" not in piece for piece in pieces)


@asynccontextmanager
async def bench(kind: Wire = "tcp") -> AsyncIterator[Bench]:
    """A printer that has just printed, on a wire of that kind."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "journal"
        options = f"timeout_ms={ANSWER_S * 1000:.0f}&print_ms={PRINT_S * 1000:.0f}&journal={journal}"
        device = SimulatedPrinter()
        if kind == "usb":
            settings = Settings(answer_s=ANSWER_S, print_s=PRINT_S, journal=Journal(journal))
            async with _driven(Bench(device, open_on_bus(device, settings), None, "")) as usb:
                yield usb
        elif kind == "serial":
            async with await device.serve_serial(Path(folder) / "ttyUSB0") as line:
                url = f"{line.url}?{options}"
                async with _driven(Bench(device, open_printer(url), None, url)) as serial:
                    yield serial
        else:
            async with await device.serve_tcp() as wire:
                url = f"{wire.url}?{options}"
                async with _driven(Bench(device, open_printer(url), wire, url)) as network:
                    yield network


@asynccontextmanager
async def _driven(lobby: Bench) -> AsyncIterator[Bench]:
    try:
        await lobby.printer.print_receipt(a_receipt("before"))
        yield lobby
        await lobby.printer.close()
        if lobby.wire is not None:
            async with asyncio.timeout(_FOREVER_S):
                await lobby.wire.hung_up()
        # Whatever still hangs out comes off, so that it is counted.
        lobby.device.connect(lambda _: None, lambda: None).send(b"\x1dV\x00")
        for job in ("before", lobby.job, lobby.next_job):
            if lobby.copies(job) > 1:
                raise PromiseBroken(f"a receipt was printed {lobby.copies(job)} times")
    finally:
        await lobby.printer.close()


async def fails(lobby: Bench, *kinds: type[DriverError]) -> tuple[float, DriverError]:
    """Print, which must fail by one of `kinds`: seconds from the strike to the error, and the error."""
    try:
        await lobby.printer.print_receipt(a_receipt(lobby.job))
    except kinds as error:
        return time.monotonic() - lobby.struck_s, error
    except DriverError as error:
        raise PromiseBroken(f"{type(error).__name__} was raised for it: {error}") from error
    raise PromiseBroken("nobody noticed")


async def said(lobby: Bench, *conditions: Condition) -> None:
    """How the printer is must be one of `conditions`."""
    state = await lobby.printer.state()
    if state.condition not in conditions:
        raise PromiseBroken(f"its state is {state.condition} ({state.reason}) and not {' or '.join(conditions)}")


async def goes_on(lobby: Bench, error: DriverError) -> float:
    """Ask for the same receipt again, then for it once more; seconds until a receipt was printed."""
    begin = time.monotonic()
    fate = fate_of(error)
    if fate == "printed":
        raise PromiseBroken("it is said to be printed, by an error")
    receipt = a_receipt(lobby.job)
    if fate == "unknown":
        try:
            await lobby.printer.print_receipt(receipt)
        except PrintUnknown:
            receipt = a_receipt(lobby.next_job)
        else:
            raise PromiseBroken("nobody knew whether it was printed, and it was printed again")
    await lobby.printer.print_receipt(receipt)
    recovered_s = time.monotonic() - begin
    await lobby.printer.print_receipt(receipt)  # an asker who didn't hear the answer
    if lobby.copies(receipt.order_id) != 1:
        raise PromiseBroken(f"there are {lobby.copies(receipt.order_id)} of a receipt that was printed")
    await said(lobby, Condition.READY)
    return recovered_s


async def before(fault: Callable[[SimulatedPrinter], None], end: Callable[[SimulatedPrinter], None]) -> Outcome:
    """Something that the printer says when it is asked for a receipt."""
    async with bench() as lobby:
        lobby.strike(lambda: fault(lobby.device))
        detected_s, error = await fails(lobby, OutOfPaper, CoverOpen)
        if fate_of(error) != "not printed":
            raise PromiseBroken(f"nothing was sent, and it is said to be {fate_of(error)}")
        await said(lobby, Condition.DEGRADED)
        end(lobby.device)
        return Outcome(detected_s, await goes_on(lobby, error))


def during(
    fault: Callable[[SimulatedPrinter], None],
    end: Callable[[SimulatedPrinter], None],
    *kinds: type[DriverError],
    on: Wire = "tcp",
) -> Callable[[], Awaitable[Outcome]]:
    """Something that happens to the printer in the middle of a receipt."""

    async def strike() -> Outcome:
        async with bench(on) as lobby:
            lobby.trip(lambda: fault(lobby.device))
            detected_s, error = await fails(lobby, *kinds)
            await said(lobby, Condition.DEGRADED, Condition.ABSENT)
            end(lobby.device)
            return Outcome(detected_s, await goes_on(lobby, error))

    return strike


async def reset() -> Outcome:
    """RST in the middle of a receipt."""
    async with bench() as lobby:
        assert lobby.wire is not None
        lobby.trip(lobby.wire.reset)
        detected_s, error = await fails(lobby, DeviceLost)
        return Outcome(detected_s, await goes_on(lobby, error))


async def fin_before() -> Outcome:
    """FIN on the idle connection: the next receipt must come out, over a new one."""
    async with bench() as lobby:
        assert lobby.wire is not None
        await lobby.printer.state()
        lobby.strike(lobby.wire.fin)
        await lobby.printer.print_receipt(a_receipt(lobby.job))
        took_s = time.monotonic() - lobby.struck_s
        if lobby.copies(lobby.job) != 1:
            raise PromiseBroken(f"{lobby.copies(lobby.job)} receipts came out")
        return Outcome(took_s, took_s)


async def slow() -> Outcome:
    """Too slow for a receipt's time; the rest of what it took is printed all the same."""
    async with bench() as lobby:
        assert lobby.wire is not None
        await lobby.printer.state()
        lobby.wire.slow(100)
        lobby.struck_s = time.monotonic()
        detected_s, error = await fails(lobby, DeviceTimeout)
        lobby.wire.slow(None)
        return Outcome(detected_s, await goes_on(lobby, error))


async def killed() -> Outcome:
    """The process that prints is killed in the middle of a receipt; another asks again, with the same journal."""
    async with bench() as lobby:
        # The journal is its own; what this process knows of it must be read from the disk, as after a restart.
        await lobby.printer.close()
        script = (
            "import asyncio, sys\n"
            "from benchmarks.faults.printer import a_receipt\n"
            "from drivers.printer import open_printer\n"
            "asyncio.run(open_printer(sys.argv[1]).print_receipt(a_receipt(sys.argv[2])))\n"
        )
        process: asyncio.subprocess.Process | None = None

        def kill() -> None:
            assert process is not None
            process.kill()

        happened = lobby.trip(kill)
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, lobby.url, lobby.job)
        async with asyncio.timeout(_FOREVER_S):
            await happened.wait()
            code = await process.wait()
        if code == 0:
            raise PromiseBroken("it was quicker than its end")
        detected_s = time.monotonic() - lobby.struck_s
        lobby.printer = open_printer(lobby.url)
        begin = time.monotonic()
        try:
            await lobby.printer.print_receipt(a_receipt(lobby.job))
        except PrintUnknown as error:
            return Outcome(detected_s, await goes_on(lobby, error))
        recovered_s = time.monotonic() - begin
        await lobby.printer.print_receipt(replace(a_receipt(lobby.job)))
        return Outcome(detected_s, recovered_s)


def _gone(device: SimulatedPrinter) -> None:
    device.unplug()


_STALLED_S = PRINT_S + 2 * ANSWER_S

FAULTS = [
    Fault(
        "paper out before the receipt",
        SOON_S,
        RECOVERED_S,
        lambda: before(SimulatedPrinter.empty_roll, SimulatedPrinter.load_roll),
    ),
    Fault(
        "cover open before the receipt",
        SOON_S,
        RECOVERED_S,
        lambda: before(SimulatedPrinter.open_cover, SimulatedPrinter.close_cover),
    ),
    Fault(
        "paper out during the receipt",
        SOON_S,
        RECOVERED_S,
        during(SimulatedPrinter.empty_roll, SimulatedPrinter.load_roll, OutOfPaper),
    ),
    Fault(
        "cover opened during the receipt",
        SOON_S,
        RECOVERED_S,
        during(SimulatedPrinter.open_cover, SimulatedPrinter.close_cover, CoverOpen),
    ),
    Fault("connection reset (RST) during the receipt", SOON_S, RECOVERED_S, reset),
    Fault("connection closed (FIN) before the receipt", RECOVERED_S, RECOVERED_S, fin_before),
    Fault(
        "stall during the receipt",
        _STALLED_S,
        RECOVERED_S,
        during(SimulatedPrinter.stall, SimulatedPrinter.resume, DeviceTimeout),
    ),
    Fault(
        "power cycle during the receipt",
        SOON_S,
        RECOVERED_S,
        during(_gone, SimulatedPrinter.plug, DeviceLost, DeviceAbsent),
    ),
    Fault(
        "USB plug pulled during the receipt",
        SOON_S,
        RECOVERED_S,
        during(_gone, SimulatedPrinter.plug, DeviceLost, DeviceAbsent, on="usb"),
    ),
    Fault(
        "serial line pulled during the receipt",
        SOON_S,
        RECOVERED_S,
        during(_gone, SimulatedPrinter.plug, DeviceLost, DeviceAbsent, on="serial"),
    ),
    Fault("printer too slow for the receipt", _STALLED_S, 2 * RECOVERED_S, slow),
    Fault("printing process killed during the receipt", SOON_S, RECOVERED_S, killed),
]
