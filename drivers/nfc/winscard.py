"""PC/SC as pyscard gives it, with types: the only file that imports smartcard.

Of pyscard only the thin layer over libpcsclite is used. Its own monitor threads end with the daemon and
never come back, and a new observer is told of cards that are long gone.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final, Self

from drivers.errors import CardTornAway, DeviceLost, DeviceSetup
from drivers.nfc.reading import split_answer

# pcsclite.h / winscard.h
SUCCESS: Final = 0x00000000
E_CANCELLED: Final = 0x80100002
E_UNKNOWN_READER: Final = 0x80100009
E_TIMEOUT: Final = 0x8010000A
E_NO_READERS: Final = 0x8010002E
W_SECURITY_VIOLATION: Final = 0x8010006A

_ESTABLISH: Final = "PC/SC service"
# The name that pcscd gives its socket, wherever a client finds it.
_SERVICE_SOCKET: Final = "/pcscd.comm"

_STATE_UNAWARE: Final = 0x0000
_STATE_CHANGED: Final = 0x0002
_STATE_UNKNOWN: Final = 0x0004
_STATE_UNAVAILABLE: Final = 0x0008
_STATE_PRESENT: Final = 0x0020
_STATE_MUTE: Final = 0x0200

# A pseudo reader that changes whenever a real one comes or goes.
_PLUG_AND_PLAY: Final = "\\\\?PnP?\\Notification"


class PcscError(DeviceLost):
    """The PC/SC service failed a call; `status` is its code, the text its own words.

    `refused` is a service that is there and wants nothing of us. One that goes away in the middle of a call answers
    with the same status.
    """

    def __init__(self, call: str, status: int, words: str) -> None:
        self.status = status
        self.refused = call == _ESTABLISH and status == W_SECURITY_VIOLATION
        super().__init__(f"{call}: {words.strip().rstrip('.')} ({status:08X})")


class ReaderGone(DeviceLost):
    """The reader that was asked about is not there any more."""


@dataclass(frozen=True)
class ReaderState:
    """What a reader says of its field.

    `contact` counts insertions and removals (16 bits, wraps): the same card again is another contact.
    """

    present: bool
    mute: bool
    contact: int
    atr: bytes
    raw: int


def library() -> ModuleType:
    """pyscard's layer over libpcsclite.

    Raises:
        DeviceSetup: pyscard or libpcsclite is missing.
    """
    try:
        from smartcard import scard  # noqa: PLC0415 - only a machine with a PC/SC reader has it
    except ImportError as error:
        raise DeviceSetup(
            "pcsc: pyscard does not load: apt install pcscd libpcsclite-dev swig, "
            f"then pip install 'kiosk-edge[nfc]' ({error})"
        ) from error
    module: ModuleType = scard
    return module


def cut_off() -> int:
    """Cut this process's conversations with the service, so that calls that hang return with an error; how many.

    libpcsclite has no timeouts of its own: a call to a service that hangs would never return. Needs Linux's /proc;
    elsewhere nothing is cut.
    """
    cut = 0
    for entry in Path("/proc/self/fd").glob("*"):
        try:
            copy = os.dup(int(entry.name))
        except OSError:
            continue  # closed meanwhile
        try:
            with socket.socket(fileno=copy) as wire:
                if wire.family == socket.AF_UNIX and str(wire.getpeername()).endswith(_SERVICE_SOCKET):
                    wire.shutdown(socket.SHUT_RDWR)
                    cut += 1
        except OSError:
            continue  # no socket, or one without a peer
    return cut


class Connection:
    """A card in a reader, powered and ready for commands."""

    def __init__(self, scard: Any, context: int, reader: str) -> None:
        self._scard = scard
        status, handle, protocol = scard.SCardConnect(
            context, reader, scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        )
        if status & 0xFFFFFFFF != SUCCESS:
            raise CardTornAway(f"the card left before it could be spoken to: {_words(scard, status)}")
        self._handle = handle
        self._pci = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1

    def transmit(self, command: bytes) -> tuple[bytes, int]:
        """Data and status word that the card answers to a command APDU.

        Raises:
            CardTornAway: it doesn't answer any more.
        """
        status, answer = self._scard.SCardTransmit(self._handle, self._pci, list(command))
        # A card that leaves in mid-command is also told as success with an empty answer.
        if status & 0xFFFFFFFF != SUCCESS or not answer:
            words = "no answer" if status == SUCCESS else _words(self._scard, status)
            raise CardTornAway(f"the card left before it was read: {words}")
        return split_answer(bytes(byte & 0xFF for byte in answer))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # No reset, not even of a card that failed: when that fails too, pcscd 1.9.9 says "empty" while its polling
        # still holds the card for present, and a card that comes within 0.4 s is never seen.
        self._scard.SCardDisconnect(self._handle, self._scard.SCARD_LEAVE_CARD)


class Context:
    """A conversation with the PC/SC service. Its calls block: they belong into a thread; only `cancel` does not."""

    def __init__(self) -> None:
        self._scard: Any = library()
        status, self._context = self._scard.SCardEstablishContext(self._scard.SCARD_SCOPE_USER)
        self._check(_ESTABLISH, status)

    def readers(self) -> list[str]:
        """The names of the readers that are there.

        Raises:
            PcscError: the service failed.
        """
        status, names = self._scard.SCardListReaders(self._context, [])
        if status & 0xFFFFFFFF == E_NO_READERS:
            return []
        self._check("list of readers", status)
        return list(names)

    def wait_for_readers(self, timeout_s: float) -> None:
        """Return when a reader comes or goes, after `timeout_s` at the latest.

        Raises:
            PcscError: the service failed.
        """
        status, _ = self._scard.SCardGetStatusChange(
            self._context, round(1000 * timeout_s), [(_PLUG_AND_PLAY, _STATE_UNAWARE)]
        )
        if status & 0xFFFFFFFF not in {E_TIMEOUT, E_CANCELLED}:
            self._check("wait for a reader", status)

    def state(self, reader: str) -> ReaderState:
        """What `reader` says now.

        Raises:
            ReaderGone, PcscError: there is no such reader, or the service failed.
        """
        state = self._change(reader, _STATE_UNAWARE, 0.0)
        if state is None:
            raise ReaderGone(f"{reader} says nothing of its state")
        return state

    def change(self, reader: str, known: ReaderState, timeout_s: float) -> ReaderState | None:
        """The next state of `reader` that differs from `known`, None when there is none in `timeout_s`.

        Raises:
            ReaderGone, PcscError: there is no such reader any more, or the service failed.
        """
        return self._change(reader, known.raw, timeout_s)

    def _change(self, reader: str, known: int, timeout_s: float) -> ReaderState | None:
        status, states = self._scard.SCardGetStatusChange(self._context, round(1000 * timeout_s), [(reader, known)])
        status &= 0xFFFFFFFF
        if status in {E_TIMEOUT, E_CANCELLED}:
            return None
        if status == E_UNKNOWN_READER:
            raise ReaderGone(f"{reader} was unplugged")
        self._check(f"state of {reader}", status)
        _, raw, atr = states[0]
        if raw & (_STATE_UNKNOWN | _STATE_UNAVAILABLE):
            raise ReaderGone(f"{reader} was unplugged")
        return ReaderState(
            present=bool(raw & _STATE_PRESENT),
            mute=bool(raw & _STATE_MUTE),
            contact=raw >> 16 & 0xFFFF,
            atr=bytes(byte & 0xFF for byte in atr),
            raw=raw & ~_STATE_CHANGED,
        )

    def connect(self, reader: str) -> Connection:
        """Power the card in `reader`, beside other programs.

        Raises:
            CardTornAway: it has left.
        """
        return Connection(self._scard, self._context, reader)

    def cancel(self) -> None:
        """End a wait that is under way in another thread, at once."""
        self._scard.SCardCancel(self._context)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scard.SCardReleaseContext(self._context)

    def _check(self, call: str, status: int) -> None:
        status &= 0xFFFFFFFF
        if status != SUCCESS:
            raise PcscError(call, status, _words(self._scard, status))


def _words(scard: Any, status: int) -> str:
    return str(scard.SCardGetErrorMessage(status & 0xFFFFFFFF))
