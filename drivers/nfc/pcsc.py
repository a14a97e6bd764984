"""A contactless PC/SC reader: any that pcscd knows, such as an ACR122U."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from typing import Final

from drivers.address import DeviceAddress
from drivers.errors import CardTornAway, DeviceAbsent, DriverError
from drivers.nfc import Tap
from drivers.nfc.reading import read_card
from drivers.nfc.stream import TapStreams
from drivers.nfc.winscard import (
    Context,
    PcscError,
    ReaderGone,
    ReaderState,
    library,
)

FIRST_RETRY_S: Final = 0.05
LAST_RETRY_S: Final = 2.0
# Every wait ends at least this often, in case a cancel or a change was missed.
WAIT_S: Final = 1.0
# A card at the edge of the field answers badly for a moment and well in the next.
READ_TRIES: Final = 3
READ_PAUSE_S: Final = 0.1
CLOSE_TIMEOUT_S: Final = 5.0
CANCEL_EVERY_S: Final = 0.05

Put = Callable[[Tap], None]

_log = logging.getLogger(__name__)


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

    The thread outlives the service and the reader: it comes back to them within 2 s of their return. A card
    that lies there when it first looks, or looks again after a loss, counts once it was taken away and held
    to the reader again: a restart must not make a second tap of one. `failure` is what keeps the reader
    from working now.
    """

    def __init__(self, wanted: str = "") -> None:
        self._wanted = wanted
        self._name = wanted or "PC/SC reader"
        self._streams = TapStreams()
        self._thread: threading.Thread | None = None
        self._context: Context | None = None
        self._stop = threading.Event()
        self._watching = False
        self._changed = threading.Condition()
        self._retry_s = FIRST_RETRY_S
        self.failure: DriverError | None = None

    @property
    def name(self) -> str:
        """The reader's name as pcscd calls it; until one is found, the name that was asked for."""
        return self._name

    @property
    def watching(self) -> bool:
        """Whether a reader is there and a card held to it would be seen."""
        return self._watching

    def taps(self) -> AsyncIterator[Tap]:
        """Each card held to the reader from now on, once a contact."""
        if self._thread is None and not self._stop.is_set():
            loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._run, args=(loop,), name="pcsc", daemon=True)
            self._thread.start()
        return self._streams.open()

    async def close(self) -> None:
        """Let go of the reader; running `taps()` end."""
        self._stop.set()
        if self._thread is not None and not await asyncio.to_thread(self._end, self._thread):
            _log.warning("%s: still busy with a card, left behind", self._name)
        self._streams.end()

    def _end(self, thread: threading.Thread) -> bool:
        """Wake the thread until it has ended; False when it doesn't in time."""
        for _ in range(round(CLOSE_TIMEOUT_S / CANCEL_EVERY_S)):
            context = self._context
            if context is not None:
                context.cancel()  # is lost on a thread that is not waiting yet
            thread.join(CANCEL_EVERY_S)
            if not thread.is_alive():
                return True
        return False

    def wait_for(self, wanted: Callable[[], bool], timeout_s: float) -> bool:
        """Block until `watching` and `failure` are as `wanted`; False when that took longer than `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(wanted, timeout_s)

    def _set_watching(self, watching: bool) -> None:
        with self._changed:
            self._watching = watching
            self._changed.notify_all()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        def put(tap: Tap) -> None:
            loop.call_soon_threadsafe(self._streams.put, tap)

        try:
            while not self._stop.is_set():
                try:
                    with Context() as self._context:
                        self._serve(self._context, put)
                except PcscError as error:
                    self._set_watching(False)
                    self._note(explained(error))
                    self._stop.wait(self._retry_s)
                    self._retry_s = min(2 * self._retry_s, LAST_RETRY_S)
        except Exception as error:
            if loop.is_closed():
                return  # the program ended without close(): nobody listens
            _log.exception("%s: stopped", self._name)
            self.failure = DriverError(f"{self._name}: stopped: {error}")
            loop.call_soon_threadsafe(self._streams.end, self.failure)
        finally:
            self._set_watching(False)

    def _serve(self, context: Context, put: Put) -> None:
        while not self._stop.is_set():
            names = context.readers()
            reader = next((name for name in names if self._wanted in name), None)
            if reader is None:
                there = ", ".join(names) or "none"
                wanted = f"no reader named {self._wanted!r}" if self._wanted else "no reader"
                self._note(DeviceAbsent(f"pcsc: {wanted}; connected: {there}"))
                context.wait_for_readers(WAIT_S)
                continue
            try:
                self._watch(context, reader, put)
            except ReaderGone as error:
                self._set_watching(False)
                self._note(error)

    def _watch(self, context: Context, reader: str, put: Put) -> None:
        known = context.state(reader)
        self._name = reader
        self._retry_s = FIRST_RETRY_S
        _log.info("%s: ready%s", reader, ", ignoring the card on it" if known.present else "")
        self.failure = None
        self._set_watching(True)
        while not self._stop.is_set():
            state = context.change(reader, known, WAIT_S)
            if state is None:
                continue
            before, known = known, state
            if is_new_contact(before, state):
                known = self._read(context, reader, state, put)
            elif state.mute and not before.mute:
                _log.warning("%s: a card that does not answer; is it one?", reader)

    def _read(self, context: Context, reader: str, state: ReaderState, put: Put) -> ReaderState:
        """Read the card, as long as it stays; return the state that was known last."""
        for tries_left in reversed(range(READ_TRIES)):
            try:
                with context.connect(reader) as card:
                    tap = read_card(reader, state.atr, card.transmit)
            except DriverError as error:
                later = context.change(reader, state, READ_PAUSE_S) if tries_left else state
                if later is not None:
                    level = logging.INFO if isinstance(error, CardTornAway) else logging.WARNING
                    _log.log(level, "%s: %s", reader, error)
                    return later
            else:
                put(tap)
                return state
        return state

    def _note(self, error: DriverError) -> None:
        """Remember what is wrong; log it when it is news."""
        if str(error) != str(self.failure):
            _log.warning("NFC reader not usable, waiting for it: %s", error)
        with self._changed:
            self.failure = error
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
