"""The loyalty record on a card: NDEF, as far as it is needed, pure and without a card.

A loyalty card carries an NDEF message with one external record (NFC Forum NDEF 1.0, TNF 4):

- type ``kiosk-edge:loyalty`` (said aloud: ``urn:nfc:ext:kiosk-edge:loyalty``),
- payload the loyalty id in ASCII: 1 to 64 letters, digits, dots, dashes or underscores, such as
  ``LOYALTY123``.

An external record rather than a text: a card of some other purpose that happens to hold a text is no
loyalty card. Any phone app that writes "external" or "custom" records makes one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LOYALTY_TYPE: Final = b"kiosk-edge:loyalty"
TNF_EXTERNAL: Final = 4

TLV_NULL: Final = 0x00
TLV_NDEF: Final = 0x03
TLV_TERMINATOR: Final = 0xFE

_MESSAGE_BEGIN, _MESSAGE_END, _CHUNK, _SHORT, _HAS_ID = 0x80, 0x40, 0x20, 0x10, 0x08
_LOYALTY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class NdefError(ValueError):
    """The bytes are no NDEF message; the text says where it breaks off, never what it holds."""


@dataclass(frozen=True)
class NdefRecord:
    """One record of a message: `tnf` (0 to 7), and its type and payload as bytes."""

    tnf: int
    type: bytes
    payload: bytes


def check_loyalty_id(text: str) -> str:
    """`text`, if it has the form of a loyalty id.

    Raises:
        ValueError: it has not.
    """
    if not _LOYALTY_ID.fullmatch(text):
        raise ValueError("a loyalty id is 1 to 64 letters, digits, dots, dashes or underscores")
    return text


def records(message: bytes) -> Iterator[NdefRecord]:
    """The records of an NDEF message, in order.

    Raises:
        NdefError: the message is cut short, or has a chunked record (no card so small needs one).
    """
    at = 0
    while True:
        header, type_length = _take(message, at, 2)
        at += 2
        length_size = 1 if header & _SHORT else 4
        payload_length = int.from_bytes(_take(message, at, length_size))
        at += length_size
        id_length = 0
        if header & _HAS_ID:
            id_length = _take(message, at, 1)[0]
            at += 1
        if header & _CHUNK:
            raise NdefError("a record comes in chunks")
        record_type = _take(message, at, type_length)
        at += type_length + id_length
        payload = _take(message, at, payload_length)
        at += payload_length
        yield NdefRecord(header & 0x07, record_type, payload)
        if header & _MESSAGE_END:
            return


def _take(message: bytes, at: int, size: int) -> bytes:
    part = message[at : at + size]
    if len(part) < size:
        raise NdefError(f"the message ends after {len(message)} bytes, where {at + size} are announced")
    return part


def loyalty_id(message: bytes) -> str | None:
    """The loyalty id of an NDEF message, None when it has no loyalty record.

    Raises:
        NdefError: the message is malformed, or its loyalty record holds something else than an id.
    """
    for record in records(message):
        # RFC 2141, which external types follow, compares them without regard to case.
        if record.tnf == TNF_EXTERNAL and record.type.lower() == LOYALTY_TYPE:
            try:
                return check_loyalty_id(record.payload.decode("ascii"))
            except ValueError as error:  # UnicodeDecodeError is one; its text would quote the card
                raise NdefError("the loyalty record holds no loyalty id") from error
    return None


def loyalty_message(text: str) -> bytes:
    """The NDEF message that a loyalty card carries.

    Raises:
        ValueError: `text` is no loyalty id.
    """
    payload = check_loyalty_id(text).encode("ascii")
    header = _MESSAGE_BEGIN | _MESSAGE_END | _SHORT | TNF_EXTERNAL
    return bytes([header, len(LOYALTY_TYPE), len(payload)]) + LOYALTY_TYPE + payload


def tlv(message: bytes) -> bytes:
    """An NDEF message as a Type 2 tag stores it: NDEF TLV and terminator."""
    size = len(message)
    length = bytes([size]) if size < 0xFF else b"\xff" + size.to_bytes(2)
    return bytes([TLV_NDEF]) + length + message + bytes([TLV_TERMINATOR])
