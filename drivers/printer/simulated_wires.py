"""The simulated printer on a real wire: a TCP port as on port 9100, or a serial line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import threading
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Self

from drivers.errors import DeviceAbsent
from drivers.printer.cable import Cable
from drivers.printer.simulated import SimulatedPrinter

_SLOW_CHUNK = 16
_NO_LINGER = struct.pack("ii", 1, 0)  # close() sends RST and forgets what wasn't sent


class _Wire:
    """What both wires share: the event loop that carries them, from whatever thread they are spoken to."""

    def __init__(self, printer: SimulatedPrinter) -> None:
        self.printer = printer
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._forget = printer.on_plug(lambda plugged: self._on_loop(self._plugged, plugged))

    def _on_loop(self, call: Callable[..., object], *arguments: object) -> None:
        """Call at once where that is safe, so that a stage direction has happened when it returns."""
        if threading.get_ident() == self._thread:
            call(*arguments)
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and the wire with it
                self._loop.call_soon_threadsafe(call, *arguments)

    def _plugged(self, plugged: bool) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        """Take the wire away."""
        self._forget()
        self._plugged(False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class TcpWire(_Wire):
    """The printer on a TCP port of `host`; port 0 takes a free one. Unplugged, it refuses connections."""

    def __init__(self, printer: SimulatedPrinter, host: str, port: int) -> None:
        super().__init__(printer)
        self.host = host
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener: socket.socket | None = None
        self._hosts: set[_Host] = set()
        self._arrivals: set[asyncio.Task[None]] = set()
        self._reading = True
        self._bytes_per_s: float | None = None
        self._end: tuple[int, Callable[[_Host], None]] | None = None
        self.port = port
        self._listen()

    @property
    def url(self) -> str:
        """What to write into kiosk.toml."""
        host = f"[{self.host}]" if self._family == socket.AF_INET6 else self.host
        return f"escpos+tcp://{host}:{self.port}"

    # Stage directions

    def stall(self, *, after_bytes: int = 0) -> None:
        """Hang, now or after `after_bytes` more: connecting works, the kernel takes bytes, nobody reads."""
        if after_bytes:
            self._end = (after_bytes, lambda _: self.stall())
            return
        self._reading = False
        for host in self._hosts:
            host.pace()

    def resume(self) -> None:
        """Come round."""
        self._reading = True
        for host in self._hosts:
            host.pace()

    def slow(self, bytes_per_s: float | None) -> None:
        """Take bytes no faster than this; None is full speed again."""
        self._bytes_per_s = bytes_per_s
        for host in self._hosts:
            host.pace()

    def fin(self, *, after_bytes: int = 0) -> None:
        """Close all connections in order (FIN), now or after `after_bytes` more; it still listens."""
        self._end_after(after_bytes, _Host.fin)

    def reset(self, *, after_bytes: int = 0) -> None:
        """Break all connections (RST), now or after `after_bytes` more; it still listens."""
        self._end_after(after_bytes, _Host.reset)

    async def hung_up(self) -> None:
        """Wait until no host is connected any more, and all that came from them is with the printer."""
        await asyncio.gather(*(host.gone.wait() for host in list(self._hosts)))

    # The socket

    def _end_after(self, after_bytes: int, end: Callable[[_Host], None]) -> None:
        if after_bytes:
            self._end = (after_bytes, end)
            return
        for host in list(self._hosts):
            end(host)

    def allow(self, size: int) -> tuple[int, Callable[[_Host], None] | None]:
        """How many of `size` bytes still arrive, and how the connection ends after them, if it does."""
        if self._end is None or size < self._end[0]:
            if self._end is not None:
                self._end = (self._end[0] - size, self._end[1])
            return size, None
        (left, end), self._end = self._end, None
        return left, end

    def pace(self) -> tuple[bool, float | None]:
        """Whether anything is read, and how fast."""
        return self._reading, self._bytes_per_s

    def _plugged(self, plugged: bool) -> None:
        if plugged:
            self._listen()
            return
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for task in self._arrivals:
            task.cancel()
        for host in list(self._hosts):
            host.forget()
            host.reset()

    def _listen(self) -> None:
        self._listener = socket.create_server((self.host, self.port), family=self._family)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._loop.add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # it went before it was let in
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._welcome(connection))
        self._arrivals.add(task)
        task.add_done_callback(self._arrivals.discard)

    async def _welcome(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: _Host(self, self._hosts), connection)
        except BaseException:
            connection.close()
            raise

    async def close(self) -> None:
        """See `_Wire`."""
        await super().close()
        for task in list(self._arrivals):
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.hung_up()


class _Host(asyncio.Protocol):
    """One TCP connection from a host."""

    def __init__(self, wire: TcpWire, hosts: set[_Host]) -> None:
        self._wire = wire
        self._hosts = hosts
        self._backlog = bytearray()
        self._pumping = False
        self._left = False
        self._loop = asyncio.get_running_loop()
        self.gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # connect_accepted_socket makes no other
        self._transport = transport
        self._hosts.add(self)
        self._cable: Cable | None = None
        try:
            self._cable = self._wire.printer.connect(self._deliver, lambda: None)
        except DeviceAbsent:
            self.reset()
            return
        self.pace()

    def connection_lost(self, error: Exception | None) -> None:
        self._left = True
        self._pump()  # what it has it prints, whoever hung up
        self._go()

    def data_received(self, data: bytes) -> None:
        allowed, end = self._wire.allow(len(data))
        self._backlog += data[:allowed]
        self._pump()
        if end is not None:
            end(self)
        if not self._transport.is_closing():  # one that hangs up reads no more, one that stalls will
            self._backlog += data[allowed:]

    def pace(self) -> None:
        """Read, or don't, as the wire says."""
        reading, _ = self._wire.pace()
        if self._transport.is_closing() or reading == self._transport.is_reading():
            return
        if reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()
        self._pump()

    def fin(self) -> None:
        """Close in order."""
        with contextlib.suppress(OSError):  # the host was quicker
            self._socket().shutdown(socket.SHUT_RDWR)
        self._transport.close()

    def forget(self) -> None:
        """Without power, what came is gone."""
        self._backlog.clear()

    def reset(self) -> None:
        """Break."""
        with contextlib.suppress(OSError):  # the host was quicker
            self._socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    def _socket(self) -> socket.socket:
        connection: socket.socket = self._transport.get_extra_info("socket")
        return connection

    def _deliver(self, data: bytes) -> None:
        self._wire._on_loop(self._write, data)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def _pump(self) -> None:
        """Hand the backlog to the printer, as fast as the wire is."""
        reading, bytes_per_s = self._wire.pace()
        if not reading or self._pumping or self._cable is None:
            return
        size = len(self._backlog) if bytes_per_s is None else _SLOW_CHUNK
        chunk = bytes(self._backlog[:size])
        del self._backlog[:size]
        if chunk:
            self._cable.send(chunk)
        if self._backlog and bytes_per_s is not None:
            self._pumping = True
            self._loop.call_later(len(chunk) / bytes_per_s, self._pump_on)

    def _pump_on(self) -> None:
        self._pumping = False
        self._pump()
        self._go()

    def _go(self) -> None:
        """Be gone, once the connection is and all that came over it is with the printer."""
        if not self._left or self._pumping:
            return
        if self._cable is not None:
            self._cable.close()
        self._hosts.discard(self)
        self.gone.set()


class SerialWire(_Wire):
    """The printer on a serial line: a pseudo-terminal that `path` points to while it is plugged in."""

    def __init__(self, printer: SimulatedPrinter, path: Path) -> None:
        super().__init__(printer)
        self.path = path
        self._printers_end: int | None = None
        self._hosts_end = -1
        self._plugged(True)

    @property
    def url(self) -> str:
        """What to write into kiosk.toml."""
        return f"escpos+serial:{self.path}"

    def _plugged(self, plugged: bool) -> None:
        if plugged:
            self._printers_end, self._hosts_end = os.openpty()
            tty.setraw(self._hosts_end)  # a terminal would turn 0a into 0d 0a
            os.set_blocking(self._printers_end, False)
            self.path.symlink_to(os.ttyname(self._hosts_end))
            self._cable = self.printer.connect(self._deliver, lambda: None)
            self._loop.add_reader(self._printers_end, self._read, self._printers_end)
        elif self._printers_end is not None:
            self.path.unlink()
            self._loop.remove_reader(self._printers_end)
            os.close(self._printers_end)
            os.close(self._hosts_end)
            self._printers_end = None
            self._cable.close()

    def _read(self, end: int) -> None:
        with contextlib.suppress(BlockingIOError):  # nothing there after all
            self._cable.send(os.read(end, 4096))

    def _deliver(self, data: bytes) -> None:
        self._on_loop(self._write, data)

    def _write(self, data: bytes) -> None:
        if self._printers_end is not None:
            with contextlib.suppress(BlockingIOError):  # a host that never reads; on a line that is lost
                os.write(self._printers_end, data)
