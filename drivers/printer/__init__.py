"""The receipt printer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

from drivers.address import DeviceAddress
from drivers.errors import DeviceSetup
from drivers.printer.fate import Fate, PrintUnknown, fate_of
from drivers.states import DeviceState

__all__ = [
    "Fate",
    "Notice",
    "PrintUnknown",
    "Printer",
    "PrinterStatus",
    "Receipt",
    "ReceiptLine",
    "ReceiptTax",
    "fate_of",
    "open_printer",
]


@dataclass(frozen=True)
class ReceiptLine:
    """One line of an order. `price` is for one piece, in the receipt's currency."""

    quantity: int
    name: str
    price: Decimal
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReceiptTax:
    """A tax on a receipt, such as "VAT 10 %" or "Sales tax". `included` is one that the prices contain."""

    name: str
    amount: Decimal
    included: bool = True


@dataclass(frozen=True)
class Receipt:
    """What a customer takes home.

    `total` is what was paid, with all `taxes`. `job` is what the receipt is known by: one that was printed under a
    job id isn't printed again, and one that may have been isn't either. None is printed whenever it is asked for.
    """

    shop: str
    order_id: str
    transaction_id: str | None
    lines: tuple[ReceiptLine, ...]
    total: Decimal
    currency: str
    printed_at: datetime
    link: str | None = None
    footer: str = "Thank you!"
    taxes: tuple[ReceiptTax, ...] = ()
    job: str | None = None


@dataclass(frozen=True)
class Notice:
    """A few words for whoever looks after the kiosk: a title, lines that are wrapped ("" is a gap), a QR code.

    `job` as a receipt's.
    """

    title: str
    lines: tuple[str, ...]
    printed_at: datetime
    qr: str | None = None
    job: str | None = None


@dataclass(frozen=True)
class PrinterStatus:
    """What the printer says of itself. What it didn't say is "unknown", never guessed."""

    online: Literal["yes", "no", "unknown"]
    paper: Literal["ok", "low", "out", "unknown"]
    cover: Literal["closed", "open", "unknown"]


class Printer(Protocol):
    """A receipt printer."""

    async def print_receipt(self, receipt: Receipt) -> None:
        """Print and cut `receipt`; return when the printer says that it has, or has said so of its job before.

        It never repeats by itself. After an error `fate_of(error)` says whether it is "printed", "not printed"
        (a piece of it may be, without a total) or "unknown"; asked again under the same job, a receipt that isn't
        printed is printed.

        Raises:
            OutOfPaper, CoverOpen: said before anything is printed, or found afterwards.
            DeviceAbsent, DeviceLost, DeviceTimeout: the printer is not there, went away, or is stalled.
            PrintUnknown: nobody knows whether this job was printed before, so nothing is printed now.
        """

    async def print_notice(self, notice: Notice) -> None:
        """Print and cut `notice`, as `print_receipt` does a receipt.

        Raises:
            OutOfPaper, CoverOpen, DeviceAbsent, DeviceLost, DeviceTimeout, PrintUnknown: as for `print_receipt`.
        """

    async def status(self) -> PrinterStatus:
        """Ask the printer how it is.

        Raises:
            DeviceAbsent, DeviceLost, DeviceTimeout: it can't be asked.
        """

    async def state(self) -> DeviceState:
        """How the printer is, within 2 s and without disturbing a receipt in progress; never raises."""

    async def close(self) -> None:
        """Let go of the printer."""


def open_printer(url: str) -> Printer:
    """Open the printer at `url`.

    ``simulated:``, ``escpos+tcp://10.0.0.5:9100``, ``escpos+usb://04b8:0e15``,
    ``escpos+serial:/dev/ttyUSB0?baud=38400``, ``escpos+file:/dev/usb/lp0``; each with ``?columns=48``
    (80 mm paper, the default) or 32 (58 mm), ``logo=/path/to.png``, and ``journal=/path/to/file``, where jobs are
    remembered over a restart.

    Raises:
        DeviceSetup: the address or its library can't be used.
    """
    # A USB device's vendor:product are two hexadecimal numbers, not a host and a port.
    address = DeviceAddress.parse(url.replace("escpos+usb://", "escpos+usb:", 1))
    match address.scheme:
        case "simulated":
            from drivers.printer.simulated import open_simulated

            return open_simulated(address)
        case "escpos+tcp" | "escpos+usb" | "escpos+serial" | "escpos+file":
            from drivers.printer.escpos import open_escpos

            return open_escpos(address)
    raise DeviceSetup(
        f"no printer backend for {url!r}; known: simulated:, escpos+tcp:, escpos+usb:, escpos+serial:, escpos+file:"
    )
