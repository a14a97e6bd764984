"""A contactless PC/SC reader: any that pcscd knows, such as an ACR122U."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from drivers.address import DeviceAddress
from drivers.errors import CardTornAway, DeviceAbsent, DeviceTimeout, DriverError
from drivers.nfc import Tap
from drivers.nfc.reading import read_card
from drivers.nfc.stream import TapStreams
from drivers.nfc.winscard import (
    Connection,
    Context,
    PcscError,
    ReaderGone,
    ReaderState,
    cut_off,
    library,
)
from drivers.states import READY, Condition, DeviceState

FIRST_RETRY_S: Final = 0.05
LAST_RETRY_S: Final = 1.0
# Every wait ends at least this often, in case a cancel or a change was missed; a service that hangs is found so too.
WAIT_S: Final = 0.5
# libpcsclite waits for ever for a service that hangs. Its calls take milliseconds (measured: a whole read 20 ms).
PATIENCE_S: Final = 1.5
# Whoever held the card that is read for so long has gone: its tap would be the next customer's.
READ_LIMIT_S: Final = 3.0
# A reader that comes back finds the card that lies on it some time later: pcscd looks every 0.4 s, readers about
# as often.
SETTLE_S: Final = 1.0
# A card at the edge of the field answers badly for a moment and well in the next.
READ_TRIES: Final = 3
READ_PAUSE_S: Final = 0.1
CLOSE_TIMEOUT_S: Final = 2.0
CANCEL_EVERY_S: Final = 0.05
# `state` answers within 2 s, and a reader just opened is ready after SETTLE_S.
STATE_WAIT_S: Final = 1.5
# A hang is nobody's news, so who waits for one looks so often; so does the guard that ends it.
LOOK_EVERY_S: Final = 0.02
GUARD_EVERY_S: Final = 0.25

Put = Callable[[Tap], None]

_log = logging.getLogger(__name__)


class Stalled(DeviceTimeout):
    """The PC/SC service took far longer than it ever needs; what it says now is no news any more."""


def is_new_contact(before: ReaderState, now: ReaderState) -> bool:
    """Whether there is a card to read that was not there `before`.

    A state also changes when another program uses the card, which is no contact; a card that was taken away and came
    back between two looks is one, and so is a card that only now answers.
    """
    if not now.present or now.mute:
        return False
    return not before.present or before.mute or before.contact != now.contact


class PcscReader:
    """The first reader whose name contains `wanted` ("" for any), watched by a thread of its own.

    The thread outlives the service and the reader: it comes back to them within 1 s of their return, and watches for
    another `settle_s` what lies on the reader. A card that is found there then, at the start or after a loss, counts
    once it was taken away and held to the reader again: a restart must not make a second tap of one. A service that
    hangs is a loss too. `failure` is what keeps the reader from working now.
    """

    def __init__(self, wanted: str = "", *, settle_s: float = SETTLE_S) -> None:
        self._wanted = wanted
        self._settle_s = settle_s
        self._name = wanted or "PC/SC reader"
        self._streams = TapStreams()
        self._thread: threading.Thread | None = None
        self._context: Context | None = None
        self._stop = threading.Event()
        self._watching = False
        self._changed = threading.Condition()
        self._retry_s = FIRST_RETRY_S
        self._failure: DriverError | None = None
        self._due_s = math.inf

    @property
    def name(self) -> str:
        """The reader's name as pcscd calls it; until one is found, the name that was asked for."""
        return self._name

    @property
    def watching(self) -> bool:
        """Whether a reader is there and a card held to it would be seen."""
        return self._watching and not self._is_overdue()

    @property
    def failure(self) -> DriverError | None:
        """What keeps the reader from working, None if nothing does or none was looked for yet."""
        return self._hang() if self._is_overdue() else self._failure

    def taps(self) -> AsyncIterator[Tap]:
        """Each card held to the reader from now on, once a contact."""
        self._start()
        return self._streams.open()

    async def state(self) -> DeviceState:
        """How the reader is now; one that nobody listened to yet is looked for."""
        if self._stop.is_set():
            return DeviceState(Condition.ABSENT, f"{self._name}: closed")
        self._start()
        await asyncio.to_thread(self.wait_for, lambda: self.watching or self.failure is not None, STATE_WAIT_S)
        failure = self.failure
        if failure is not None:
            return DeviceState.of(failure)
        if self._watching:
            return READY
        return DeviceState.of(DeviceTimeout(f"{self._name}: not found yet"))

    def _start(self) -> None:
        if self._thread is None and not self._stop.is_set():
            loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._run, args=(loop,), name="pcsc", daemon=True)
            self._thread.start()
            threading.Thread(target=self._guard, args=(self._thread,), name="pcsc guard", daemon=True).start()

    async def close(self) -> None:
        """Let go of the reader; running `taps()` end."""
        self._stop.set()
        if self._thread is not None:
            # Waking can hang as well as waiting does, so it has a thread that nobody has to wait for.
            waking = threading.Thread(target=self._wake, args=(self._thread,), name="pcsc wake", daemon=True)
            waking.start()
            await asyncio.to_thread(self._thread.join, CLOSE_TIMEOUT_S)
            if self._thread.is_alive():  # the guard ends it, and itself
                _log.warning("%s: still busy, left behind", self._name)
        self._streams.end()

    def _wake(self, thread: threading.Thread) -> None:
        """Wake the thread until it has ended."""
        while thread.is_alive():
            context = self._context
            if context is not None:
                context.cancel()  # is lost on a thread that is not waiting yet
            thread.join(CANCEL_EVERY_S)

    def _guard(self, thread: threading.Thread) -> None:
        """End the thread's calls that hang, as long as it lives."""
        while thread.is_alive():
            if self._is_overdue():
                cut_off()
            thread.join(GUARD_EVERY_S)

    def wait_for(self, wanted: Callable[[], bool], timeout_s: float) -> bool:
        """Block until `watching` and `failure` are as `wanted`; False when that took longer than `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while not wanted():
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    return False
                self._changed.wait(min(left_s, LOOK_EVERY_S))
        return True

    def _set_watching(self, watching: bool) -> None:
        with self._changed:
            self._watching = watching
            if watching:
                self._failure = None
            self._changed.notify_all()

    def _is_overdue(self) -> bool:
        return time.monotonic() > self._due_s

    def _expect(self, planned_s: float = 0.0) -> None:
        """Before a call to the service: it takes `planned_s` and what calls take."""
        self._due_s = time.monotonic() + planned_s + PATIENCE_S

    def _check_due(self) -> None:
        """After a call to the service.

        Raises:
            Stalled: it took too long.
        """
        if self._is_overdue():
            raise self._hang()

    def _hang(self) -> Stalled:
        return Stalled(f"{self._name}: the PC/SC service hangs: no answer within {PATIENCE_S:g} s")

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        def put(tap: Tap) -> None:
            loop.call_soon_threadsafe(self._streams.put, tap)

        try:
            while not self._stop.is_set():
                try:
                    self._expect()
                    with Context() as self._context:
                        try:
                            self._serve(self._context, put)
                        except PcscError:
                            self._check_due()  # a call that was cut off
                            raise
                        finally:
                            self._expect()  # to let go of it is a call, too
                except Stalled as error:
                    self._note(error)
                    self._pause()
                except PcscError as error:  # also a first call that was cut off
                    self._note(self._hang() if self._is_overdue() else explained(error))
                    self._pause()
        except Exception as error:
            if loop.is_closed():
                return  # the program ended without close(): nobody listens
            _log.exception("%s: stopped", self._name)
            self._failure = DriverError(f"{self._name}: stopped: {error}")
            loop.call_soon_threadsafe(self._streams.end, self._failure)
        finally:
            self._due_s = math.inf
            self._set_watching(False)

    def _pause(self) -> None:
        self._due_s = math.inf
        self._stop.wait(self._retry_s)
        self._retry_s = min(2 * self._retry_s, LAST_RETRY_S)

    def _serve(self, context: Context, put: Put) -> None:
        while not self._stop.is_set():
            self._expect()
            names = context.readers()
            reader = next((name for name in names if self._wanted in name), None)
            if reader is None:
                there = ", ".join(names) or "none"
                wanted = f"no reader named {self._wanted!r}" if self._wanted else "no reader"
                self._note(DeviceAbsent(f"pcsc: {wanted}; connected: {there}"))
                self._expect(WAIT_S)
                context.wait_for_readers(WAIT_S)
                continue
            try:
                self._watch(context, reader, put)
            except ReaderGone as error:
                self._note(error)
                self._pause()  # pcscd may go on listing a reader that it can't talk to

    def _watch(self, context: Context, reader: str, put: Put) -> None:
        self._name = reader
        known = self._settle(context, reader)
        self._retry_s = FIRST_RETRY_S
        _log.info("%s: ready%s", reader, ", ignoring the card on it" if known.present else "")
        self._set_watching(True)
        try:
            while not self._stop.is_set():
                state = self._next_state(context, reader, known, WAIT_S)
                if state is None:
                    continue
                before, known = known, state
                if is_new_contact(before, state):
                    known = self._read(context, reader, state, put)
                elif state.mute and not before.mute:
                    _log.warning("%s: a card that does not answer; is it one?", reader)
        finally:
            self._set_watching(False)  # before the next call: a hang that is over is a loss, too

    def _settle(self, context: Context, reader: str) -> ReaderState:
        """What lies on a reader that was just found, after it had time to find it too."""
        self._expect()
        known = context.state(reader)
        _log.debug("%s: found", reader)
        until_s = time.monotonic() + self._settle_s
        while not self._stop.is_set() and (left_s := until_s - time.monotonic()) > 0:
            known = self._next_state(context, reader, known, min(left_s, WAIT_S)) or known
        return known

    def _next_state(self, context: Context, reader: str, known: ReaderState, timeout_s: float) -> ReaderState | None:
        self._expect(timeout_s)
        state = context.change(reader, known, timeout_s)
        self._check_due()
        return state

    def _read(self, context: Context, reader: str, state: ReaderState, put: Put) -> ReaderState:
        """Read the card, as long as it stays; return the state that was known last."""
        until_s = time.monotonic() + READ_LIMIT_S
        for tries_left in reversed(range(READ_TRIES)):
            try:
                self._expect()
                with context.connect(reader) as card:
                    tap = read_card(reader, state.atr, lambda command: self._transmit(card, command, until_s))
            except Stalled:
                raise
            except DriverError as error:
                later = self._next_state(context, reader, state, READ_PAUSE_S) if tries_left else state
                if later is not None:
                    level = logging.INFO if isinstance(error, CardTornAway) else logging.WARNING
                    _log.log(level, "%s: %s", reader, error)
                    return later
            else:
                self._check_due()  # to let go of the card is a call, too
                put(tap)
                return state
        return state

    def _transmit(self, card: Connection, command: bytes, until_s: float) -> tuple[bytes, int]:
        self._expect()
        try:
            return card.transmit(command)
        finally:
            self._check_due()
            if time.monotonic() > until_s:
                raise Stalled(f"{self._name}: a card was not read within {READ_LIMIT_S:g} s")

    def _note(self, error: DriverError) -> None:
        """Remember what is wrong; log it when it is news."""
        if str(error) != str(self._failure):
            _log.warning("NFC reader not usable, waiting for it: %s", error)
        with self._changed:
            self._failure = error
            self._changed.notify_all()


def explained(error: PcscError) -> DriverError:
    """What is to be done about it."""
    if error.refused:
        return DeviceAbsent(
            f"{error}: pcscd refuses this user: a service needs a polkit rule that allows it "
            "org.debian.pcsc-lite.access_pcsc and org.debian.pcsc-lite.access_card"
        )
    return DeviceAbsent(f"{error}: is pcscd running?")


def open_pcsc(address: DeviceAddress) -> PcscReader:
    """Open ``pcsc:`` or ``pcsc:?reader=ACR122``. That the reader is not there yet is no error: `taps` waits for it.

    Raises:
        DeviceSetup: an option is unknown, or pyscard is missing.
    """
    address.only("reader")
    library()
    return PcscReader(address.options.get("reader", ""))
