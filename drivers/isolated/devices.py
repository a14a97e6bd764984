"""The devices as their Protocols have them, each in a process of its own."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Collection
from typing import TYPE_CHECKING, Any, Final

from drivers.errors import DriverError
from drivers.isolated.keeper import PATIENCE, Keeper, Patience
from drivers.isolated.link import Ended, Link
from drivers.states import DeviceState

if TYPE_CHECKING:  # their libraries are the child's to import: this process stays small
    from drivers.camera import Frame
    from drivers.gpio import PinChange
    from drivers.leds import Pattern
    from drivers.microphone import Chunk
    from drivers.nfc import Tap
    from drivers.printer import Notice, PrinterStatus, Receipt

# Drivers have their own, shorter limits and better words; past these the process is ended.
LEDS_S: Final = 3.0
PRINT_S: Final = 70.0  # a receipt may take 60 s with the driver's own limits
PRINTER_STATUS_S: Final = 10.0
LAMP_S: Final = 2.0
GO_DARK_S: Final = 2.0


class _Isolated:
    """What all of them have."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        keeper.start()

    @property
    def pid(self) -> int | None:
        """The process that has the device; None while there is none."""
        return self._keeper.pid

    async def state(self) -> DeviceState:
        """How the device is now."""
        return await self._keeper.state()

    async def close(self) -> None:
        """Let go of the device and end its process."""
        await self._keeper.close()


class IsolatedLeds(_Isolated):
    """Leds. A new process begins with a dark strip, so that no pattern outlives the one that played it."""

    def __init__(self, opener: str, url: str, *, count: int, patience: Patience = PATIENCE) -> None:
        self._count = count
        keeper = Keeper("the LED strip", opener, url, patience=patience, on_start=_go_dark, spent=("timeout",))
        super().__init__(keeper)

    @property
    def count(self) -> int:
        """How many LEDs the strip has."""
        return int(self._keeper.facts.get("count", self._count))

    async def play(self, pattern: Pattern, color: str, duration_ms: int | None = None) -> None:
        """Start `pattern`; see `Leds.play`."""
        await self._keeper.call("play", pattern, color, duration_ms, within_s=LEDS_S)

    async def off(self) -> None:
        """Go dark now."""
        await self._keeper.call("off", within_s=LEDS_S)


class IsolatedPrinter(_Isolated):
    """A receipt printer. `spent` as the keeper has it."""

    def __init__(self, opener: str, url: str, *, patience: Patience = PATIENCE, spent: Collection[str] = ()) -> None:
        super().__init__(Keeper("the printer", opener, url, patience=patience, spent=spent))

    async def print_receipt(self, receipt: Receipt) -> None:
        """Print and cut `receipt`; see `Printer.print_receipt`."""
        await self._keeper.call("print_receipt", receipt, within_s=PRINT_S)

    async def print_notice(self, notice: Notice) -> None:
        """Print and cut `notice`; see `Printer.print_notice`."""
        await self._keeper.call("print_notice", notice, within_s=PRINT_S)

    async def status(self) -> PrinterStatus:
        """Ask the printer how it is."""
        status: PrinterStatus = await self._keeper.call("status", within_s=PRINTER_STATUS_S)
        return status


class IsolatedNfcReader(_Isolated):
    """A contactless reader. Its taps go on when its process was replaced."""

    def __init__(self, opener: str, url: str, *, patience: Patience = PATIENCE) -> None:
        super().__init__(Keeper("the NFC reader", opener, url, patience=patience))

    @property
    def name(self) -> str:
        """The reader's name as its system calls it."""
        return str(self._keeper.facts.get("name", "NFC reader"))

    def taps(self) -> AsyncIterator[Tap]:
        """Each card that is held to the reader from now on, once a contact; through losses."""
        return _Lasting(self._keeper, "taps")


class IsolatedPins(_Isolated):
    """Lamp, door and button. After their process was replaced `changes` tells again how the switches are."""

    def __init__(self, opener: str, url: str, *, patience: Patience = PATIENCE) -> None:
        super().__init__(Keeper("the GPIO pins", opener, url, patience=patience))

    async def set_lamp(self, on: bool) -> None:
        """Switch the status lamp."""
        await self._keeper.call("set_lamp", on, within_s=LAMP_S)

    def changes(self) -> AsyncIterator[PinChange]:
        """How door and button are now, then each change of them."""
        return _Lasting(self._keeper, "changes")


class IsolatedCamera(_Isolated):
    """A camera. One that is lost gets a new process: the old one's library may hang for good."""

    def __init__(self, opener: str, url: str, *, patience: Patience = PATIENCE) -> None:
        super().__init__(Keeper("the camera", opener, url, patience=patience, spent=("lost", "timeout")))

    def frames(self) -> AsyncIterator[Frame]:
        """Frames as they come; a slow reader gets the newest and misses the ones between."""
        return self._keeper.items("frames")


class IsolatedMicrophone(_Isolated):
    """A microphone. One that is lost gets a new process: PortAudio knows only the devices it saw when it began."""

    def __init__(self, opener: str, url: str, *, patience: Patience = PATIENCE) -> None:
        super().__init__(Keeper("the microphone", opener, url, patience=patience, spent=("lost", "timeout")))

    def chunks(self) -> AsyncIterator[Chunk]:
        """Sound as it comes, gapless."""
        return self._keeper.items("chunks")


async def _go_dark(link: Link) -> None:
    async with asyncio.timeout(GO_DARK_S):
        await link.call("off")


class _Lasting(AsyncIterator[Any]):
    """A stream that begins when it is made, and goes on with each new process of its device."""

    def __init__(self, keeper: Keeper, method: str) -> None:
        self._keeper = keeper
        self._method = method
        self._link: Link | None = None
        self._stream: asyncio.Task[tuple[Link, int] | None]
        self._begin()

    def _begin(self) -> None:
        self._stream = asyncio.create_task(_begun(self._keeper, self._method, self._link))
        weakref.finalize(self, _let_go, self._stream, asyncio.get_running_loop())

    async def __anext__(self) -> Any:
        while True:
            begun = await asyncio.shield(self._stream)
            if begun is None:
                raise StopAsyncIteration
            self._link, stream = begun
            try:
                return await self._link.next(stream)
            except Ended:
                raise StopAsyncIteration from None
            except DriverError:
                if self._link.failure is None:
                    raise
                self._begin()


async def _begun(keeper: Keeper, method: str, before: Link | None) -> tuple[Link, int] | None:
    link = await keeper.next_link(before)
    return None if link is None else (link, link.stream(method))


def _let_go(stream: asyncio.Task[tuple[Link, int] | None], loop: asyncio.AbstractEventLoop) -> None:
    """Nobody reads the stream any more."""

    def drop() -> None:
        if not stream.done():
            stream.cancel()
        elif not stream.cancelled() and (begun := stream.result()) is not None:
            begun[0].drop(begun[1])

    if not loop.is_closed():
        loop.call_soon_threadsafe(drop)
