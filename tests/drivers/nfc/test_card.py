"""The simulated card answers as a reader answers for an NTAG213."""

from __future__ import annotations

from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.nfc.card import PAYMENT_CARD_ATR, STORAGE_CARD_ATR, SimulatedCard

UID = bytes.fromhex("04A1B2C3D4E5F6")


@pytest.fixture
def card() -> SimulatedCard:
    return SimulatedCard(UID, "LOYALTY123")


@pytest.mark.parametrize("atr", [STORAGE_CARD_ATR, PAYMENT_CARD_ATR])
def test_the_atr_is_whole(atr: bytes) -> None:
    assert atr[0] == 0x3B
    assert len(atr) == 2 + 2 + (atr[1] & 0x0F) + 1
    assert reduce(xor, atr[1:]) == 0  # TCK


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("FFCA000000", "04A1B2C3D4E5F69000"),
        ("FFCA000007", "04A1B2C3D4E5F69000"),
        ("FFCA000004", "6C07"),
        ("FFCA010000", "6B00"),
        ("FFB0000304", "E1101200" + "9000"),
        ("FFB0000400", b"\x03\x1f\xd4\x12\x0akiosk-edge:".hex() + "9000"),
        ("FFB0002C10", "00000000" + "04A1B29F" + "C3D4E5F6" + "04480000" + "9000"),  # rolls over to page 0
        ("FFB0002D10", "6A82"),
        ("FFB0010010", "6A82"),
        ("FFB0000411", "6C10"),
        ("FFD6000404", "6D00"),
        ("00A4040000", "6E00"),
        ("FFB000", "6700"),
        ("FFB00004", "6700"),
        ("", "6700"),
    ],
)
def test_answers(card: SimulatedCard, command: str, answer: str) -> None:
    assert card.answer(bytes.fromhex(command)).hex().upper() == answer.upper()


@given(st.binary(max_size=20))
def test_any_command_gets_a_status(command: bytes) -> None:
    assert len(SimulatedCard(UID, "A1").answer(command)) >= 2


def test_a_payment_card_has_no_memory_for_us() -> None:
    card = SimulatedCard(UID[:4], atr=PAYMENT_CARD_ATR)
    assert card.answer(bytes.fromhex("FFCA000000")) == UID[:4] + b"\x90\x00"
    assert card.answer(bytes.fromhex("FFB0000310")) == bytes.fromhex("6D00")


def test_no_uid_in_repr(card: SimulatedCard) -> None:
    assert repr(card) == "SimulatedCard(loyalty_id='LOYALTY123')"


@pytest.mark.parametrize(
    ("uid", "loyalty_id", "memory", "words"),
    [
        (b"123", None, None, "4, 7 or 10"),
        (UID, "no spaces", None, "letters"),
        (UID, "A1", b"\x00", "not both"),
        (UID, None, bytes(145), "144"),
    ],
)
def test_an_impossible_card_is_refused(uid: bytes, loyalty_id: str | None, memory: bytes | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SimulatedCard(uid, loyalty_id, memory=memory)
