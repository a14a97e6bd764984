"""A simulated contactless card: an NTAG213 as a PC/SC reader presents it, answering APDUs."""

from __future__ import annotations

from typing import Final

from drivers.nfc.ndef import loyalty_message, tlv
from drivers.nfc.reading import PAGE_SIZE, UID_SIZES

# PC/SC Part 3: storage card, ISO 14443 A part 3, MIFARE Ultralight; readers say so of an NTAG21x.
STORAGE_CARD_ATR: Final = bytes.fromhex("3B8F8001804F0CA0000003060300030000000068")
# An ATR as of a bank card: historical bytes that name no storage card.
PAYMENT_CARD_ATR: Final = bytes.fromhex("3B8A80010031C173C8400000900090")

# NXP NTAG213 data sheet: 45 pages, of which 4 to 39 (144 bytes) hold the user's data.
PAGES: Final = 45
USER_PAGES: Final = range(4, 40)
USER_SIZE: Final = PAGE_SIZE * len(USER_PAGES)
READ_SIZE: Final = 16

_OK: Final = bytes.fromhex("9000")
_WRONG_LENGTH: Final = bytes.fromhex("6700")
_NO_SUCH_BLOCK: Final = bytes.fromhex("6A82")
_WRONG_PARAMETERS: Final = bytes.fromhex("6B00")
_UNKNOWN_INSTRUCTION: Final = bytes.fromhex("6D00")
_UNKNOWN_CLASS: Final = bytes.fromhex("6E00")


class SimulatedCard:
    """One card, the same in a simulated reader and behind vpcd.

    `uid` has 4, 7 or 10 bytes. With `loyalty_id` its memory holds a loyalty record; `memory` instead puts
    any bytes (at most 144) into the user's pages, TLVs or junk. An `atr` other than a storage card's makes
    it a card that has a UID and no memory to read.

    Raises:
        ValueError: UID, loyalty id or memory is not one.
    """

    def __init__(
        self,
        uid: bytes,
        loyalty_id: str | None = None,
        *,
        memory: bytes | None = None,
        atr: bytes = STORAGE_CARD_ATR,
    ) -> None:
        if len(uid) not in UID_SIZES:
            raise ValueError(f"a UID has 4, 7 or 10 bytes, not {len(uid)}")
        if loyalty_id is not None and memory is not None:
            raise ValueError("a card holds a loyalty id or a memory of your own, not both")
        if memory is None:
            memory = tlv(loyalty_message(loyalty_id)) if loyalty_id is not None else tlv(b"")
        if len(memory) > USER_SIZE:
            raise ValueError(f"{len(memory)} bytes do not fit into an NTAG213's {USER_SIZE}")
        self.uid = uid
        self.loyalty_id = loyalty_id
        self.atr = atr
        self._pages = _pages(uid, memory) if atr == STORAGE_CARD_ATR else b""

    def __repr__(self) -> str:
        """Without the UID, as everywhere."""
        return f"SimulatedCard(loyalty_id={self.loyalty_id!r})"

    def answer(self, command: bytes) -> bytes:
        """The answer APDU (data and status word) to a command APDU."""
        if len(command) < 4:
            return _WRONG_LENGTH
        if command[0] != 0xFF:
            return _UNKNOWN_CLASS
        if command[1] not in {0xCA, 0xB0} or (command[1] == 0xB0 and not self._pages):
            return _UNKNOWN_INSTRUCTION
        if len(command) != 5:
            return _WRONG_LENGTH
        parameters, expect = int.from_bytes(command[2:4]), command[4]
        if command[1] == 0xCA:
            return self._say_uid(parameters, expect)
        return self._read(parameters, expect)

    def _say_uid(self, parameters: int, expect: int) -> bytes:
        if parameters != 0:
            return _WRONG_PARAMETERS
        if expect not in {0, len(self.uid)}:
            return bytes([0x6C, len(self.uid)])
        return self.uid + _OK

    def _read(self, page: int, expect: int) -> bytes:
        if page >= PAGES:
            return _NO_SUCH_BLOCK
        if expect > READ_SIZE:
            return bytes([0x6C, READ_SIZE])
        start = page * PAGE_SIZE
        rolled_over = self._pages[start:] + self._pages  # a READ at the end goes on at page 0
        return rolled_over[: expect or READ_SIZE] + _OK


def _pages(uid: bytes, memory: bytes) -> bytes:
    serial = uid[:7].ljust(7, b"\0")
    check_0 = 0x88 ^ serial[0] ^ serial[1] ^ serial[2]
    check_1 = serial[3] ^ serial[4] ^ serial[5] ^ serial[6]
    # The last three: an internal byte and two lock bytes, nothing locked.
    identity = serial[:3] + bytes([check_0]) + serial[3:] + bytes([check_1, 0x48, 0x00, 0x00])
    capability = bytes([0xE1, 0x10, USER_SIZE // 8, 0x00])
    return (identity + capability + memory.ljust(USER_SIZE, b"\0")).ljust(PAGES * PAGE_SIZE, b"\0")
