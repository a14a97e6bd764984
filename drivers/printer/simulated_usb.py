"""The simulated printer on a USB bus: a backend for pyusb in place of libusb, with one device on it."""

from __future__ import annotations

import array
import errno
import threading
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Final

import usb.backend
import usb.core

from drivers.printer.cable import Cable
from drivers.printer.escpos import EscposPrinter
from drivers.printer.settings import Settings
from drivers.printer.simulated import SimulatedPrinter
from drivers.printer.transports import UsbTransport

VENDOR, PRODUCT = 0x04B8, 0x0E15  # an Epson TM-T20II
_OUT, _IN = 0x02, 0x81  # not the endpoints that python-escpos takes for granted, as on many printers

_DEVICE: Final = SimpleNamespace(
    **{"bLength": 18, "bDescriptorType": 1, "bcdUSB": 0x0200, "bDeviceClass": 0, "bDeviceSubClass": 0},
    **{"bDeviceProtocol": 0, "bMaxPacketSize0": 64, "idVendor": VENDOR, "idProduct": PRODUCT},
    **{"bcdDevice": 0x0100, "iManufacturer": 0, "iProduct": 0, "iSerialNumber": 0, "bNumConfigurations": 1},
    **{"address": 1, "bus": 1, "port_number": 1, "port_numbers": (1,), "speed": 3},
)
_CONFIGURATION: Final = SimpleNamespace(
    **{"bLength": 9, "bDescriptorType": 2, "wTotalLength": 32, "bNumInterfaces": 1},
    **{"bConfigurationValue": 1, "iConfiguration": 0, "bmAttributes": 0xC0, "bMaxPower": 1},
    extra_descriptors=[],
)
_INTERFACE: Final = SimpleNamespace(
    **{"bLength": 9, "bDescriptorType": 4, "bInterfaceNumber": 0, "bAlternateSetting": 0, "bNumEndpoints": 2},
    **{"bInterfaceClass": 7, "bInterfaceSubClass": 1, "bInterfaceProtocol": 2, "iInterface": 0},
    extra_descriptors=[],
)


class SimulatedUsb(usb.backend.IBackend):  # type: ignore[misc]  # pyusb has no type information
    """A bus that the printer is plugged into."""

    def __init__(self, printer: SimulatedPrinter) -> None:
        super().__init__()
        self._printer = printer
        self._cable: Cable | None = None
        self._said = bytearray()
        self._changed = threading.Condition()

    def enumerate_devices(self) -> Iterator[str]:
        """What is plugged in."""
        return iter(["printer"] if self._printer.plugged else [])

    def get_device_descriptor(self, device: str) -> SimpleNamespace:
        """The printer's, whatever is asked for; so with the other descriptors."""
        return _DEVICE

    def get_configuration_descriptor(self, device: str, configuration: int) -> SimpleNamespace:
        """The only one."""
        if configuration:
            raise IndexError(configuration)  # how pyusb learns that there are no more
        return _CONFIGURATION

    def get_interface_descriptor(
        self, device: str, interface: int, alternate: int, configuration: int
    ) -> SimpleNamespace:
        """The only one."""
        if interface or alternate:
            raise IndexError(interface)
        return _INTERFACE

    def get_endpoint_descriptor(
        self, device: str, endpoint: int, interface: int, alternate: int, configuration: int
    ) -> SimpleNamespace:
        """To the printer and from it."""
        return SimpleNamespace(
            **{"bLength": 7, "bDescriptorType": 5, "bEndpointAddress": (_OUT, _IN)[endpoint]},
            **{"bmAttributes": 2, "wMaxPacketSize": 64, "bInterval": 0, "bRefresh": 0, "bSynchAddress": 0},
            extra_descriptors=[],
        )

    def open_device(self, device: str) -> Cable:
        """Connect to the printer."""
        self._said.clear()
        self._cable = self._printer.connect(self._deliver, self._wake)
        return self._cable

    def close_device(self, handle: Cable) -> None:
        """Hang up."""
        handle.close()

    def set_configuration(self, handle: Cable, value: int) -> None:
        """There is but one."""

    def get_configuration(self, handle: Cable) -> int:
        """The one there is."""
        self._present(handle)
        return 1

    def claim_interface(self, handle: Cable, interface: int) -> None:
        """Nobody else wants it."""
        self._present(handle)

    def release_interface(self, handle: Cable, interface: int) -> None:
        """Nobody else wants it."""
        self._present(handle)

    def reset_device(self, handle: Cable) -> None:
        """It needs no reset."""

    def bulk_write(self, handle: Cable, endpoint: int, interface: int, data: array.array[int], timeout: int) -> int:
        """Send; a printer that hangs takes nothing within `timeout` milliseconds."""
        self._present(handle)
        if not self._printer.awake.wait(timeout / 1000 if timeout else None):
            raise usb.core.USBTimeoutError("Operation timed out", -7, errno.ETIMEDOUT)
        handle.send(data.tobytes())
        return len(data)

    def bulk_read(self, handle: Cable, endpoint: int, interface: int, buffer: array.array[int], timeout: int) -> int:
        """What the printer said, as far as `buffer` has room; waits `timeout` milliseconds for it."""
        with self._changed:
            heard = self._changed.wait_for(lambda: self._said or handle.pulled, timeout / 1000)
            self._present(handle)
            if not heard:
                raise usb.core.USBTimeoutError("Operation timed out", -7, errno.ETIMEDOUT)
            part = bytes(self._said[: len(buffer)])
            del self._said[: len(buffer)]
        buffer[: len(part)] = array.array("B", part)
        return len(part)

    def _present(self, handle: Cable) -> None:
        if handle.pulled:
            raise usb.core.USBError("No such device (it may have been disconnected)", -4, errno.ENODEV)

    def _deliver(self, data: bytes) -> None:
        with self._changed:
            self._said += data
            self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


def open_on_bus(printer: SimulatedPrinter, settings: Settings) -> EscposPrinter:
    """The driver of a real printer, reaching `printer` through python-escpos, pyusb and a bus of its own."""
    return EscposPrinter(partial(UsbTransport, VENDOR, PRODUCT, SimulatedUsb(printer)), settings)
