"""Keeps one device's process going: starts it, starts it again, and says how the device is."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from drivers.errors import DeviceLost, DeviceSetup, DeviceTimeout, DriverError
from drivers.isolated.link import Ended, Link
from drivers.isolated.process import DeviceProcess
from drivers.states import Condition, DeviceState

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How long a device's process may take before it is ended, and how soon the next one is started.

    A process that hangs whole (stopped, or native code that holds Python's lock) is noticed by its pings:
    `ping_every_s` + `hung_s` + 1 s at most. 5 s without an answer is no slow moment of a Raspberry Pi.
    """

    open_s: float = 20.0  # picamera2 on a Pi 4 takes 4 of them
    state_s: float = 1.5
    close_s: float = 3.0  # a strip goes dark, a reader's thread ends
    ping_every_s: float = 1.0
    hung_s: float = 5.0
    back_off_s: tuple[float, ...] = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # a try costs up to a second of a core
    steady_s: float = 30.0  # after so long the back-off begins anew


PATIENCE: Final = Patience()


class Keeper:
    """One device in a process of its own.

    The process is started by `start` and kept going by a task of the event loop that first uses the device. While there
    is none, calls raise why. `on_start` is done first with each process. `spent` are the error codes after which
    the process is ended for a fresh one, because its library hangs or keeps an old state.
    """

    def __init__(
        self,
        what: str,
        opener: str,
        url: str,
        *,
        patience: Patience = PATIENCE,
        on_start: Callable[[Link], Awaitable[None]] | None = None,
        spent: Collection[str] = (),
    ) -> None:
        self.what = what
        self.facts: dict[str, Any] = {}
        self._opener = opener
        self._url = url
        self._patience = patience
        self._on_start = on_start
        self._spent = frozenset(spent)
        self._process: DeviceProcess | None = None
        self._link: Link | None = None
        self._failure: DriverError | None = None
        self._pausing = False  # between two processes
        self._closed = False
        self._news = asyncio.Event()
        self._again = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the first process; blocks until the device is open. One that isn't there is looked for from now on.

        Raises:
            DeviceSetup: the device's URL or its library can't be used: that needs a person.
        """
        try:
            self._process = self._opened()
        except DeviceSetup:
            raise
        except DriverError as error:
            self._failed(error)

    @property
    def pid(self) -> int | None:
        """The running process' id; None while there is none."""
        return self._process.pid if self._process else None

    async def call(self, method: str, *args: Any, within_s: float) -> Any:
        """What `method` of the device returns.

        Raises:
            DriverError: what it raises; DeviceTimeout when it takes longer than `within_s`, and DeviceLost when its
                process ends: another one is started then.
        """
        link: Link | None = None
        try:
            async with asyncio.timeout(within_s) as limit:
                link = await self.link()
                return await self._answered(link, link.call(method, *args))
        except DriverError:
            raise
        except TimeoutError:
            if not limit.expired():
                raise
            error = DeviceTimeout(f"{self.what} did not {method.replace('_', ' ')} within {within_s:g} s")
            if link is not None:
                link.kill(DeviceTimeout(f"{error}; its process was ended"))
            raise error from None

    async def state(self) -> DeviceState:
        """How the device is now; never raises."""
        self._keep_going()
        if self._closed:
            return DeviceState(Condition.ABSENT, f"{self.what} was closed")
        if self._link is None and self._failure is not None:
            return DeviceState(Condition.ABSENT, str(self._failure), self._failure.code)
        try:
            async with asyncio.timeout(self._patience.state_s):
                link = await self.link()
                state: DeviceState = await link.call("state")
        except DriverError as error:
            return DeviceState(Condition.ABSENT, str(error), error.code)
        except TimeoutError:
            return DeviceState(Condition.DEGRADED, f"{self.what} does not answer", DeviceTimeout.code)
        return state

    async def items(self, method: str) -> AsyncIterator[Any]:
        """A stream of the device, until it or its process ends.

        Raises:
            DriverError: what the stream raises; DeviceLost when the process ends.
        """
        link = await self.link()
        stream = link.stream(method)
        try:
            while True:
                try:
                    item = await self._answered(link, link.next(stream))
                except Ended:
                    return
                yield item
        finally:
            link.drop(stream)

    async def link(self) -> Link:
        """The running process; waits for one that is starting.

        Raises:
            DriverError: there is none now; why there isn't.
        """
        self._keep_going()
        while self._link is None:
            if self._closed:
                raise DeviceLost(f"{self.what} was closed")
            if self._failure is not None and self._pausing:
                raise copy.copy(self._failure)
            await self._news.wait()
        return self._link

    async def next_link(self, before: Link | None) -> Link | None:
        """Another running process than `before`, however long it takes; None once the device is closed."""
        self._keep_going()
        while not self._closed:
            if self._link is not None and self._link is not before:
                return self._link
            await self._news.wait()
        return None

    async def close(self) -> None:
        """Let go of the device and end its process."""
        if self._closed:
            return
        self._closed = True
        self._tell()
        link = self._link
        if link is not None:
            link.say_goodbye()
        elif self._task is not None and self._process is not None:
            self._process.kill()  # it isn't open yet: there is nothing to let go of
        if self._task is not None:
            self._again.set()
            await asyncio.wait([self._task], timeout=self._patience.close_s)
            if self._process is not None:
                self._process.kill()
            await asyncio.wait([self._task], timeout=self._patience.close_s)
            self._task.cancel()
        elif self._process is not None:
            process, self._process = self._process, None
            process.connection.close()
            await asyncio.to_thread(process.end, self._patience.close_s)

    # -- inside ------------------------------------------------------------------------------------------------

    def _opened(self) -> DeviceProcess:
        process = DeviceProcess(self.what, self._opener, self._url)
        self._process = process
        try:
            self.facts = process.wait_until_open(self._patience.open_s)
        except DriverError:
            self._process = None
            raise
        return process

    def _keep_going(self) -> None:
        if self._task is None and not self._closed:
            self._task = asyncio.create_task(self._run(), name=f"keeps {self.what}")

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        failures = 0 if self._failure is None else 1
        if self._failure is not None:
            await self._pause(0)
        while not self._closed:
            began_s = clock()
            try:
                if self._process is None:
                    await asyncio.to_thread(self._opened)
                await self._serve()
            except DriverError as error:
                self._failed(error)
            except OSError as error:  # no process to be had: no memory, too many of them
                self._failed(DriverError(f"{self.what}: no process for it: {error}"))
            finally:
                self._link = None
                self._process = None
            if clock() - began_s > self._patience.steady_s:
                failures = 0
            await self._pause(failures)
            failures += 1

    async def _pause(self, failures: int) -> None:
        if self._closed:
            return
        back_off_s = self._patience.back_off_s
        self._pausing = True
        self._tell()
        self._again.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(back_off_s[min(failures, len(back_off_s) - 1)]):
                await self._again.wait()
        self._pausing = False

    async def _serve(self) -> None:
        """Be there for callers until the process ends.

        Raises:
            DriverError: why it ended.
        """
        process = self._process
        assert process is not None  # noqa: S101 - whoever calls has just opened it
        patience = self._patience
        link = Link(self.what, process, self.facts, ping_every_s=patience.ping_every_s, hung_s=patience.hung_s)
        try:
            await link.open()
        except OSError as error:
            await asyncio.to_thread(process.discard)
            raise DeviceLost(f"{self.what}: its process ended as soon as it had begun") from error
        running = asyncio.create_task(link.run())
        try:
            if self._closed:
                link.say_goodbye()
            else:
                await self._announce(link, running)
            await asyncio.wait([running])
        except asyncio.CancelledError:
            process.kill()
            await asyncio.wait([running])
            raise
        self.facts = link.facts
        if link.failure is not None:
            raise link.failure

    async def _announce(self, link: Link, running: asyncio.Task[None]) -> None:
        if self._on_start is not None:
            starting = asyncio.ensure_future(self._on_start(link))
            await asyncio.wait([starting, running], timeout=self._patience.open_s, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                link.kill(DeviceTimeout(f"{self.what} hung while it was set up"))
                starting.cancel()
                await asyncio.wait([starting])
                return
            error = starting.exception()
            if isinstance(error, TimeoutError):
                link.kill(DeviceTimeout(f"{self.what} hung while it was set up"))
                return
            if error is not None:
                _log.warning("%s: %s", self.what, error)
        if running.done():
            return
        if self._failure is not None:
            _log.info("%s: its process runs again", self.what)
        self._failure = None
        self._link = link
        self._tell()

    def _failed(self, error: DriverError) -> None:
        if self._closed:
            return
        if str(error) != str(self._failure):  # once, not at every try
            _log.warning("%s; trying again", error)
        self._failure = error

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _answered(self, link: Link, answer: Awaitable[Any]) -> Any:
        try:
            return await answer
        except DriverError as error:
            if error.code in self._spent and link.failure is None:
                link.kill(error)
            raise
        finally:
            self.facts = link.facts
