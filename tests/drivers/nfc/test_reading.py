"""Reading cards that do as they should, and cards and readers that don't."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import CardTornAway, DriverError
from drivers.nfc import Tap
from drivers.nfc.card import PAYMENT_CARD_ATR, STORAGE_CARD_ATR, USER_SIZE, SimulatedCard
from drivers.nfc.ndef import loyalty_message, tlv
from drivers.nfc.reading import card_type, read_card, split_answer

UID = bytes.fromhex("04A1B2C3D4E5F6")
LOCK_CONTROL = bytes.fromhex("0103A00C34")  # the TLV that stands first on a new NTAG213
MESSAGE = loyalty_message("LOYALTY123")


class Wire:
    """Carries commands to a card, notes them, and garbles answers on request."""

    def __init__(
        self, card: SimulatedCard, garble: Callable[[bytes, bytes], bytes] = lambda command, answer: answer
    ) -> None:
        self.card = card
        self.garble = garble
        self.commands: list[bytes] = []

    def transmit(self, command: bytes) -> tuple[bytes, int]:
        self.commands.append(command)
        return split_answer(self.garble(command, self.card.answer(command)))

    def read(self) -> Tap:
        return read_card("reader", self.card.atr, self.transmit)


def read(memory: bytes) -> Tap:
    return Wire(SimulatedCard(UID, memory=memory)).read()


@pytest.mark.parametrize("uid", [UID[:4], UID, UID + b"\x01\x02\x03"])
def test_a_loyalty_card(uid: bytes) -> None:
    tap = Wire(SimulatedCard(uid, "LOYALTY123")).read()
    assert tap == Tap("reader", uid, "MIFARE Ultralight", "LOYALTY123")
    assert uid.hex() not in repr(tap).lower()


def test_an_empty_card_is_a_tap_too() -> None:
    assert Wire(SimulatedCard(UID)).read().loyalty_id is None


def test_it_reads_no_more_than_it_needs() -> None:
    wire = Wire(SimulatedCard(UID, "LOYALTY123"))
    wire.read()
    # 34 bytes behind the capability container, 12 of which came with it.
    assert [command.hex() for command in wire.commands] == [
        "ffca000000",
        "ffb0000310",
        "ffb0000710",
        "ffb0000b10",
    ]


@pytest.mark.parametrize(
    "memory",
    [
        LOCK_CONTROL + tlv(MESSAGE),
        b"\0\0\0" + tlv(MESSAGE),
        bytes.fromhex("FD0A") + bytes(10) + tlv(MESSAGE),
        b"\x03\xff" + len(MESSAGE).to_bytes(2) + MESSAGE,
        tlv(MESSAGE)[:-1],
        bytes(USER_SIZE - len(tlv(MESSAGE)) + 1) + tlv(MESSAGE)[:-1],
    ],
    ids=["lock control", "nulls", "proprietary", "long length", "no terminator", "at the very end"],
)
def test_where_a_message_may_stand(memory: bytes) -> None:
    assert read(memory).loyalty_id == "LOYALTY123"


@pytest.mark.parametrize(
    "memory",
    [
        b"",
        bytes(USER_SIZE),
        b"\xfe" + tlv(MESSAGE),
        b"\x03\x00\xfe",
        b"\x03\xff\xff\xff",
        b"\x03\x90" + MESSAGE,
        bytes(USER_SIZE - 1) + b"\x03",
        bytes(USER_SIZE - 2) + b"\x03\xff",
        tlv(MESSAGE[:-1]),
        tlv(b"\xd1\x01\x05T\x02enhi"),
        b"\xff" * USER_SIZE,
    ],
)
def test_what_is_no_loyalty_card(memory: bytes) -> None:
    tap = read(memory)
    assert (tap.uid, tap.loyalty_id) == (UID, None)


@given(st.binary(max_size=USER_SIZE))
def test_any_memory_is_a_tap(memory: bytes) -> None:
    assert read(memory).uid == UID


def test_a_payment_card_is_asked_for_its_uid_only() -> None:
    wire = Wire(SimulatedCard(UID[:4], atr=PAYMENT_CARD_ATR))
    tap = wire.read()
    assert tap == Tap("reader", UID[:4], "ISO 14443-4", None)
    assert wire.commands == [bytes.fromhex("FFCA000000")]


@pytest.mark.parametrize(
    ("name", "words"),
    [("0001", "MIFARE Classic 1K"), ("0003", "MIFARE Ultralight"), ("F011", "storage card F011")],
)
def test_card_types(name: str, words: str) -> None:
    atr = STORAGE_CARD_ATR[:13] + bytes.fromhex(name) + STORAGE_CARD_ATR[15:]
    assert card_type(atr) == words


@pytest.mark.parametrize("atr", [b"", b"\x3b", PAYMENT_CARD_ATR, STORAGE_CARD_ATR[:13], STORAGE_CARD_ATR[:14]])
def test_an_atr_that_names_no_storage_card(atr: bytes) -> None:
    assert card_type(atr) == "ISO 14443-4"


def test_a_reader_that_gives_one_page_at_a_time() -> None:
    def one_page(command: bytes, answer: bytes) -> bytes:
        return bytes.fromhex("6700") if command[1] == 0xB0 and command[4] != 4 else answer

    assert Wire(SimulatedCard(UID, "LOYALTY123"), one_page).read().loyalty_id == "LOYALTY123"


def test_a_reader_that_names_the_right_length() -> None:
    def eight(command: bytes, answer: bytes) -> bytes:
        return bytes.fromhex("6C08") if command[1] == 0xB0 and command[4] != 8 else answer

    assert Wire(SimulatedCard(UID, "LOYALTY123"), eight).read().loyalty_id == "LOYALTY123"


def test_answers_shorter_than_asked_are_put_together() -> None:
    def six_bytes(command: bytes, answer: bytes) -> bytes:
        return answer[:6] + answer[-2:] if command[1] == 0xB0 else answer

    assert Wire(SimulatedCard(UID, "LOYALTY123"), six_bytes).read().loyalty_id == "LOYALTY123"


@pytest.mark.parametrize("answer", ["9000", "0102039000", "6300", "6982", "6A82", "6C04", "6C00"])
@pytest.mark.parametrize("from_read", [1, 2, 3])
def test_a_read_that_fails_leaves_the_tap(from_read: int, answer: str) -> None:
    reads = 0

    def fail(command: bytes, right: bytes) -> bytes:
        nonlocal reads
        if command[1] != 0xB0:
            return right
        reads += 1
        return bytes.fromhex(answer) if reads >= from_read else right

    tap = Wire(SimulatedCard(UID, "LOYALTY123"), fail).read()
    assert (tap.uid, tap.loyalty_id) == (UID, None)
    assert reads <= 4


@pytest.mark.parametrize("capability", ["00000000", "E1201200", "E11012F0", "E1100000"])
def test_a_card_that_is_not_for_ndef_or_not_for_reading(capability: str) -> None:
    def other(command: bytes, answer: bytes) -> bytes:
        return bytes.fromhex(capability) + answer[4:] if command[2:4] == b"\x00\x03" else answer

    assert Wire(SimulatedCard(UID, "LOYALTY123"), other).read().loyalty_id is None


@pytest.mark.parametrize("answer", ["9000", "0102039000", "6300", "6A81", "90", "", "01" * 11 + "9000"])
def test_a_card_without_a_uid_is_an_error_that_does_not_quote_it(answer: str) -> None:
    with pytest.raises(DriverError) as told:
        Wire(SimulatedCard(UID), lambda command, right: bytes.fromhex(answer)).read()
    assert "010203" not in str(told.value)


@pytest.mark.parametrize("command_number", [1, 2, 3, 4])
def test_a_card_torn_away_is_no_tap(command_number: int) -> None:
    wire = Wire(SimulatedCard(UID, "LOYALTY123"))

    def transmit(command: bytes) -> tuple[bytes, int]:
        if len(wire.commands) + 1 == command_number:
            raise CardTornAway("gone")
        return wire.transmit(command)

    with pytest.raises(CardTornAway):
        read_card("reader", STORAGE_CARD_ATR, transmit)


@pytest.mark.parametrize("last_answered", [1, 2, 3])
def test_a_card_that_leaves_a_reader_that_only_says_63_00_is_no_tap(last_answered: int) -> None:
    wire = Wire(SimulatedCard(UID, "LOYALTY123"))
    wire.garble = lambda _, answer: answer if len(wire.commands) <= last_answered else bytes.fromhex("6300")
    with pytest.raises(CardTornAway):
        wire.read()


def test_another_card_in_its_place_is_no_tap_of_the_first() -> None:
    wire = Wire(SimulatedCard(UID, "LOYALTY123"))
    wire.garble = lambda command, answer: (
        bytes.fromhex("6300") if command[1] == 0xB0 else answer if len(wire.commands) == 1 else b"\x08" + answer[1:]
    )
    with pytest.raises(CardTornAway):
        wire.read()


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_any_answers_are_a_tap_or_an_error_in_words(answers: list[bytes]) -> None:
    left = list(answers)

    def transmit(command: bytes) -> tuple[bytes, int]:
        if not left:
            raise CardTornAway("gone")
        return split_answer(left.pop(0))

    try:
        tap = read_card("reader", STORAGE_CARD_ATR, transmit)
    except DriverError:
        return
    assert len(tap.uid) in (4, 7, 10)


def test_a_card_full_of_nulls_does_not_hold_the_customer() -> None:
    """A capability container may announce 2 kB; we read 512 bytes of it at most."""
    reads = 0

    def big(command: bytes) -> tuple[bytes, int]:
        nonlocal reads
        if command[1] == 0xCA:
            return UID, 0x9000
        reads += 1
        return (bytes.fromhex("E110FF00") if command[3] == 3 else b"\0" * 4) + bytes(12), 0x9000

    assert read_card("reader", STORAGE_CARD_ATR, big).loyalty_id is None
    assert reads == 33
