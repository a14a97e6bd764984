"""A simulated receipt printer: ESC/POS in, status bytes out, and paper that runs out.

It is the device, not a stand-in for the driver: `SimulatedPrinter.driver()` gives the same `EscposPrinter`
that drives a real one, connected in-process; `simulated_wires` puts the same device on a TCP socket or a
serial line.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from drivers.address import DeviceAddress
from drivers.errors import DeviceAbsent, DeviceSetup
from drivers.printer.cable import Cable, InProcessTransport
from drivers.printer.commands import DLE, ESC, GS, Command, Text
from drivers.printer.escpos import EscposPrinter
from drivers.printer.head import PrintHead
from drivers.printer.paper import PrintedReceipt, Roll
from drivers.printer.settings import DOTS_PER_COLUMN, OPTIONS, Settings, settings_of

if TYPE_CHECKING:
    from drivers.printer.simulated_wires import SerialWire, TcpWire

ROLL_MM = 80_000  # what is sold as 80 m of 80 mm paper
NEAR_END_MM = 3_000  # about what is left when the near-end sensor of a desktop printer sees the core


@dataclass(frozen=True)
class _Listener:
    """Somebody who watches, on the event loop they watch from."""

    loop: asyncio.AbstractEventLoop
    on_receipt: Callable[[PrintedReceipt], None] | None = None
    on_change: Callable[[SimulatedPrinter], None] | None = None

    def receipt(self, receipt: PrintedReceipt) -> None:
        if self.on_receipt is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody watches any more
                self.loop.call_soon_threadsafe(self.on_receipt, receipt)

    def change(self, printer: SimulatedPrinter) -> None:
        if self.on_change is not None:
            with contextlib.suppress(RuntimeError):  # as above
                self.loop.call_soon_threadsafe(self.on_change, printer)


class SimulatedPrinter:
    """A printer with `columns` of font A (48: 80 mm paper, 32: 58 mm) and a new roll.

    `chinese` wakes up as most unbranded printers do, reading bytes above 0x80 in pairs; `automatic_status`
    sends its status unasked (ASB), as a printer with that switch set does. Every method may be called from
    any thread; what is registered with `on_receipt` and `on_change` is called on the event loop it was
    registered on.
    """

    def __init__(
        self,
        *,
        columns: int = 48,
        roll_mm: float = ROLL_MM,
        chinese: bool = False,
        automatic_status: bool = False,
    ) -> None:
        self.columns = columns
        self.receipts: list[PrintedReceipt] = []
        """Every piece cut off, oldest first."""
        self.scraps: list[PrintedReceipt] = []
        """Pieces that ended because the roll did; nobody calls them receipts."""
        self.unknown: list[bytes] = []
        """Commands that this printer doesn't know or can't honour, as they came."""
        self.plugged = True
        self.cover_open = False
        self.awake = threading.Event()
        """Not set while it is stalled."""
        self.awake.set()
        self._automatic_status = automatic_status
        self._lock = threading.RLock()
        self._roll = Roll(columns * DOTS_PER_COLUMN, roll_mm)
        self._head = PrintHead(columns * DOTS_PER_COLUMN, self._roll.print, chinese=chinese)
        self._cables: list[Cable] = []
        self._buffer: deque[tuple[Cable, Text | Command]] = deque()
        self._stuck: list[tuple[Cable, bytes]] = []
        self._listeners: list[_Listener] = []
        self._outlets: list[Callable[[bool], None]] = []
        self._handed_out = 0

    # What a person sees

    @property
    def paper_left_mm(self) -> float:
        """What is left on the roll."""
        with self._lock:
            return self._roll.left_mm

    @property
    def paper_out(self) -> bool:
        """The roll is used up."""
        with self._lock:
            return self._roll.out

    @property
    def online(self) -> bool:
        """It has power, paper and a closed cover, so it prints."""
        return self.plugged and not self.cover_open and not self.paper_out

    async def next_receipt(self, timeout_s: float = 10.0) -> PrintedReceipt:
        """The oldest receipt that wasn't handed out by this method yet; waits for one to be cut.

        Raises:
            TimeoutError: none is within `timeout_s`.
        """
        cut = asyncio.Event()
        forget = self.on_receipt(lambda _: cut.set())
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    with self._lock:
                        if self._handed_out < len(self.receipts):
                            self._handed_out += 1
                            return self.receipts[self._handed_out - 1]
                    cut.clear()
                    await cut.wait()
        finally:
            forget()

    def on_receipt(self, listener: Callable[[PrintedReceipt], None]) -> Callable[[], None]:
        """Call `listener` with each receipt cut from now on; the returned function ends that."""
        return self._listen(_Listener(asyncio.get_running_loop(), on_receipt=listener))

    def on_change(self, listener: Callable[[SimulatedPrinter], None]) -> Callable[[], None]:
        """Call `listener` whenever paper, cover or plug changed; the returned function ends that."""
        return self._listen(_Listener(asyncio.get_running_loop(), on_change=listener))

    def driver(self, settings: Settings | None = None) -> SimulatedEscposPrinter:
        """The driver of a real printer, connected to this one in-process."""
        return SimulatedEscposPrinter(self, settings or Settings(columns=self.columns))

    # Stage directions

    def empty_roll(self) -> None:
        """The paper ends here and now."""
        with self._lock:
            self._roll.shorten(0)
            self._tell()

    def load_roll(self, mm: float = ROLL_MM) -> None:
        """Put in a roll of `mm`; what the printer still has to print it prints."""
        with self._lock:
            scrap = self._roll.replace(mm)
            if scrap is not None:
                self.scraps.append(scrap)
            self._tell()
            self._go_on()

    def roll_near_end(self) -> None:
        """Use up the roll until the near-end sensor sees it."""
        with self._lock:
            self._roll.shorten(NEAR_END_MM - 1)
            self._tell()

    def open_cover(self) -> None:
        """Open the cover: printing stops, status goes on."""
        with self._lock:
            self.cover_open = True
            self._tell()

    def close_cover(self) -> None:
        """Close the cover: printing goes on."""
        with self._lock:
            self.cover_open = False
            self._tell()
            self._go_on()

    def unplug(self) -> None:
        """Pull the plug: every connection ends, and with the power goes all that wasn't printed."""
        with self._lock:
            self.plugged = False
            cables, self._cables = self._cables, []
            self._buffer.clear()
            self._stuck.clear()
            self._roll.forget()
            self._head.reset()
            self._tell()
        for cable in cables:
            cable.pull()
        for hear in list(self._outlets):
            hear(False)

    def plug(self) -> None:
        """Plug it in again."""
        with self._lock:
            self.plugged = True
            self._tell()
        for hear in list(self._outlets):
            hear(True)

    def stall(self) -> None:
        """Hang: bytes are accepted, nothing is printed, nothing is answered."""
        with self._lock:
            self.awake.clear()

    def resume(self) -> None:
        """Come round, and work off what came meanwhile."""
        with self._lock:
            self.awake.set()
            stuck, self._stuck = self._stuck, []
            for cable, data in stuck:
                self._take(cable, data)  # whether its host is still there or not

    # The wire

    def connect(self, deliver: Callable[[bytes], None], cut: Callable[[], None]) -> Cable:
        """Connect a host: `deliver` gets the printer's answers, `cut` is called if the plug is pulled.

        Raises:
            DeviceAbsent: it is unplugged.
        """
        with self._lock:
            if not self.plugged:
                raise DeviceAbsent("the simulated printer is unplugged")
            cable = Cable(self, deliver, cut)
            self._cables.append(cable)
            if self._automatic_status:
                cable.automatic_status = True
                deliver(self._automatic())
            return cable

    def on_plug(self, hear: Callable[[bool], None]) -> Callable[[], None]:
        """For a wire: call `hear` when the plug is pulled (False) or put in (True), before that returns."""
        self._outlets.append(hear)
        return partial(self._outlets.remove, hear)

    async def serve_tcp(self, host: str = "127.0.0.1", port: int = 0) -> TcpWire:
        """Put the printer on a TCP port, as a network printer is on 9100; port 0 takes a free one."""
        from drivers.printer.simulated_wires import TcpWire  # noqa: PLC0415  # it needs this module

        return TcpWire(self, host, port)

    async def serve_serial(self, path: Path) -> SerialWire:
        """Put the printer on a serial line: a pseudo-terminal that `path` leads to while it is plugged in."""
        from drivers.printer.simulated_wires import SerialWire  # noqa: PLC0415  # as above

        return SerialWire(self, path)

    def disconnect(self, cable: Cable) -> None:
        """The host hung up. What it sent is still printed."""
        with self._lock, contextlib.suppress(ValueError):  # it may have been cut before
            self._cables.remove(cable)

    def receive(self, cable: Cable, data: bytes) -> None:
        """Take in bytes from a host: real-time commands at once, the rest in turn while it can print."""
        with self._lock:
            if cable not in self._cables:
                return
            if not self.awake.is_set():
                self._stuck.append((cable, data))
                return
            self._take(cable, data)

    def _take(self, cable: Cable, data: bytes) -> None:
        left_mm = self._roll.left_mm
        for token in cable.stream.feed(data):
            if isinstance(token, Command) and token.known and token.name[:1] == DLE:
                self._real_time(cable, token)
            else:
                self._buffer.append((cable, token))
                self._go_on()
        if self._roll.left_mm != left_mm:
            self._tell()

    def _go_on(self) -> None:
        while self._buffer and self.online and self.awake.is_set():
            cable, token = self._buffer.popleft()
            if isinstance(token, Text):
                self._head.write(token.data)
            else:
                self._execute(cable, token)

    def _execute(self, cable: Cable, command: Command) -> None:
        if command.name == GS + b"a":
            cable.automatic_status = bool(command.data[0] & 0x0F)
            if cable.automatic_status:
                cable.deliver(self._automatic())
        elif command.name in (GS + b"r", ESC + b"v"):
            sensors = 0x03 if self._roll.left_mm < NEAR_END_MM else 0x00
            paper = command.name == ESC + b"v" or command.data[0] in b"\x011"
            cable.deliver(bytes([sensors if paper else 0x00]))
        elif command.name == GS + b"(H" and command.data[:2] == b"00":
            cable.deliver(b"\x37\x22" + command.data[2:6] + b"\x00")
        elif not self._head.execute(command):
            self.unknown.append(command.name + command.data)
        elif command.name in (GS + b"V", ESC + b"i", ESC + b"m"):
            self._cut(cable)

    def _cut(self, cable: Cable) -> None:
        if self._roll.out:  # on the way to the blade: the cut is still to come
            self._buffer.appendleft((cable, Command(ESC + b"m")))
            return
        receipt = self._roll.cut()
        if receipt is not None:
            self.receipts.append(receipt)
            for listener in list(self._listeners):
                listener.receipt(receipt)

    def _real_time(self, cable: Cable, command: Command) -> None:
        if command.name == DLE + b"\x04" and command.data[0] in (1, 2, 3, 4):
            cable.deliver(bytes([self._status(command.data[0])]))
        elif command.name == DLE + b"\x14" and command.data == b"\x08\x01\x03\x14\x01\x06\x02\x08":
            self._buffer.clear()
            self._head.forget_line()
            self._roll.forget()
            cable.deliver(b"\x37\x25\x00")
        else:
            self.unknown.append(command.name + command.data)

    def _status(self, question: int) -> int:
        """The answer to DLE EOT `question`."""
        near_end = self._roll.left_mm < NEAR_END_MM
        return (
            0x12
            | {
                1: 0x00 if self.online else 0x08,
                2: (0x04 if self.cover_open else 0) | (0x20 if self._roll.out else 0),
                3: 0x00,
                4: (0x0C if near_end else 0) | (0x60 if self._roll.out else 0),
            }[question]
        )

    def _automatic(self) -> bytes:
        """The four bytes of an automatic status."""
        first = 0x10 | (0 if self.online else 0x08) | (0x20 if self.cover_open else 0)
        near_end = self._roll.left_mm < NEAR_END_MM
        third = (0x03 if near_end else 0) | (0x0C if self._roll.out else 0)
        return bytes([first, 0x00, third, 0x0F])

    def _tell(self) -> None:
        """Tell the hosts that want to know, and whoever watches."""
        report = self._automatic()
        for cable in self._cables:
            if cable.automatic_status and self.awake.is_set():
                cable.deliver(report)
        for listener in list(self._listeners):
            listener.change(self)

    def _listen(self, listener: _Listener) -> Callable[[], None]:
        with self._lock:
            self._listeners.append(listener)

        def forget() -> None:
            with self._lock, contextlib.suppress(ValueError):  # twice is as good as once
                self._listeners.remove(listener)

        return forget


class SimulatedEscposPrinter(EscposPrinter):
    """The driver of a real printer, and the simulated one it is connected to."""

    def __init__(self, device: SimulatedPrinter, settings: Settings) -> None:
        super().__init__(partial(InProcessTransport, device), settings)
        self.device = device


def open_simulated(address: DeviceAddress) -> SimulatedEscposPrinter:
    """A new simulated printer and its driver; `device` of what is returned is the printer.

    Options: those of `open_escpos`, and ``roll_mm``.

    Raises:
        DeviceSetup: an option can't be.
    """
    address.only(*OPTIONS, "roll_mm")
    settings = settings_of(address)
    roll_mm = address.number("roll_mm", ROLL_MM)
    if roll_mm < 0:
        raise DeviceSetup(f"{address.scheme}: roll_mm={roll_mm} is less than no paper")
    return SimulatedPrinter(columns=settings.columns, roll_mm=roll_mm).driver(settings)
