"""The ways to a printer: python-escpos' transports, each with bounded waits and our errors."""

from __future__ import annotations

import contextlib
import os
import socket
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import serial
import usb.core
import usb.util

from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup, DeviceTimeout, DriverError
from drivers.printer.python_escpos import DeviceNotFoundError, File, Network, Serial, Usb


class Transport(Protocol):
    """A way to a printer. Every call blocks, so it belongs in a thread."""

    answers: bool
    """Whether anything can come back this way."""

    def open(self, timeout_s: float) -> None:
        """Reach the printer.

        Raises:
            DeviceAbsent: nothing is there. DeviceSetup: the address or a library can't be used.
        """

    def look(self, timeout_s: float) -> None:
        """Make sure that something is there, without talking to it. For a transport that isn't open.

        Raises:
            DeviceAbsent, DeviceSetup: as `open`.
        """

    def write(self, data: bytes, timeout_s: float) -> None:
        """Send all of `data`.

        Raises:
            DeviceTimeout: the printer doesn't take it. DeviceLost: the printer went away.
        """

    def read(self, timeout_s: float) -> bytes:
        """What has come back, b"" if nothing does within `timeout_s`.

        Raises:
            DeviceLost: the printer went away.
        """

    def close(self) -> None:
        """Let go; never raises."""


class TcpTransport:
    """A printer on the network, by escpos.Network.

    escpos.Network connects by IPv4 only, drops the socket of a failed connect unclosed, and takes the end of
    the stream for an answer of no bytes. So the socket is connected and watched here, and handed to it.
    """

    answers = True

    def __init__(self, host: str, port: int) -> None:
        self._where = f"the printer at {host}:{port}"
        self._address = (host, port)
        self._printer = Network(host, port)
        self._socket: socket.socket | None = None

    def open(self, timeout_s: float) -> None:
        """See `Transport`."""
        try:
            self._socket = socket.create_connection(self._address, timeout_s)
        except OSError as error:
            raise DeviceAbsent(f"{self._where} doesn't answer: {error.strerror or error}") from error
        # A printer that lost its power says nothing; the kernel is to find out in a minute, not in two hours.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, option):  # Linux has them; another system does without
                self._socket.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        self._printer.device = self._socket

    def look(self, timeout_s: float) -> None:
        """See `Transport`."""
        self.open(timeout_s)
        self.close()

    def write(self, data: bytes, timeout_s: float) -> None:
        """See `Transport`."""
        with self._losses(timeout_s) as connected:
            connected.settimeout(timeout_s)
            self._printer._raw(data)

    def read(self, timeout_s: float) -> bytes:
        """See `Transport`."""
        with self._losses(timeout_s) as connected:
            connected.settimeout(timeout_s)
            try:
                data: bytes = self._printer._read()
            except TimeoutError:
                return b""
        if not data:
            raise DeviceLost(f"{self._where} closed the connection")
        return data

    def close(self) -> None:
        """See `Transport`."""
        connected, self._socket = self._socket, None
        if connected is None:
            return
        with contextlib.suppress(OSError):  # it may be gone already, and this is goodbye anyway
            # Closing on unread answers would be a reset, and that may cost the printer what it hasn't read.
            connected.shutdown(socket.SHUT_WR)
            connected.settimeout(0.2)
            while connected.recv(256):
                pass
        self._printer.close()

    @contextlib.contextmanager
    def _losses(self, timeout_s: float) -> Iterator[socket.socket]:
        if self._socket is None:
            raise DeviceLost(f"the connection to {self._where} is closed")
        try:
            yield self._socket
        except TimeoutError as error:
            raise DeviceTimeout(f"{self._where} takes no data for {timeout_s:g} s") from error
        except OSError as error:
            raise DeviceLost(f"{self._where} broke the connection: {error.strerror or error}") from error


# pyserial, when the port goes: its own exceptions are OSErrors, tcflush and tcdrain have another, and a port
# that another thread closed has None for a file.
_GONE = (OSError, termios.error, TypeError)


class SerialTransport:
    """A printer on a serial port, by escpos.Serial."""

    answers = True

    def __init__(self, port: str, baud: int, *, xonxoff: bool) -> None:
        self._where = f"the printer on {port}"
        self._printer = Serial(port, baud, xonxoff=xonxoff, dsrdtr=not xonxoff)
        self._port: Any = None  # serial.Serial, untyped

    def open(self, timeout_s: float) -> None:
        """See `Transport`."""
        try:
            self._printer.open()
        except DeviceNotFoundError as error:
            cause = error.__context__
            if isinstance(cause, ValueError):  # a SerialException is none
                raise DeviceSetup(f"{self._where} can't be used like this: {cause}") from error
            raise DeviceAbsent(f"{self._where} can't be opened: {cause}") from error
        self._port = self._printer.device
        try:
            self._port.reset_input_buffer()  # answers to somebody else's questions
        except _GONE as error:
            self.close()
            raise DeviceAbsent(f"{self._where} went away: {error}") from error

    def look(self, timeout_s: float) -> None:
        """See `Transport`."""
        self.open(timeout_s)
        self.close()

    def write(self, data: bytes, timeout_s: float) -> None:
        """See `Transport`."""
        try:
            self._opened().write_timeout = timeout_s
            self._printer._raw(data)
        except serial.SerialTimeoutException as error:
            raise DeviceTimeout(f"{self._where} takes no data for {timeout_s:g} s") from error
        except _GONE as error:
            raise DeviceLost(f"{self._where} is gone: {error}") from error

    def read(self, timeout_s: float) -> bytes:
        """See `Transport`."""
        try:
            port = self._opened()
            port.timeout = timeout_s
            # One byte with patience, the rest as it stands: escpos' _read would wait for 16.
            first: bytes = port.read(1)
            rest: bytes = port.read(port.in_waiting) if first else b""
        except _GONE as error:
            raise DeviceLost(f"{self._where} is gone: {error}") from error
        return first + rest

    def close(self) -> None:
        """See `Transport`."""
        port, self._port = self._port, None
        if port is None:
            return
        with contextlib.suppress(*_GONE):  # it may be gone already
            port.reset_output_buffer()  # close would wait for a stalled printer to take it
        with contextlib.suppress(*_GONE):
            port.close()  # escpos' close would flush once more, and leave the port open where that fails

    def _opened(self) -> Any:
        if self._port is None:
            raise DeviceLost(f"{self._where} is closed")
        return self._port


class UsbTransport:
    """A printer on USB, by escpos.Usb. `backend` is pyusb's way to the bus; None is libusb."""

    answers = True

    def __init__(self, vendor: int, product: int, backend: object = None) -> None:
        self._where = f"the printer at USB {vendor:04x}:{product:04x}"
        arguments = {"backend": backend} if backend is not None else {}
        self._printer = Usb(vendor, product, usb_args=arguments)
        self._device: Any = None  # usb.core.Device, untyped

    def open(self, timeout_s: float) -> None:
        """See `Transport`."""
        try:
            self._printer.open()
        except usb.core.NoBackendError as error:
            raise DeviceSetup("USB printers need libusb; on Debian: apt install libusb-1.0-0") from error
        except DeviceNotFoundError as error:
            cause = error.__context__
            if isinstance(cause, AssertionError):
                raise DeviceAbsent(f"{self._where} is not plugged in") from error
            raise DeviceAbsent(f"{self._where} can't be used: {cause}") from error
        self._device = self._printer.device
        self._find_endpoints()

    def _find_endpoints(self) -> None:
        """Take the bulk endpoints that the printer describes; escpos' are those of one Epson."""
        with self._losses(0):
            for interface in self._device.get_active_configuration():
                bulk = [
                    point
                    for point in interface
                    if usb.util.endpoint_type(point.bmAttributes) == usb.util.ENDPOINT_TYPE_BULK
                ]
                ways = {usb.util.endpoint_direction(point.bEndpointAddress): point for point in reversed(bulk)}
                if interface.bInterfaceClass not in (0x07, 0xFF) or usb.util.ENDPOINT_OUT not in ways:
                    continue  # neither a printer nor a maker's own class
                self._printer.out_ep = ways[usb.util.ENDPOINT_OUT].bEndpointAddress
                self.answers = usb.util.ENDPOINT_IN in ways
                if self.answers:
                    self._printer.in_ep = ways[usb.util.ENDPOINT_IN].bEndpointAddress
                return
        raise DeviceSetup(f"{self._where} is no printer: it has no bulk endpoint to print to")

    def look(self, timeout_s: float) -> None:
        """See `Transport`."""
        self.open(timeout_s)
        self.close()

    def write(self, data: bytes, timeout_s: float) -> None:
        """See `Transport`."""
        with self._losses(timeout_s):
            self._printer.timeout = max(round(timeout_s * 1000), 1)  # ms; 0 would be for ever
            self._printer._raw(data)

    def read(self, timeout_s: float) -> bytes:
        """See `Transport`."""
        with self._losses(timeout_s):
            self._device.default_timeout = max(round(timeout_s * 1000), 1)
            try:
                return bytes(self._printer._read())
            except usb.core.USBTimeoutError:
                return b""

    def close(self) -> None:
        """See `Transport`."""
        device, self._device = self._device, None
        if device is not None:
            with contextlib.suppress(usb.core.USBError):  # it may be gone already
                self._printer.close()

    @contextlib.contextmanager
    def _losses(self, timeout_s: float) -> Iterator[None]:
        if self._device is None:
            raise DeviceLost(f"{self._where} is closed")
        try:
            yield
        except usb.core.USBTimeoutError as error:
            raise DeviceTimeout(f"{self._where} takes no data for {timeout_s:g} s") from error
        except usb.core.USBError as error:
            raise DeviceLost(f"{self._where} is gone: {error.strerror or error}") from error


class FileTransport:
    """A printer behind a device file such as /dev/usb/lp0, by escpos.File. Nothing comes back."""

    answers = False

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._printer = File(path)

    def open(self, timeout_s: float) -> None:
        """See `Transport`."""
        self.look(timeout_s)  # opening for writing would make a plain file of it
        try:
            self._printer.open()
        except DeviceNotFoundError as error:
            raise DeviceAbsent(f"{self._path} can't be opened: {error.__context__}") from error

    def look(self, timeout_s: float) -> None:
        """See `Transport`. Opening it may wait, and is for those who print."""
        if not self._path.exists():
            raise DeviceAbsent(f"there is no {self._path}; is the printer plugged in and its module loaded?")
        if not os.access(self._path, os.W_OK):
            raise DeviceAbsent(f"{self._path} can't be written: no permission")

    def write(self, data: bytes, timeout_s: float) -> None:
        """See `Transport`; how long it takes is the kernel's affair."""
        try:
            self._printer._raw(data)
        except (OSError, ValueError) as error:  # ValueError: closed by another thread
            raise DeviceLost(f"{self._path} is gone: {error}") from error

    def read(self, timeout_s: float) -> bytes:
        """See `Transport`."""
        raise DriverError(f"nothing can be read from {self._path}")

    def close(self) -> None:
        """See `Transport`."""
        with contextlib.suppress(OSError):  # what it had left to say went with the printer
            self._printer.close()
