"""The receipt printer: the simulated device, in process or at the end of a real wire; and its paper."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from bench import Paper
from bench.deeds import Deed
from bench.stations import Assembled, Doing
from drivers.isolated import open_printer
from drivers.printer import Printer
from drivers.printer.settings import Settings
from drivers.printer.simulated import SimulatedPrinter
from drivers.printer.simulated_usb import open_on_bus

Wire = Literal["in process", "tcp", "usb", "serial"]

_HOW: Final[dict[Wire, str]] = {
    "in process": "simulated ESC/POS printer, connected in process",
    "tcp": "python-escpos over TCP to the simulated ESC/POS printer",
    "usb": "python-escpos and pyusb on a USB bus (backend of ours) with the simulated ESC/POS printer",
    "serial": "python-escpos and pyserial on a pseudo-terminal with the simulated ESC/POS printer",
}


class PaperTray:
    """`Receipts` of a simulated printer."""

    def __init__(self, printer: SimulatedPrinter) -> None:
        self._printer = printer
        self._papers: list[Paper] = []
        self._looked_at = 0
        self._news = asyncio.Event()
        self.on_paper: Callable[[Paper], None] = lambda _: None
        self.close = printer.on_receipt(lambda receipt: self._take(Paper(str(receipt), receipt.png())))

    def _take(self, paper: Paper) -> None:
        self._papers.append(paper)
        self.on_paper(paper)
        self._news.set()

    def begin(self) -> None:
        """See `Receipts`."""
        self._papers.clear()
        self._printer.receipts.clear()
        self._looked_at = 0

    async def next(self, words: Sequence[str], timeout_s: float) -> Paper:
        """See `Receipts`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while len(self._papers) <= self._looked_at:
                    self._news.clear()
                    await self._news.wait()
        assert len(self._papers) > self._looked_at, f"no receipt within {timeout_s:g} s"
        paper = self._papers[self._looked_at]
        self._looked_at += 1
        for word in words:
            assert word in paper.text, f"the receipt does not show {word!r}:\n{paper.text}"
        return paper

    async def count(self) -> int:
        """See `Receipts`."""
        return len(self._printer.receipts)


class SimulatedPrinterOn(Assembled):
    """The simulated printer at the end of `wire`; the driver in front of it is the one that ships."""

    lacks: Mapping[Deed, str] = {}

    def __init__(self, wire: Wire, folder: Path) -> None:
        super().__init__()
        self.how = _HOW[wire]
        self._wire = wire
        self._folder = folder

    async def assemble(self) -> Printer:
        """See `Assembled`."""
        self.device = SimulatedPrinter()
        self.tray = PaperTray(self.device)
        self._leaving.callback(self.tray.close)
        printer = await self._connected()
        self._leaving.push_async_callback(printer.close)
        return printer

    async def _connected(self) -> Printer:
        match self._wire:
            case "in process":
                return self.device.driver()
            case "usb":
                return open_on_bus(self.device, Settings())
            case "tcp":
                return open_printer((await self._leaving.enter_async_context(await self.device.serve_tcp())).url)
            case "serial":
                line = await self.device.serve_serial(self._folder / "ttyUSB0")
                return open_printer((await self._leaving.enter_async_context(line)).url)

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        device = self.device
        return {
            Deed.EMPTY_ROLL: lambda _: device.empty_roll(),
            Deed.LOAD_ROLL: lambda _: device.load_roll(),
            Deed.OPEN_COVER: lambda _: device.open_cover(),
            Deed.CLOSE_COVER: lambda _: device.close_cover(),
            Deed.UNPLUG_PRINTER: lambda _: device.unplug(),
            Deed.PLUG_PRINTER: lambda _: device.plug(),
        }
