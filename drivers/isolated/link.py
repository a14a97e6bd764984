"""The parent's side of one running child: calls with their answers, streams, and whether it is alive."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
import logging
from typing import Any, Final

from drivers.errors import DeviceLost, DeviceTimeout, DriverError
from drivers.isolated.process import DeviceProcess
from drivers.isolated.wire import STREAM_LIMIT, packed, receive

_AGAIN_S: Final = 1.0


class Ended(Exception):
    """The stream is over: the device was closed."""


class Link:
    """A connection to an open device's process, until that ends; `failure` then says why."""

    def __init__(self, what: str, process: DeviceProcess, facts: dict[str, Any], *, ping_every_s: float, hung_s: float):
        self._what = what
        self._process = process
        self.facts = facts
        self._ping_every_s = ping_every_s
        self._hung_s = hung_s
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._pong = asyncio.Event()
        self._writer: asyncio.StreamWriter
        self._reader: asyncio.StreamReader
        self.failure: DriverError | None = None

    async def open(self) -> None:
        """Take over the connection."""
        connection = self._process.connection
        connection.setblocking(False)
        self._reader, self._writer = await asyncio.open_unix_connection(sock=connection, limit=STREAM_LIMIT)

    async def run(self) -> None:
        """Carry messages until the child is gone, and taken away; ends it when it hangs."""
        watching = asyncio.create_task(self._watch())
        try:
            while (message := await receive(self._reader)) is not None:
                self._take(message)
        finally:
            watching.cancel()
            self._writer.close()
            how = await asyncio.shield(asyncio.to_thread(self._how_it_ended))
            if self.failure is None:
                self.failure = DeviceLost(f"{self._what}: its process {how}")
            for future in self._waiting.values():
                if not future.done():  # each its own, with its own traceback
                    future.set_exception(copy.copy(self.failure))
            self._waiting.clear()

    async def call(self, method: str, *args: Any) -> Any:
        """What `method` of the device returns.

        Raises:
            DriverError: what it raises; DeviceLost when the process ends meanwhile.
        """
        return await self._ask("call", method, args)

    def stream(self, method: str) -> int:
        """Begin a stream of the device; its number."""
        number = next(self._numbers)
        self._say("open", number, method)
        return number

    async def next(self, stream: int) -> Any:
        """A stream's next item.

        Raises:
            Ended: there will be no more.
            DriverError: as for `call`.
        """
        return await self._ask("next", stream)

    def drop(self, stream: int) -> None:
        """Nobody wants the stream any more."""
        self._say("drop", stream)

    def say_goodbye(self) -> None:
        """Ask the child to let go of the device and end."""
        self._say("close")

    def kill(self, why: DriverError) -> None:
        """End the child now."""
        if self.failure is None:
            self.failure = why
        self._process.kill()

    async def _ask(self, word: str, *what: Any) -> Any:
        if self.failure is not None:
            raise copy.copy(self.failure)
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._say(word, number, *what)
        try:
            return await future
        except asyncio.CancelledError:
            self._say("cancel", number)
            raise
        finally:
            self._waiting.pop(number, None)

    def _say(self, *message: Any) -> None:
        if not self._writer.is_closing():
            self._writer.writelines(packed(*message))

    def _take(self, message: tuple[Any, ...]) -> None:
        match message:
            case ("done", number, value):
                self._resolve(number, value, None)
            case ("error", number, error):
                self._resolve(number, None, error)
            case ("end", number):
                self._resolve(number, None, Ended())
            case ("facts", facts):
                self.facts = facts
            case ("pong", _):
                self._pong.set()
            case ("log", name, level, text):
                logging.getLogger(name).log(level, "%s", text)

    def _resolve(self, number: int, value: Any, error: Exception | None) -> None:
        future = self._waiting.get(number)
        if future is None or future.done():  # its asker has left
            return
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    async def _watch(self) -> None:
        """Ping the child; end it when nothing comes back, unless that is because this process slept."""
        while True:
            await asyncio.sleep(self._ping_every_s)
            if not await self._answers(self._hung_s) and not await self._answers(min(_AGAIN_S, self._hung_s)):
                self.kill(DeviceTimeout(f"{self._what} hangs: its process did not answer for {self._hung_s:g} s"))
                return

    async def _answers(self, within_s: float) -> bool:
        self._pong.clear()
        self._say("ping", 0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._pong.wait()
        return self._pong.is_set()

    def _how_it_ended(self) -> str:
        try:
            return self._process.end()
        except DriverError as error:
            logging.getLogger(__name__).error("%s", error)  # noqa: TRY400 - the words say it all
            return "does not end"
