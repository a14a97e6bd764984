"""A receipt printer that speaks ESC/POS, over python-escpos' transports.

What python-escpos leaves to its caller is done here: bounded waits, connecting again after the printer or the
network went away, a status that is asked and never guessed, and a receipt that counts as printed when the
printer says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from drivers.address import DeviceAddress
from drivers.errors import CoverOpen, DeviceLost, DeviceSetup, DeviceTimeout, DriverError, OutOfPaper
from drivers.printer import Notice, PrinterStatus, Receipt
from drivers.printer.commands import ESC, GS
from drivers.printer.dialogue import Dialogue
from drivers.printer.fate import Progress, doubtful
from drivers.printer.layout import Job, encode_notice, encode_receipt
from drivers.printer.settings import OPTIONS, Settings, settings_of
from drivers.printer.threaded import Result, Visit, in_thread
from drivers.printer.transports import FileTransport, SerialTransport, TcpTransport, Transport, UsbTransport
from drivers.states import Condition, DeviceState

_CUT: Final = GS + b"V\x42\x00"
# In the middle and twice as big: a piece of a receipt must not be taken for one.
_VOID: Final = ESC + b"@" + ESC + b"a\x01" + GS + b"!\x11VOID\n" + GS + b"!\x00this receipt is incomplete\n"
_UNKNOWN: Final = PrinterStatus(online="unknown", paper="unknown", cover="unknown")
_UNSAID: Final = DeviceState(Condition.DEGRADED, "the printer is there and can't say how it is")
_STATE_S: Final = 1.8  # for `state`, which has 2 s
_GLANCE_S: Final = 0.4  # for an answer to it: a printer takes 1 to 50 ms


class EscposPrinter:
    """The printer at the end of the transports that `connect` makes; connects when it is first needed."""

    def __init__(self, connect: Callable[[], Transport], settings: Settings) -> None:
        self._connect = connect
        self._settings = settings
        self._dialogue: Dialogue | None = None
        self._unanswered: set[int] = set()
        self._turn = asyncio.Lock()
        self._printing = False
        self._new_roll = False
        self._known = DeviceState(Condition.DEGRADED, "the printer hasn't said yet how it is")

    async def print_receipt(self, receipt: Receipt) -> None:
        """See `Printer`."""
        columns, profile, logo = self._settings.columns, self._settings.profile, self._settings.logo
        await self._print_once(
            receipt.job, lambda: encode_receipt(receipt, columns=columns, profile=profile, logo=logo)
        )

    async def print_notice(self, notice: Notice) -> None:
        """See `Printer`."""
        columns, profile = self._settings.columns, self._settings.profile
        await self._print_once(notice.job, lambda: encode_notice(notice, columns=columns, profile=profile))

    async def _print_once(self, job: str | None, encode: Callable[[], Job]) -> None:
        limit_s = 10 * self._settings.answer_s + 2 * self._settings.print_s
        async with self._turn:
            if job is not None:
                entry = self._settings.journal.entry(job)
                if entry in ("printed", "taken"):
                    return
                if entry == "unknown":
                    raise doubtful(job)
            progress = Progress(job, self._settings.journal)
            self._printing = True
            try:
                await self._with_printer(partial(self._print, encode, progress), limit_s)
            except DriverError as error:
                progress.give_up()
                self._known = DeviceState.of(error)
                self._new_roll = self._new_roll or isinstance(error, OutOfPaper)
                raise progress.tell(error) from error
            except BaseException:
                progress.give_up()
                raise
            finally:
                self._printing = False

    async def status(self) -> PrinterStatus:
        """See `Printer`."""
        async with self._turn:
            return await self._with_printer(self._status, 10 * self._settings.answer_s)

    async def state(self) -> DeviceState:
        """See `Printer`."""
        if self._printing:
            return self._known
        try:
            async with asyncio.timeout(_STATE_S), self._turn:
                self._known = await self._look()
        except DriverError as error:
            self._known = DeviceState.of(error)
        except TimeoutError:
            if not self._printing:  # it waits for its turn behind a receipt that began meanwhile
                self._known = DeviceState.of(DeviceTimeout(f"the printer doesn't answer within {_STATE_S:g} s"))
        return self._known

    async def close(self) -> None:
        """See `Printer`."""
        async with self._turn:
            dialogue, self._dialogue = self._dialogue, None
            if dialogue is not None:
                await in_thread(dialogue.close, self._settings.answer_s)

    def _status(self, dialogue: Dialogue) -> PrinterStatus:
        if not self._asks(dialogue.answers):
            return _UNKNOWN
        return dialogue.condition().status()

    async def _look(self) -> DeviceState:
        transport = self._connect()
        if self._asks(transport.answers):
            return await self._with_printer(self._glance, 2 * _STATE_S)
        await in_thread(partial(transport.look, _STATE_S), 2 * _STATE_S)
        return _UNSAID

    def _glance(self, dialogue: Dialogue) -> DeviceState:
        return dialogue.glance(_GLANCE_S).state() if self._asks(dialogue.answers) else _UNSAID

    def _print(self, encode: Callable[[], Job], progress: Progress, dialogue: Dialogue) -> None:
        settings = self._settings
        job = encode()
        asks = self._asks(dialogue.answers)
        if asks:
            condition = dialogue.condition()
            refusal = condition.refusal()
            if refusal is not None:
                raise refusal
            self._known = condition.state()
        if asks:
            if settings.journal.last == "not printed":
                # What a stalled printer still has of it, and the half of a command that a broken connection left.
                dialogue.clear()
            job = replace(job, head=self._end_of_the_last() + job.head)
        if settings.confirm in ("printed", "id") and asks:
            dialogue.print(job, settings.print_s, progress)
            return
        progress.begin()
        progress.begin_tail()
        dialogue.send(job.whole, settings.print_s)
        if asks:
            dialogue.refuse_unless_well()
        progress.taken()

    def _end_of_the_last(self) -> bytes:
        """What a failed receipt left hanging out of the printer doesn't belong to this customer."""
        last, new_roll = self._settings.journal.last, self._new_roll
        self._new_roll = False
        if last not in ("not printed", "unknown"):
            return b""
        # A whole one may be valid, and the end of a roll was torn off by whoever put in the next.
        return _CUT if new_roll or last == "unknown" else _VOID + _CUT

    def _asks(self, answers: bool) -> bool:
        return answers and self._settings.confirm != "none"

    async def _with_printer(self, work: Callable[[Dialogue], Result], limit_s: float) -> Result:
        """Do `work` in a thread, on the connection that stands or a new one; keep it if it is still good.

        For whoever has the turn.
        """
        visit = Visit(self._dialogue)
        self._dialogue = None
        try:
            result = await in_thread(lambda: self._do(work, visit), limit_s)
        except (OutOfPaper, CoverOpen):
            self._dialogue = visit.dialogue
            raise
        except BaseException:
            # Also when cancelled: whatever the thread is at, its connection is nobody else's any more.
            visit.give_up()
            raise
        self._dialogue = visit.dialogue
        return result

    def _do(self, work: Callable[[Dialogue], Result], visit: Visit) -> Result:
        dialogue = self._reach(visit)
        try:
            return work(dialogue)
        finally:
            # Nobody would notice the end of a connection that nothing comes back on, so each job has its own.
            if not self._asks(dialogue.answers) or dialogue.out_of_step:
                visit.leave()

    def _reach(self, visit: Visit) -> Dialogue:
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
        ids = self._settings.confirm == "id"
        return visit.take(Dialogue(transport, self._settings.answer_s, self._unanswered, ids=ids))


def open_escpos(address: DeviceAddress) -> EscposPrinter:
    """The printer at an ``escpos+tcp``, ``+usb``, ``+serial`` or ``+file`` address, reached when first used.

    Options: ``columns`` (48 or 32), ``profile`` (python-escpos' model), ``timeout_ms`` (for a connection or
    an answer, 2000), ``print_ms`` (for a receipt, 20000), ``confirm`` (printed, id, status or none), ``logo`` (a PNG),
    ``journal`` (a file); on a serial port also ``baud`` (9600) and ``flow`` (dsrdtr or xonxoff). Blocks while it
    reads the logo and the journal.

    Raises:
        DeviceSetup: the address can't be used.
    """
    match address.scheme:
        case "escpos+tcp":
            address.only(*OPTIONS)
            if not address.host:
                raise DeviceSetup("escpos+tcp: needs a host, as in escpos+tcp://10.0.0.5:9100")
            return _printer(address, partial(TcpTransport, address.host, address.port or 9100))
        case "escpos+usb":
            address.only(*OPTIONS)
            return _printer(address, partial(UsbTransport, *_usb_id(address.path)))
        case "escpos+serial":
            address.only(*OPTIONS, "baud", "flow")
            if not address.path:
                raise DeviceSetup("escpos+serial: needs a device, as in escpos+serial:/dev/ttyUSB0")
            flow = address.options.get("flow", "dsrdtr")
            if flow not in ("dsrdtr", "xonxoff"):
                raise DeviceSetup(f"escpos+serial: flow={flow!r} is neither dsrdtr nor xonxoff")
            baud = address.number("baud", 9600)
            return _printer(address, partial(SerialTransport, address.path, baud, xonxoff=flow == "xonxoff"))
        case "escpos+file":
            address.only(*OPTIONS)
            if not address.path:
                raise DeviceSetup("escpos+file: needs a device file, as in escpos+file:/dev/usb/lp0")
            return _printer(address, partial(FileTransport, address.path))
    raise DeviceSetup(f"{address.scheme}: is no way to an ESC/POS printer")


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
