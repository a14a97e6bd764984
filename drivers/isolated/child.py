"""The process that has the device: opens it, and does with it what the parent says, until the parent is gone.

Run by `drivers.isolated.process` with a socket's number; not by people.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import faulthandler
import importlib
import logging
import pickle
import signal
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any, Final

from drivers.errors import DeviceSetup, DriverError
from drivers.isolated.wire import STREAM_LIMIT, packed, receive, receive_blocking

# Code that hangs with Python's lock held can't see that the parent is gone: an alarm that is put off as long as
# Python runs ends it, whatever it does.
ALARM_S: Final = 10.0
_PUT_OFF_EVERY_S: Final = 2.0
_OPENING_S: Final = 60.0
_PARTING_S: Final = 3.0

_FACTS: Final = ("count", "name")  # properties of devices, which the parent answers for
_PR_SET_PDEATHSIG: Final = 1

_log = logging.getLogger(__name__)


def main(number: int) -> None:
    """Serve the parent at the other end of the socket `number`."""
    signal.setitimer(signal.ITIMER_REAL, _OPENING_S)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # meant for the parent, which ends this process when it is done
    # A stopped process sees no end of a socket either: with its parent gone it goes on, and does.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)
    faulthandler.enable()
    connection = socket.socket(fileno=number)
    message = receive_blocking(connection, _OPENING_S)
    if message is None:
        return
    _, opener, url, level = message
    logging.getLogger().setLevel(level)
    asyncio.run(_serve(connection, opener, url))


async def _serve(connection: socket.socket, opener: str, url: str) -> None:
    connection.setblocking(False)
    reader, writer = await asyncio.open_unix_connection(sock=connection, limit=STREAM_LIMIT)
    told = _Telling(writer)
    logging.getLogger().addHandler(_Forwarding(told, asyncio.get_running_loop()))
    module, _, function = opener.partition(":")
    try:
        device = await asyncio.to_thread(lambda: getattr(importlib.import_module(module), function)(url))
    except Exception as error:
        # A ValueError is a caller's mistake in a call, and a fault here.
        told.say("failed", _sendable(error, url, DriverError))
        await writer.drain()
        return
    told.say("ready", _facts(device))
    putting_off = asyncio.create_task(_put_off_the_alarm())
    work = _Work(device, told)
    while (message := await receive(reader)) is not None:
        work.take(message)
        if work.closed:
            break
    putting_off.cancel()
    signal.setitimer(signal.ITIMER_REAL, _PARTING_S)
    await work.end()
    with contextlib.suppress(OSError):
        await writer.drain()
        writer.close()


async def _put_off_the_alarm() -> None:
    while True:
        signal.setitimer(signal.ITIMER_REAL, ALARM_S)
        await asyncio.sleep(_PUT_OFF_EVERY_S)


class _Telling:
    """Says things to the parent."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def say(self, *message: Any) -> None:
        if not self._writer.is_closing():
            self._writer.writelines(packed(*message))


class _Forwarding(logging.Handler):
    """Gives log records to the parent, whose log they belong in; from any thread."""

    def __init__(self, told: _Telling, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._told = told
        self._loop = loop
        self._loops_thread = threading.get_ident()
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        message = ("log", record.name, record.levelno, self.format(record))
        if threading.get_ident() == self._loops_thread:
            self._told.say(*message)  # before the answer that it may explain
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens any more
            self._loop.call_soon_threadsafe(self._told.say, *message)


class _Work:
    """What the parent asked of the device, each in a task of its own."""

    def __init__(self, device: Any, told: _Telling) -> None:
        self._device = device
        self._told = told
        self._facts = _facts(device)
        self._streams: dict[int, AsyncIterator[Any]] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._dropping: set[asyncio.Task[None]] = set()
        self.closed = False

    def take(self, message: tuple[Any, ...]) -> None:
        """Begin what `message` asks."""
        match message:
            case ("ping", number):
                self._told.say("pong", number)
            case ("call", number, method, args):
                self._start(number, self._call(number, method, args))
            case ("open", stream, method):
                self._streams[stream] = getattr(self._device, method)()
            case ("next", number, stream):
                self._start(number, self._next(number, stream))
            case ("drop", stream):
                self._drop(stream)
            case ("cancel", number) if number in self._tasks:
                self._tasks[number].cancel()
            case ("close",):
                self.closed = True

    async def end(self) -> None:
        """Let go of the device; what is still at work ends with it."""
        with contextlib.suppress(DriverError):
            await self._device.close()
        self._told.say("closed")

    def _start(self, number: int, work: Any) -> None:
        task = self._tasks[number] = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._tasks.pop(number, None))

    async def _call(self, number: int, method: str, args: tuple[Any, ...]) -> None:
        try:
            value = await getattr(self._device, method)(*args)
        except Exception as error:
            self._told.say("error", number, _sendable(error, method))
        else:
            self._tell_facts()
            self._told.say("done", number, value)

    async def _next(self, number: int, stream: int) -> None:
        try:
            value = await anext(self._streams[stream])
        except StopAsyncIteration:
            self._told.say("end", number)
        except Exception as error:
            self._told.say("error", number, _sendable(error, "its stream"))
        else:
            self._tell_facts()
            self._told.say("done", number, value)

    def _drop(self, stream: int) -> None:
        dropped = self._streams.pop(stream, None)
        close = getattr(dropped, "aclose", None)  # a generator has one; another iterator need not
        if close is not None:
            task = asyncio.create_task(_quietly(close()))
            self._dropping.add(task)
            task.add_done_callback(self._dropping.discard)

    def _tell_facts(self) -> None:
        facts = _facts(self._device)
        if facts != self._facts:
            self._facts = facts
            self._told.say("facts", facts)


async def _quietly(closing: Any) -> None:
    with contextlib.suppress(DriverError, RuntimeError):  # it failed, or is running: its `next` is being cancelled
        await closing


def _facts(device: Any) -> dict[str, Any]:
    return {name: getattr(device, name) for name in _FACTS if hasattr(device, name)}


def _sendable(error: Exception, what: str, *as_they_are: type[Exception]) -> Exception:
    """`error` as the parent raises it: a driver's and a caller's as they are, a fault as its words."""
    if isinstance(error, ModuleNotFoundError):
        return DeviceSetup(f"{what}: the Python package {error.name} is missing")
    if isinstance(error, as_they_are or (DriverError, ValueError)):
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - what was just pickled here
        except Exception:
            return DriverError(str(error))
        return error
    _log.error("%s: a fault in the driver", what, exc_info=error)
    return DriverError(f"{what}: a fault in the driver: {type(error).__name__}: {error}")
