"""The conformance suite can fail: a driver that is broken in one of these ways turns it red, on every wire."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from drivers.errors import DriverError
from drivers.printer import Receipt
from drivers.printer import dialogue as dialogue_module
from drivers.printer.answers import Condition
from drivers.printer.dialogue import Dialogue
from drivers.printer.escpos import EscposPrinter
from drivers.printer.journal import Journal
from drivers.printer.simulated import SimulatedPrinter
from drivers.printer.threaded import Visit
from tests.drivers.printer import test_once, test_printer
from tests.drivers.printer.conftest import Bench

Break = Callable[[pytest.MonkeyPatch], None]
Promise = Callable[[Bench, Receipt, pytest.MonkeyPatch], Awaitable[None]]


def never_asks_before(patch: pytest.MonkeyPatch) -> None:
    refusal, asked = Condition.refusal, 0

    def late(self: Condition) -> DriverError | None:
        nonlocal asked
        asked += 1
        return None if asked == 1 else refusal(self)

    patch.setattr(Condition, "refusal", late)


def takes_sent_for_printed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Dialogue, "_follow", lambda self, reached, deadline, print_s: None)


def leaves_the_rest_in_the_buffer(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dialogue_module, "_CLEAR", b"")


def forgets_what_it_printed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Journal, "entry", lambda self, job: None)


def prints_again_what_may_be_printed(patch: pytest.MonkeyPatch) -> None:
    entry = Journal.entry

    def hopeful(self: Journal, job: str) -> str | None:
        found = entry(self, job)
        return None if found == "unknown" else found

    patch.setattr(Journal, "entry", hopeful)


def takes_silence_for_well(patch: pytest.MonkeyPatch) -> None:
    ask = Dialogue._ask

    def guess(self: Dialogue, question: int, answer_s: float) -> int:
        answer = ask(self, question, answer_s)
        return 0x12 if answer is None else answer

    patch.setattr(Dialogue, "_ask", guess)


def never_connects_again(patch: pytest.MonkeyPatch) -> None:
    reach = EscposPrinter._reach
    first: list[Dialogue] = []

    def once(self: EscposPrinter, visit: Visit) -> Dialogue:
        if not first:
            first.append(reach(self, visit))
        return visit.take(first[0])

    patch.setattr(EscposPrinter, "_reach", once)


async def gives_nothing_to_an_empty_printer(bench: Bench, receipt: Receipt, patch: pytest.MonkeyPatch) -> None:
    await test_printer.test_a_printer_that_cannot_print_is_given_nothing_to_print(bench, receipt, patch, "empty_roll")


async def notices_a_cover_opened_meanwhile(bench: Bench, receipt: Receipt, patch: pytest.MonkeyPatch) -> None:
    await test_once.test_a_fault_during_a_receipt(
        bench,
        replace(receipt, job="job-1"),
        SimulatedPrinter.open_cover,
        SimulatedPrinter.close_cover,
        b"Volcano",
    )


async def prints_nothing_of_the_last_on_a_new_roll(bench: Bench, receipt: Receipt, patch: pytest.MonkeyPatch) -> None:
    await test_printer.test_paper_that_ends_during_a_receipt(bench, receipt)


async def prints_a_job_once(bench: Bench, receipt: Receipt, patch: pytest.MonkeyPatch) -> None:
    await test_once.test_a_job_that_was_printed_is_not_printed_again(bench, replace(receipt, job="job-1"))


async def prints_nothing_that_may_be_printed(bench: Bench, receipt: Receipt, patch: pytest.MonkeyPatch) -> None:
    await test_once.test_a_fault_during_a_receipt(
        bench, replace(receipt, job="job-1"), SimulatedPrinter.unplug, SimulatedPrinter.plug, b"TOTAL"
    )


async def guesses_nothing(bench: Bench, receipt: Receipt, patch: pytest.MonkeyPatch) -> None:
    await test_printer.test_what_it_does_not_answer_stays_unknown(bench, patch)


async def comes_back(bench: Bench, receipt: Receipt, patch: pytest.MonkeyPatch) -> None:
    await test_printer.test_unplugged_while_connected(bench, receipt)


BREAKS: list[tuple[Break, Promise]] = [
    (never_asks_before, gives_nothing_to_an_empty_printer),
    (takes_sent_for_printed, notices_a_cover_opened_meanwhile),
    (leaves_the_rest_in_the_buffer, prints_nothing_of_the_last_on_a_new_roll),
    (forgets_what_it_printed, prints_a_job_once),
    (prints_again_what_may_be_printed, prints_nothing_that_may_be_printed),
    (takes_silence_for_well, guesses_nothing),
    (never_connects_again, comes_back),
]


@pytest.mark.parametrize(("broken", "promise"), BREAKS, ids=lambda function: function.__name__)
async def test_a_broken_driver_breaks_its_promise(
    bench: Bench, receipt: Receipt, monkeypatch: pytest.MonkeyPatch, broken: Break, promise: Promise
) -> None:
    with monkeypatch.context() as patch:
        broken(patch)
        with pytest.raises((AssertionError, pytest.fail.Exception, DriverError, TimeoutError)):
            await promise(bench, receipt, monkeypatch)
    bench.resume()
