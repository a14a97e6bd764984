"""NDEF messages: the loyalty record, and everything else that a card may hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.nfc.ndef import NdefError, NdefRecord, loyalty_id, loyalty_message, records, tlv

# As an NFC phone writes them: text "hi" (en), URI https://example.com, and our record in the long form with
# an id.
TEXT = bytes.fromhex("D101055402656E6869")
URI = bytes.fromhex("D1010C5504") + b"example.com"
LONG_WITH_ID = bytes.fromhex("CC120000000A02") + b"kiosk-edge:loyalty" + b"id" + b"LOYALTY123"

loyalty_ids = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)


def test_records_of_a_text_and_a_uri() -> None:
    assert list(records(TEXT)) == [NdefRecord(1, b"T", b"\x02enhi")]
    assert list(records(URI)) == [NdefRecord(1, b"U", b"\x04example.com")]


def test_several_records_in_one_message() -> None:
    first = bytes([TEXT[0] & ~0x40]) + TEXT[1:]
    last = bytes([loyalty_message("A1")[0] & ~0x80]) + loyalty_message("A1")[1:]
    assert loyalty_id(first + last) == "A1"


def test_the_long_form_with_an_id_is_understood() -> None:
    assert loyalty_id(LONG_WITH_ID) == "LOYALTY123"


def test_the_type_is_compared_without_case() -> None:
    assert loyalty_id(loyalty_message("A1").replace(b"kiosk-edge", b"Kiosk-EDGE")) == "A1"


@given(loyalty_ids)
def test_what_is_written_is_read(text: str) -> None:
    assert loyalty_id(loyalty_message(text)) == text


@pytest.mark.parametrize("message", [TEXT, URI])
def test_a_text_or_link_is_no_loyalty_card(message: bytes) -> None:
    assert loyalty_id(message) is None


@pytest.mark.parametrize("text", ["", "a b", "ÄÖ", "x" * 65, "A1\n", "<script>"])
def test_what_is_no_loyalty_id_is_neither_written_nor_read(text: str) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        loyalty_message(text)
    payload = text.encode()
    message = bytes([0xD4, 18, len(payload)]) + b"kiosk-edge:loyalty" + payload
    with pytest.raises(NdefError) as told:
        loyalty_id(message)
    assert not text or text not in str(told.value)  # what a card holds does not get into a log


@given(loyalty_ids, st.integers(0))
def test_a_message_cut_anywhere_is_refused(text: str, cut: int) -> None:
    message = loyalty_message(text)
    with pytest.raises(NdefError):
        loyalty_id(message[: cut % len(message)])


@given(st.binary(max_size=200))
def test_junk_is_refused_or_read_never_a_crash(junk: bytes) -> None:
    try:
        found = loyalty_id(junk)
    except NdefError:
        return
    assert found is None or loyalty_id(loyalty_message(found)) == found


def test_a_chunked_record_is_refused() -> None:
    with pytest.raises(NdefError, match="chunks"):
        loyalty_id(bytes([TEXT[0] | 0x20]) + TEXT[1:])


def test_a_tlv_of_255_bytes_has_the_long_length() -> None:
    assert tlv(b"x" * 254)[:2] == b"\x03\xfe"
    assert tlv(b"x" * 255)[:4] == b"\x03\xff\x00\xff"
    assert tlv(b"ab") == b"\x03\x02ab\xfe"
