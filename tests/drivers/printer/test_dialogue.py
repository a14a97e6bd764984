"""Printers that answer less than an Epson does."""

from __future__ import annotations

import logging
import queue

import pytest

from drivers.errors import DeviceTimeout, OutOfPaper
from drivers.printer import PrinterStatus
from drivers.printer.dialogue import Dialogue
from drivers.printer.fate import Progress
from drivers.printer.journal import Journal
from drivers.printer.layout import Job

JOB = Job(b"items", b"total", b"cut")
WELL = {b"\x10\x04\x01": b"\x12", b"\x10\x04\x02": b"\x12", b"\x10\x04\x04": b"\x12"}


class Scripted:
    """A transport to a printer that knows a few questions; a job is answered by what `printed` says."""

    answers = True

    def __init__(self, script: dict[bytes, bytes], printed: bytes = b"") -> None:
        self.script = script
        self.printed = printed
        self.asked: list[bytes] = []
        self._said: queue.Queue[bytes] = queue.Queue()  # no SimpleQueue: see drivers/printer/cable.py

    def open(self, timeout_s: float) -> None:
        raise NotImplementedError("a dialogue gets an open transport")

    def look(self, timeout_s: float) -> None:
        raise NotImplementedError("a dialogue gets an open transport")

    def write(self, data: bytes, timeout_s: float) -> None:
        self.asked.append(data)
        answer = self.printed * data.count(b"\x1dr\x01") or self.script.get(data, b"")
        if answer:
            self._said.put(answer)

    def read(self, timeout_s: float) -> bytes:
        try:
            return self._said.get(timeout=timeout_s)
        except queue.Empty:
            return b""

    def close(self) -> None:
        self.asked.append(b"closed")


def test_an_unanswered_question_stays_unknown_and_is_asked_once() -> None:
    printer = Scripted({b"\x10\x04\x01": b"\x12", b"\x10\x04\x04": b"\x1e"})
    dialogue = Dialogue(printer, answer_s=0.05)
    assert dialogue.condition().status() == PrinterStatus("yes", "low", "unknown")
    assert dialogue.condition().status() == PrinterStatus("yes", "low", "unknown")
    assert printer.asked.count(b"\x10\x04\x02") == 1


def test_a_printer_without_gs_r_times_out_with_advice() -> None:
    dialogue = Dialogue(Scripted(WELL), answer_s=0.05)
    with pytest.raises(DeviceTimeout, match="confirm=status"):
        dialogue.print(JOB, 0.3, Progress(None, Journal()))


def test_an_answer_from_before_is_not_taken_for_the_end_of_this_receipt() -> None:
    printer = Scripted(WELL | {b"\x10\x04\x01": b"\x00\x12"})  # a late answer to an earlier GS r
    dialogue = Dialogue(printer, answer_s=0.05)
    dialogue.condition()
    printer.script = WELL
    with pytest.raises(DeviceTimeout):
        dialogue.print(JOB, 0.3, Progress(None, Journal()))


def test_the_cause_of_an_error_is_asked_for() -> None:
    printer = Scripted(WELL | {b"\x10\x04\x01": b"\x1a", b"\x10\x04\x02": b"\x52", b"\x10\x04\x03": b"\x1a"})
    refusal = Dialogue(printer, answer_s=0.05).condition().refusal()
    assert "cutter is jammed" in str(refusal)


def test_a_printer_that_cannot_take_a_receipt_back_is_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    printer = Scripted(WELL | {b"\x10\x04\x04": b"\x72"})
    with caplog.at_level(logging.WARNING), pytest.raises(OutOfPaper):
        Dialogue(printer, answer_s=0.05).print(JOB, 1, Progress(None, Journal()))
    assert "may print the rest" in caplog.text


def test_paper_that_a_printer_only_mentions_in_its_last_answer() -> None:
    """Some stay online without paper, come to GS r all the same, and say it there."""
    with pytest.raises(OutOfPaper):
        Dialogue(Scripted(WELL, printed=b"\x0c"), answer_s=0.05).print(JOB, 1, Progress(None, Journal()))
    Dialogue(Scripted(WELL, printed=b"\x03"), answer_s=0.05).print(JOB, 1, Progress(None, Journal()))  # nearly out
