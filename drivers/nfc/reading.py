"""Reading a card, whoever carries the commands: PC/SC Part 3 and the NFC Forum's Type 2 tag."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from drivers.errors import CardTornAway, DriverError
from drivers.nfc import Tap
from drivers.nfc.ndef import TLV_NDEF, TLV_NULL, TLV_TERMINATOR, NdefError, loyalty_id

Transmit = Callable[[bytes], tuple[bytes, int]]
"""Sends a command APDU and returns the answer's data and status word, or raises DriverError."""

GET_UID: Final = bytes.fromhex("FFCA000000")
OK: Final = 0x9000
UID_SIZES: Final = (4, 7, 10)  # ISO/IEC 14443-3

# PC/SC Part 3, 3.1.3.2.3.2: historical bytes of a card without a processor, up to and with the RID of PC/SC.
_STORAGE_CARD: Final = bytes.fromhex("804F0CA000000306")
# PC/SC Part 3 supplement: names of storage cards.
_CARD_NAMES: Final = {
    0x0001: "MIFARE Classic 1K",
    0x0002: "MIFARE Classic 4K",
    0x0003: "MIFARE Ultralight",  # what readers call an NTAG21x too
    0x0026: "MIFARE Mini",
    0x003A: "MIFARE Ultralight C",
    0x003B: "FeliCa",
}
_TYPE_2_CARDS: Final = (0x0003, 0x003A)

PAGE_SIZE: Final = 4
CAPABILITY_PAGE: Final = 3
# A message past this is not read: at some 5 ms for 16 bytes nobody holds a card long enough for 2 kB.
_MAX_AREA_SIZE: Final = 512

_log = logging.getLogger(__name__)


def split_answer(answer: bytes) -> tuple[bytes, int]:
    """Data and status word of an answer APDU.

    Raises:
        DriverError: it is shorter than a status word.
    """
    if len(answer) < 2:
        raise DriverError(f"the card answered {len(answer)} bytes, less than a status word")
    return answer[:-2], int.from_bytes(answer[-2:])


def card_number(atr: bytes) -> int | None:
    """The name bytes of a storage card's ATR; None for any other card."""
    at = atr.find(_STORAGE_CARD)
    name = atr[at + len(_STORAGE_CARD) + 1 :][:2]  # the byte between is the standard
    return int.from_bytes(name) if at >= 0 and len(name) == 2 else None


def card_type(atr: bytes) -> str:
    """What a card is, by its ATR, for people."""
    number = card_number(atr)
    if number is None:
        return "ISO 14443-4"
    return _CARD_NAMES.get(number, f"storage card {number:04X}")


def read_card(reader: str, atr: bytes, transmit: Transmit) -> Tap:
    """Read a card completely: its UID, and its loyalty id if it has one.

    Any card is asked for its UID and no card but a storage card for anything else: what a payment card or a
    phone would tell is none of a kiosk's business. A card whose memory is empty, locked or junk is a tap
    without loyalty.

    Raises:
        CardTornAway: it left while its memory was read.
        DriverError: the card doesn't say its UID, or `transmit` gave up; what that raises comes through.
    """
    uid, status = transmit(GET_UID)
    if status != OK or len(uid) not in UID_SIZES:
        raise DriverError(f"the card does not say its UID: status {status:04X}, {len(uid)} bytes")
    loyalty = None
    if card_number(atr) in _TYPE_2_CARDS:
        try:
            loyalty = _read_loyalty(transmit)
        except (_Refused, NdefError) as error:
            # Readers say the same (63 00) of a page that can't be read and of a card that has left.
            if isinstance(error, _Refused) and transmit(GET_UID) != (uid, OK):
                raise CardTornAway(f"the card left while it was read: {error}") from None
            _log.info("%s: no loyalty id on this card: %s", reader, error)
    return Tap(reader, uid, card_type(atr), loyalty)


class _Refused(Exception):
    """The card answered a read with an error or with too little."""


def _read_loyalty(transmit: Transmit) -> str | None:
    area = _Type2Area(transmit)
    at = 0
    while at < area.size:
        tag = area.take(at, 1)[0]
        at += 1
        if tag == TLV_NULL:
            continue
        if tag == TLV_TERMINATOR:
            return None
        length = area.take(at, 1)[0]
        at += 1
        if length == 0xFF:
            length = int.from_bytes(area.take(at, 2))
            at += 2
        if tag == TLV_NDEF:
            return loyalty_id(area.take(at, length)) if length else None
        at += length
    return None


class _Type2Area:
    """The data area of a Type 2 tag, read as far as it is asked for.

    Reads ask for 16 bytes, what a READ of the card gives; a reader that only gives a page at a time says so.
    """

    def __init__(self, transmit: Transmit) -> None:
        self._transmit = transmit
        self._expect = 16
        self._data = b""
        self.size = _MAX_AREA_SIZE
        first = self._read(CAPABILITY_PAGE)
        magic, version, size, access = first[:PAGE_SIZE]
        if magic != 0xE1 or version >> 4 != 1:
            raise NdefError("the card is not formatted for NDEF")
        if access >> 4:
            raise NdefError("the card allows no reading")
        self.size = min(8 * size, _MAX_AREA_SIZE)
        self._data = first[PAGE_SIZE:]

    def take(self, at: int, size: int) -> bytes:
        """`size` bytes from `at` on.

        Raises:
            NdefError: the area ends before.
        """
        if at + size > self.size:
            raise NdefError(f"a TLV runs to byte {at + size} of {self.size}")
        while len(self._data) < at + size:
            self._data += self._read(CAPABILITY_PAGE + 1 + len(self._data) // PAGE_SIZE)
        return self._data[at : at + size]

    def _read(self, page: int) -> bytes:
        """Whole pages from `page` on, at least one."""
        data, status = self._ask(page)
        if status == 0x6700 or status >> 8 == 0x6C:  # wrong length; 6C names the right one
            self._expect = status & 0xFF if status >> 8 == 0x6C else PAGE_SIZE
            data, status = self._ask(page)
        if status != OK:
            raise _Refused(f"page {page} is answered with status {status:04X}")
        whole = len(data) - len(data) % PAGE_SIZE
        if whole == 0:
            raise _Refused(f"page {page} is answered with {len(data)} bytes")
        return data[:whole]

    def _ask(self, page: int) -> tuple[bytes, int]:
        return self._transmit(bytes([0xFF, 0xB0, page >> 8, page & 0xFF, self._expect]))
