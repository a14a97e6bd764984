"""Pins on any `Port`: one place that debounces switches and tells who listens."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol, get_args

from drivers.errors import DeviceLost, DriverError
from drivers.gpio import PinChange, Switch
from drivers.gpio.debounce import Debouncer
from drivers.states import READY, Condition, DeviceState

# J. Ganssle, "A Guide to Debouncing": of 18 switches all but one bounced less than 6.2 ms. A door's leaf swings longer.
SETTLE_S: Final[dict[Switch, float]] = {"button": 0.02, "door": 0.05}
# An edge may get lost; this often the pins are read without one.
LOOK_EVERY_S: Final = 0.5
KEPT_CHANGES: Final = 64
# Past these a contact is not what somebody does to it: a rattling door, a button that something leans on.
RATTLES_S: Final = 2.0
STUCK_S: Final = 60.0

_SWITCHES: Final[tuple[Switch, ...]] = get_args(Switch)

_log = logging.getLogger(__name__)


class Port(Protocol):
    """The wires themselves. Each call takes microseconds."""

    def light(self, on: bool) -> None:
        """Switch the lamp.

        Raises:
            DriverError: it can't be.
        """

    def read(self, switch: Switch) -> bool:
        """Whether the door is open, the button pressed, at this moment.

        Raises:
            DriverError: it can't be told.
        """

    def listen(self, on_edge: Callable[[Switch], None]) -> None:
        """Call `on_edge` at each edge of a switch, from any thread."""

    def restore(self) -> None:
        """Set the wires up anew after they failed, unlit and without anybody listening.

        Raises:
            DriverError: they are not to be had.
        """

    def close(self) -> None:
        """Stop listening and let go of the wires."""


class PinStream(AsyncIterator[PinChange]):
    """Changes from the moment it was made; who doesn't read loses the oldest."""

    def __init__(self) -> None:
        self._changes: deque[PinChange] = deque(maxlen=KEPT_CHANGES)
        self._news = asyncio.Event()
        self._ended = False

    def put(self, change: PinChange) -> None:
        """Hand over a change."""
        if len(self._changes) == KEPT_CHANGES:
            _log.warning("nobody took a change of the %s in time, it is dropped", self._changes[0].switch)
        self._changes.append(change)
        self._news.set()

    def end(self) -> None:
        """No more changes: what is there is still given."""
        self._ended = True
        self._news.set()

    async def __anext__(self) -> PinChange:
        while not self._changes:
            if self._ended:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._changes.popleft()


class WatchedPins:
    """Pins on a `Port`; everything but the port's edges happens on one event loop.

    A port that fails is logged once, kept in `failure`, and while it is watched set up anew every `LOOK_EVERY_S` until
    it answers; the lamp then is as it was last wanted.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self._streams: weakref.WeakSet[PinStream] = weakref.WeakSet()
        self._debouncers: dict[Switch, Debouncer] = {}
        self._timers: dict[Switch, asyncio.TimerHandle] = {}
        self._active_since_s: dict[Switch, float] = {}
        self._lamp = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self.failure: DriverError | None = None

    async def set_lamp(self, on: bool) -> None:
        """Switch the status lamp.

        Raises:
            DriverError: the pin can't be driven, or the pins were closed.
        """
        if self._closed:
            raise DeviceLost("the GPIO pins were closed")
        self._lamp = on
        try:
            self._mend()
            self._port.light(on)
        except DriverError as error:
            self._fails(error)
            raise
        self._works()

    def changes(self) -> AsyncIterator[PinChange]:
        """How door and button are now, then each change of them.

        Raises:
            DriverError: the pins can't be watched.
        """
        stream = PinStream()
        if self._closed:
            stream.end()
            return stream
        loop = asyncio.get_running_loop()
        if not self._debouncers:
            self._watch(loop)
        for switch, debouncer in self._debouncers.items():
            stream.put(PinChange(switch, debouncer.level, loop.time()))
        self._streams.add(stream)
        return stream

    async def state(self) -> DeviceState:
        """How the pins are: each switch is read, which takes microseconds."""
        if self._closed:
            return DeviceState.of(DeviceLost("the GPIO pins were closed"))
        for switch in _SWITCHES:
            self._read(switch)
            if self.failure is not None:
                return DeviceState.of(self.failure)
        now_s = asyncio.get_running_loop().time()
        for switch, debouncer in self._debouncers.items():
            restless_s = debouncer.restless_s(now_s)
            if restless_s >= RATTLES_S:
                words = f"the {switch}'s contact has rattled for {restless_s:.0f} s: check its wire and its mounting"
                return DeviceState(Condition.DEGRADED, words)
        pressed_s = now_s - self._active_since_s.get("button", now_s)
        if pressed_s >= STUCK_S:
            return DeviceState(Condition.DEGRADED, f"the button has been pressed for {pressed_s:.0f} s: is it stuck?")
        return READY

    async def close(self) -> None:
        """Put out the lamp and let go of the pins; running `changes()` end."""
        if self._closed:
            return
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        try:
            self._port.light(False)
        except DriverError as error:
            _log.warning("the status lamp could not be put out: %s", error)
        finally:
            self._port.close()
            for stream in list(self._streams):
                stream.end()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        try:
            self._mend()
            levels = {switch: self._port.read(switch) for switch in _SWITCHES}
            self._port.listen(self._on_edge)
        except DriverError as error:
            self._fails(error)
            raise
        self._works()
        for switch, level in levels.items():
            self._debouncers[switch] = Debouncer(level, SETTLE_S[switch])
            if level:
                self._active_since_s[switch] = loop.time()
            self._plan(switch)

    def _on_edge(self, switch: Switch) -> None:
        """Take an edge over from the library's thread."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._edge, switch)
        except RuntimeError:  # the loop has ended without close()
            _log.debug("an edge of the %s after the end", switch)

    def _mend(self) -> None:
        """Set the port up anew if it failed."""
        if self.failure is None:
            return
        self._port.restore()
        self._port.light(self._lamp)
        if self._debouncers:
            self._port.listen(self._on_edge)

    def _works(self) -> None:
        if self.failure is not None:
            _log.info("GPIO is back")
        self.failure = None

    def _fails(self, error: DriverError) -> None:
        if self.failure is None:
            _log.warning("GPIO failed, trying again every %g s: %s", LOOK_EVERY_S, error)
        self.failure = error

    def _edge(self, switch: Switch) -> None:
        if self._closed:
            return
        try:
            raw = self._read(switch)
            if raw is not None:
                self._debouncers[switch].edge(raw, asyncio.get_running_loop().time())
        finally:  # whatever else goes wrong is the loop's to tell; the watch goes on
            self._plan(switch)

    def _look(self, switch: Switch) -> None:
        raw = None
        try:
            raw = self._read(switch)
            if raw is not None:
                self._judge(switch, raw)
        finally:
            self._plan(switch, failed=raw is None)

    def _judge(self, switch: Switch, raw: bool) -> None:
        now_s = asyncio.get_running_loop().time()
        active = self._debouncers[switch].look(raw, now_s)
        if active is None:
            return
        if active:
            self._active_since_s[switch] = now_s
        else:
            self._active_since_s.pop(switch, None)
        self._tell(PinChange(switch, active, now_s))

    def _read(self, switch: Switch) -> bool | None:
        """What the contact says, None when it can't be told."""
        try:
            self._mend()
            raw = self._port.read(switch)
        except DriverError as error:
            self._fails(error)
            return None
        self._works()
        return raw

    def _tell(self, change: PinChange) -> None:
        for stream in list(self._streams):
            stream.put(change)

    def _plan(self, switch: Switch, *, failed: bool = False) -> None:
        """Look when the contact is due to be quiet, or else now and then."""
        if switch in self._timers:
            self._timers[switch].cancel()
        loop = asyncio.get_running_loop()
        due_s = self._debouncers[switch].due_s
        at_s = loop.time() + LOOK_EVERY_S if due_s is None or failed else due_s
        self._timers[switch] = loop.call_at(at_s, self._look, switch)
