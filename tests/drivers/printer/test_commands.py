"""The byte stream as the printer cuts it up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.printer import Receipt
from drivers.printer.commands import Command, CommandStream, Text
from drivers.printer.layout import encode_receipt
from drivers.printer.simulated import SimulatedPrinter


@pytest.mark.parametrize(
    ("data", "name", "parameters"),
    [
        (b"\x1b@", b"\x1b@", b""),
        (b"\x1bt\x10", b"\x1bt", b"\x10"),
        (b"\x1b*\x21\x02\x00abcdef", b"\x1b*", b"\x21\x02\x00abcdef"),
        (b"\x1b*\x01\x02\x00ab", b"\x1b*", b"\x01\x02\x00ab"),
        (b"\x1bD\x08\x10\x00", b"\x1bD", b"\x08\x10\x00"),
        (b"\x1b&\x03\x41\x42\x01abc\x02abcdef", b"\x1b&", b"\x03\x41\x42\x01abc\x02abcdef"),
        (b"\x1bp\x00\x32\x32", b"\x1bp", b"\x00\x32\x32"),
        (b"\x1c.", b"\x1c.", b""),
        (b"\x1cq\x01\x01\x00\x01\x00abcdefgh", b"\x1cq", b"\x01\x01\x00\x01\x00abcdefgh"),
        (b"\x1dV\x00", b"\x1dV", b"\x00"),
        (b"\x1dV\x42\x20", b"\x1dV", b"\x42\x20"),
        (b"\x1dv0\x00\x02\x00\x02\x00abcd", b"\x1dv", b"0\x00\x02\x00\x02\x00abcd"),
        (b"\x1dk\x04AB\x00", b"\x1dk", b"\x04AB\x00"),
        (b"\x1dk\x49\x03{BA", b"\x1dk", b"\x49\x03{BA"),
        (b"\x1d(k\x03\x001Q0", b"\x1d(k", b"1Q0"),
        (b"\x1d8L\x02\x00\x00\x000p", b"\x1d8", b"L\x02\x00\x00\x000p"),
        (b"\x1d*\x01\x01abcdefgh", b"\x1d*", b"\x01\x01abcdefgh"),
        (b"\x10\x04\x01", b"\x10\x04", b"\x01"),
        (b"\x10\x04\x07\x01", b"\x10\x04", b"\x07\x01"),
        (b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08", b"\x10\x14", b"\x08\x01\x03\x14\x01\x06\x02\x08"),
        (b"\n", b"\n", b""),
    ],
)
def test_a_command_takes_its_parameters_and_no_more(data: bytes, name: bytes, parameters: bytes) -> None:
    expected = [Text(b"before"), Command(name, parameters), Text(b"after")]
    assert CommandStream().feed(b"before" + data + b"after") == expected
    for size in range(1, len(data)):
        stream = CommandStream()
        assert stream.feed(data[:size]) == []
        assert stream.feed(data[size:]) == [Command(name, parameters)]


@pytest.mark.parametrize("data", [b"\x1bQ", b"\x1d\xff", b"\x1c\x7f", b"\x07", b"\x10"])
def test_what_no_printer_knows_is_handed_on_as_unknown(data: bytes) -> None:
    assert CommandStream().feed(b"a" + data + b"\nb") == [
        Text(b"a"),
        Command(data, known=False),
        Command(b"\n"),
        Text(b"b"),
    ]


# Bytes that are mostly the beginnings of commands: pure noise is mostly text.
PIECES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([b"\x1b", b"\x1d", b"\x1c", b"\x10", b"\x1d(k", b"\x1dv0", b"\x1b*", b"\x1dk", b"\x1d8L"]),
    st.sampled_from([b"\x1d(k\x03\x001Q0", b"\x1d(k\x08\x001P0hello", b"\x1dV\x00", b"\x1d(L", b"\n", b"\x1c&"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30).map(b"".join))
def test_no_bytes_make_the_printer_fail(junk: bytes) -> None:
    device = SimulatedPrinter(roll_mm=3000)
    device.connect(lambda _: None, lambda: None).send(junk)
    # Whatever it swallowed, a host that connects anew is served.
    device.load_roll(mm=3000)
    device.connect(lambda _: None, lambda: None).send(b"\x1b@\x1c.well\n\x1dV\x00")
    assert device.receipts[-1].text[-1].endswith("well")
    assert device.receipts[-1].png().startswith(b"\x89PNG")


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_pieces_make_the_same_receipt(data: st.DataObject) -> None:
    job = SAMPLE
    cuts = sorted(data.draw(st.sets(st.integers(1, len(job) - 1), max_size=20)))
    device = SimulatedPrinter()
    cable = device.connect(lambda _: None, lambda: None)
    for begin, end in zip([0, *cuts], [*cuts, len(job)], strict=True):
        cable.send(job[begin:end])
    (piece,) = device.receipts
    assert device.unknown == []
    assert piece.text == WHOLE.text
    assert piece.qr == WHOLE.qr
    assert piece.dots.tobytes() == WHOLE.dots.tobytes()


# Every kind of command that carries data: text in two code pages, QR code, raster, columns, bar code.
SAMPLE = (
    b"\x1b@\x1c.\x1bt\x10caf\xe9 \x80\n\x1bt\x12\xa6\n\x1c&\xc4\xe3\x1c.\n"
    b"\x1d(k\x04\x001A2\x00\x1d(k\x03\x001C\x05\x1d(k\x08\x001P0hello\x1d(k\x03\x001Q0"
    b"\x1dv0\x03\x02\x00\x02\x00\xff\x00\x0f\xf0\x1b*\x21\x02\x00\x10\x1b\x1d\x0a\x04\x1b\n"
    b"\x1dH\x02\x1dk\x49\x06{BKI-1\x1b!\x38big\x1b!\x00\n\x1d!\x11x\n\x1dV\x41\x10"
)


def print_whole(job: bytes) -> SimulatedPrinter:
    device = SimulatedPrinter()
    device.connect(lambda _: None, lambda: None).send(job)
    return device


WHOLE = print_whole(SAMPLE).receipts[0]


def test_one_byte_at_a_time(receipt: Receipt) -> None:
    job = encode_receipt(receipt).whole
    device = SimulatedPrinter()
    cable = device.connect(lambda _: None, lambda: None)
    for byte in job:
        cable.send(bytes([byte]))
    assert device.receipts[0].dots.tobytes() == print_whole(job).receipts[0].dots.tobytes()
