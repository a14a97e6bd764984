"""What a printer says, byte by byte, and what it adds up to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import CoverOpen, DriverError, OutOfPaper
from drivers.printer import PrinterStatus
from drivers.printer.answers import Answers, Condition

WELL = 0x12

# Whole messages, as the manuals have them: (bytes, kind).
MESSAGES = st.one_of(
    st.builds(lambda bits: (bytes([bits & 0x6C | 0x12]), "real time"), st.integers(0, 255)),
    st.builds(lambda bits: (bytes([bits & 0x6F]), "in order"), st.integers(0, 255)).filter(
        lambda message: message[0][0] not in (0x37, 0x5F) and not message[0][0] & 0x90
    ),
    st.builds(
        lambda first, rest: (bytes([first & 0x6C | 0x10, *(byte & 0x6F for byte in rest)]), "automatic"),
        st.integers(0, 255),
        st.lists(st.integers(0, 255), min_size=3, max_size=3),
    ).filter(lambda message: not {0x37, 0x5F} & set(message[0])),
    st.sampled_from([(b"\x11", "flow"), (b"\x13", "flow"), (b"\x37%\0", "cleared"), (b"\x5fTM-T20II\0", "name")]),
)


@given(st.lists(MESSAGES, max_size=20), st.integers(1, 5))
def test_every_message_is_sorted_whatever_pieces_it_comes_in(messages: list[tuple[bytes, str]], size: int) -> None:
    stream = b"".join(data for data, _ in messages)
    answers = Answers()
    for begin in range(0, len(stream), size):
        answers.feed(stream[begin : begin + size])
    assert list(answers.real_time) == [data[0] for data, kind in messages if kind == "real time"]
    assert list(answers.in_order) == [data[0] for data, kind in messages if kind == "in order"]
    assert answers.cleared == any(kind == "cleared" for _, kind in messages)


def test_an_answer_between_the_bytes_of_an_automatic_status_is_not_part_of_it() -> None:
    answers = Answers()
    answers.feed(b"\x10\x00\x12\x00\x0f\x03")
    assert list(answers.real_time) == [0x12]
    assert list(answers.in_order) == [0x03]


@given(st.binary(max_size=100))
def test_no_bytes_make_it_fail(junk: bytes) -> None:
    answers = Answers()
    answers.feed(junk)
    answers.feed(b"\0\x12")  # the end of a block that junk may have begun
    assert answers.real_time[-1] == 0x12


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (Condition(WELL, WELL, None, WELL), PrinterStatus("yes", "ok", "closed")),
        (Condition(WELL, WELL, None, WELL | 0x0C), PrinterStatus("yes", "low", "closed")),
        (Condition(WELL | 8, WELL | 0x20, None, WELL | 0x60), PrinterStatus("no", "out", "closed")),
        (Condition(WELL | 8, WELL | 0x20, None, None), PrinterStatus("no", "out", "closed")),
        (Condition(WELL | 8, WELL | 0x04, None, WELL), PrinterStatus("no", "ok", "open")),
        (Condition(WELL, None, None, None), PrinterStatus("yes", "unknown", "unknown")),
    ],
)
def test_status_says_what_was_answered_and_guesses_nothing(condition: Condition, status: PrinterStatus) -> None:
    assert condition.status() == status


@pytest.mark.parametrize(
    ("condition", "kind", "words"),
    [
        (Condition(WELL | 8, WELL | 0x04, None, WELL | 0x60), CoverOpen, "cover"),  # first things first
        (Condition(WELL | 8, WELL | 0x20, None, WELL | 0x60), OutOfPaper, "out of paper"),
        (Condition(WELL | 8, WELL | 0x40, WELL | 0x08, WELL), DriverError, "cutter is jammed"),
        (Condition(WELL | 8, WELL | 0x40, WELL | 0x20, WELL), DriverError, "switching it off"),
        (Condition(WELL | 8, WELL | 0x40, WELL | 0x40, WELL), DriverError, "too hot"),
        (Condition(WELL | 8, WELL, None, WELL), DriverError, "doesn't say why"),
    ],
)
def test_a_refusal_names_its_reason(condition: Condition, kind: type[DriverError], words: str) -> None:
    refusal = condition.refusal()
    assert type(refusal) is kind
    assert words in str(refusal)


def test_a_printer_that_is_well_or_nearly_out_of_paper_prints() -> None:
    assert Condition(WELL, WELL, None, WELL).refusal() is None
    assert Condition(WELL, None, None, WELL | 0x0C).refusal() is None
