"""A receipt printer that speaks ESC/POS, over python-escpos' transports.

What python-escpos leaves to its caller is done here: bounded waits, connecting again after the printer or the
network went away, a status that is asked and never guessed, and a receipt that counts as printed when the
printer says so.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, TypeVar

from drivers.address import DeviceAddress
from drivers.errors import CoverOpen, DeviceLost, DeviceSetup, DeviceTimeout, OutOfPaper
from drivers.printer import PrinterStatus, Receipt
from drivers.printer.commands import GS
from drivers.printer.dialogue import Dialogue
from drivers.printer.layout import encode_receipt
from drivers.printer.python_escpos import PROFILES
from drivers.printer.transports import FileTransport, SerialTransport, TcpTransport, Transport, UsbTransport

Confirm = Literal["printed", "status", "none"]
Result = TypeVar("Result")

_CONFIRM: Final[dict[str, Confirm]] = {"printed": "printed", "status": "status", "none": "none"}
_CUT: Final = GS + b"V\x42\x00"
_UNKNOWN: Final = PrinterStatus(online="unknown", paper="unknown", cover="unknown")


@dataclass(frozen=True)
class Settings:
    """How to print, and how long to wait.

    `columns` of font A: 48 on 80 mm paper, 32 on 58 mm. `profile` is python-escpos' name for the model.
    `confirm` is what a printed receipt is known by: "printed", the answer to GS r; "status", the printer's
    status right after it took the receipt; "none", nothing is ever asked. `answer_s` is for a connection
    and for an answer, `print_s` for a receipt.
    """

    columns: int = 48
    profile: str = "default"
    confirm: Confirm = "printed"
    answer_s: float = 2.0
    print_s: float = 20.0


class EscposPrinter:
    """The printer at the end of the transports that `connect` makes; connects when it is first needed."""

    def __init__(self, connect: Callable[[], Transport], settings: Settings) -> None:
        self._connect = connect
        self._settings = settings
        self._dialogue: Dialogue | None = None
        self._hanging = False
        self._turn = asyncio.Lock()

    async def print_receipt(self, receipt: Receipt) -> None:
        """See `Printer`."""
        limit_s = 10 * self._settings.answer_s + 2 * self._settings.print_s
        await self._with_printer(partial(self._print, receipt), limit_s)

    async def status(self) -> PrinterStatus:
        """See `Printer`."""
        return await self._with_printer(self._status, 10 * self._settings.answer_s)

    async def close(self) -> None:
        """See `Printer`."""
        async with self._turn:
            dialogue, self._dialogue = self._dialogue, None
            if dialogue is not None:
                await _in_thread(dialogue.close, self._settings.answer_s)

    def _status(self, dialogue: Dialogue) -> PrinterStatus:
        if not self._asks(dialogue):
            return _UNKNOWN
        return dialogue.condition().status()

    def _print(self, receipt: Receipt, dialogue: Dialogue) -> None:
        job = encode_receipt(receipt, columns=self._settings.columns, profile=self._settings.profile)
        if not self._asks(dialogue):
            dialogue.send(job, self._settings.print_s)
            return
        refusal = dialogue.condition().refusal()
        if refusal is not None:
            raise refusal
        # What a failed receipt left hanging out of the printer doesn't belong to this customer.
        job = _CUT + job if self._hanging else job
        self._hanging = True
        try:
            if self._settings.confirm == "printed":
                dialogue.print(job, self._settings.print_s)
            else:
                dialogue.send(job, self._settings.print_s)
                dialogue.refuse_unless_well()
        except DeviceLost as error:
            raise DeviceLost(f"{error}; the receipt may be printed in part") from error
        self._hanging = False

    def _asks(self, dialogue: Dialogue) -> bool:
        return dialogue.answers and self._settings.confirm != "none"

    async def _with_printer(self, work: Callable[[Dialogue], Result], limit_s: float) -> Result:
        """Do `work` in a thread, on the connection that stands or a new one; keep it if it is still good."""
        async with self._turn:
            visit = _Visit(self._dialogue)
            self._dialogue = None
            try:
                result = await _in_thread(lambda: self._do(work, visit), limit_s)
            except (OutOfPaper, CoverOpen):
                self._dialogue = visit.dialogue
                raise
            except BaseException:
                # Also when cancelled: whatever the thread is at, its connection is nobody else's any more.
                visit.give_up()
                raise
            self._dialogue = visit.dialogue
            return result

    def _do(self, work: Callable[[Dialogue], Result], visit: _Visit) -> Result:
        dialogue = self._reach(visit)
        if self._asks(dialogue):
            return work(dialogue)
        # Nobody would notice the end of a connection that nothing comes back on, so each job has its own.
        try:
            return work(dialogue)
        finally:
            visit.leave()

    def _reach(self, visit: _Visit) -> Dialogue:
        """A dialogue with a printer that has just answered, if it can answer.

        A connection that the printer closed while nobody looked takes one more write in silence. The question
        asked here is that write, so no receipt is.
        """
        if visit.dialogue is not None:
            try:
                visit.dialogue.hello()
            except DeviceLost:
                visit.leave()
            else:
                return visit.dialogue
        transport = self._connect()
        transport.open(self._settings.answer_s)
        return visit.take(Dialogue(transport, self._settings.answer_s))


class _Visit:
    """A thread's use of a connection, which the event loop may give up at any moment."""

    def __init__(self, dialogue: Dialogue | None) -> None:
        self.dialogue = dialogue
        self._given_up = False
        self._lock = threading.Lock()

    def take(self, dialogue: Dialogue) -> Dialogue:
        """Go on with `dialogue`.

        Raises:
            DeviceLost: nobody waits for it any more; it is closed.
        """
        with self._lock:
            if not self._given_up:
                self.dialogue = dialogue
                return dialogue
        dialogue.close()
        raise DeviceLost("the printer was given up")

    def leave(self) -> None:
        """Close the connection."""
        with self._lock:
            dialogue, self.dialogue = self.dialogue, None
        if dialogue is not None:
            dialogue.close()

    def give_up(self) -> None:
        """Close the connection under the thread that uses it, without waiting for either."""
        with self._lock:
            self._given_up = True
        threading.Thread(target=self.leave, name="printer-goodbye", daemon=True).start()


async def _in_thread(work: Callable[[], Result], limit_s: float) -> Result:
    """Run `work` in a thread of its own, which a stalled device may keep without keeping the process.

    Raises:
        DeviceTimeout: it isn't done within `limit_s`.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if done.cancelled() or done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # None only where Result is

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as failure:  # carried over to whoever awaits
            error = failure
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:  # the loop was closed meanwhile: nobody awaits
            return

    threading.Thread(target=run, name="printer", daemon=True).start()
    try:
        async with asyncio.timeout(limit_s):
            return await done
    except TimeoutError as error:
        if done.done() and not done.cancelled():
            raise
        raise DeviceTimeout(f"the printer is stalled: nothing happens for {limit_s:g} s") from error


def open_escpos(address: DeviceAddress) -> EscposPrinter:
    """The printer at an ``escpos+tcp``, ``+usb``, ``+serial`` or ``+file`` address, reached when first used.

    Options: ``columns`` (48 or 32), ``profile`` (python-escpos' model), ``timeout_ms`` (for a connection or
    an answer, 2000), ``print_ms`` (for a receipt, 20000), ``confirm`` (printed, status or none); on a
    serial port also ``baud`` (9600) and ``flow`` (dsrdtr or xonxoff).

    Raises:
        DeviceSetup: the address can't be used.
    """
    common = ("columns", "profile", "timeout_ms", "print_ms", "confirm")
    match address.scheme:
        case "escpos+tcp":
            address.only(*common)
            if not address.host:
                raise DeviceSetup("escpos+tcp: needs a host, as in escpos+tcp://10.0.0.5:9100")
            return _printer(address, partial(TcpTransport, address.host, address.port or 9100))
        case "escpos+usb":
            address.only(*common)
            return _printer(address, partial(UsbTransport, *_usb_id(address.path)))
        case "escpos+serial":
            address.only(*common, "baud", "flow")
            if not address.path:
                raise DeviceSetup("escpos+serial: needs a device, as in escpos+serial:/dev/ttyUSB0")
            flow = address.options.get("flow", "dsrdtr")
            if flow not in ("dsrdtr", "xonxoff"):
                raise DeviceSetup(f"escpos+serial: flow={flow!r} is neither dsrdtr nor xonxoff")
            baud = address.number("baud", 9600)
            return _printer(address, partial(SerialTransport, address.path, baud, xonxoff=flow == "xonxoff"))
        case "escpos+file":
            address.only(*common)
            if not address.path:
                raise DeviceSetup("escpos+file: needs a device file, as in escpos+file:/dev/usb/lp0")
            return _printer(address, partial(FileTransport, address.path))
    raise DeviceSetup(f"{address.scheme}: is no way to an ESC/POS printer")


def settings_of(address: DeviceAddress) -> Settings:
    """The settings in an address' options.

    Raises:
        DeviceSetup: one of them can't be.
    """
    columns = address.number("columns", 48)
    if columns not in (32, 42, 48):
        raise DeviceSetup(f"{address.scheme}: columns={columns}; 48 fits 80 mm paper, 32 fits 58 mm")
    profile = address.options.get("profile", "default")
    if profile not in PROFILES:
        raise DeviceSetup(f"{address.scheme}: no profile {profile!r}; known: {', '.join(sorted(PROFILES))}")
    confirm = _CONFIRM.get(address.options.get("confirm", "printed"))
    if confirm is None:
        raise DeviceSetup(f"{address.scheme}: confirm can be {', '.join(_CONFIRM)}")
    answer_ms, print_ms = address.number("timeout_ms", 2000), address.number("print_ms", 20_000)
    if answer_ms <= 0 or print_ms <= 0:
        raise DeviceSetup(f"{address.scheme}: timeout_ms and print_ms are above 0")
    return Settings(columns, profile, confirm, answer_ms / 1000, print_ms / 1000)


def _printer(address: DeviceAddress, connect: Callable[[], Transport]) -> EscposPrinter:
    return EscposPrinter(connect, settings_of(address))


def _usb_id(path: str) -> tuple[int, int]:
    try:
        vendor, product = (int(part, 16) for part in path.split(":"))
        if not (0 <= vendor <= 0xFFFF and 0 <= product <= 0xFFFF):
            raise ValueError("a USB number has four hexadecimal digits")
    except ValueError as error:
        raise DeviceSetup(f"escpos+usb: {path!r} is no vendor:product, as in escpos+usb://04b8:0e15") from error
    return vendor, product
