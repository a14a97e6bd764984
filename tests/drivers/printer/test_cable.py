"""The connection without a wire: it waits as long as it is told, and no longer."""

from __future__ import annotations

import threading

import pytest

from drivers.printer.cable import InProcessTransport
from drivers.printer.simulated import SimulatedPrinter

TRIES = 20_000  # of which some are put off just long enough


@pytest.mark.timeout(300)
def test_a_wait_that_is_over_before_it_begins_ends() -> None:
    # As on a machine so busy that the thread sleeps through its time: SimpleQueue.get (CPython 3.11) never returns.
    printer, said = SimulatedPrinter(), list[bytes]()

    def read() -> None:
        for _ in range(TRIES):
            transport = InProcessTransport(printer)
            transport.open(1.0)
            said.append(transport.read(1e-7))
            transport.close()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    while reader.is_alive():
        before = len(said)
        reader.join(15)
        assert len(said) > before or not reader.is_alive(), f"read no. {len(said)} does not end"
    assert set(said) == {b""}


def test_an_answer_that_is_there_already_is_read_though_no_time_is_left() -> None:
    transport = InProcessTransport(SimulatedPrinter())
    transport.open(1.0)
    transport.write(b"\x10\x04\x01", 1.0)
    assert transport.read(1e-6) == b"\x12"
