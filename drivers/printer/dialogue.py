"""One connection to a printer: questions, their answers, and waiting for a receipt to be printed."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from typing import Final

from drivers.errors import DeviceTimeout, DriverError, OutOfPaper
from drivers.printer.answers import Answers, Condition
from drivers.printer.commands import DLE, GS
from drivers.printer.fate import Progress
from drivers.printer.layout import Job
from drivers.printer.transports import Transport

log = logging.getLogger(__name__)

_STATUS: Final = DLE + b"\x04"  # DLE EOT n: answered at once, whatever the printer is doing
_WHEN_PRINTED: Final = GS + b"r\x01"  # answered in its turn: when all before it is on paper and cut
_CLEAR: Final = DLE + b"\x14\x08\x01\x03\x14\x01\x06\x02\x08"  # DLE DC4 8: empty the buffers
_POLL_S: Final = 0.25


class Dialogue:
    """Talks to the printer at the end of an open `transport`; `answer_s` is its time for an answer.

    `unanswered` are the questions this printer is known not to answer, kept from one connection to the next;
    `ids` says that it knows GS ( H. Everything here blocks, and raises DeviceTimeout where no answer comes and
    DeviceLost where none can come.
    """

    def __init__(
        self, transport: Transport, answer_s: float, unanswered: set[int] | None = None, *, ids: bool = False
    ) -> None:
        self._transport = transport
        self._answer_s = answer_s
        self._answers = Answers()
        self._unanswered = set() if unanswered is None else unanswered
        self._ids = ids
        self._marks = 0
        self.out_of_step = False
        """An answer may still come to a question that was given up: the next would take it for its own."""

    @property
    def answers(self) -> bool:
        """Whether the printer can answer at all."""
        return self._transport.answers

    def send(self, job: bytes, print_s: float) -> None:
        """Send `job` to be printed; nothing is known of what becomes of it."""
        self._transport.write(job, print_s)

    def print(self, job: Job, print_s: float, progress: Progress) -> None:
        """Print `job` and return when the printer says that it has; `progress` knows how far it is.

        Raises:
            OutOfPaper, CoverOpen: meanwhile; the rest of the job is gone from the printer's buffer.
        """
        deadline = time.monotonic() + print_s
        self._answers.in_order.clear()
        self._answers.cleared = False
        self._marks = 0
        progress.begin()
        mark, reached = self._mark()
        self._transport.write(job.head + mark, print_s)
        self._follow(reached, deadline, print_s)
        progress.begin_tail()
        before_cut, all_on_paper = self._mark()
        after_cut, cut = self._mark()
        self._transport.write(
            job.tail + before_cut + job.cut + after_cut, max(deadline - time.monotonic(), self._answer_s)
        )
        try:
            self._follow(cut, deadline, print_s)
        except DriverError:
            # The printer forgot the rest before it came to the end: it can't come there any more.
            if self._answers.cleared and not all_on_paper():
                progress.finish("not printed")
            raise
        progress.finish("printed")

    def _mark(self) -> tuple[bytes, Callable[[], bool]]:
        """A command that is answered in its turn, when all before it is on paper, and whether it has been."""
        self._marks += 1
        if not self._ids:
            count = self._marks
            return _WHEN_PRINTED, lambda: len(self._answers.in_order) >= count
        name = secrets.token_hex(2).encode()  # an answer to somebody else's receipt isn't the one to ours
        return GS + b"(H\x06\x0000" + name, lambda: name in self._answers.ids

    def _follow(self, reached: Callable[[], bool], deadline: float, print_s: float) -> None:
        """Wait until the printer comes to a mark.

        Raises:
            OutOfPaper, CoverOpen, DriverError: what keeps it from going on. DeviceTimeout: it takes too long.
        """
        while not self._wait(reached, min(_POLL_S, max(deadline - time.monotonic(), 0.01))):
            # A printer that stopped for paper doesn't come to GS r; DLE EOT it answers even then. That may
            # take as long as the receipt: behind a full buffer the question waits its turn.
            left_s = deadline - time.monotonic()
            if left_s > 0:
                self.refuse_unless_well(left_s)
            else:
                raise DeviceTimeout(
                    f"the printer took the receipt and didn't say within {print_s:g} s that it is printed; "
                    "for a printer that never does, add confirm=status to its address"
                )
        # An Epson without paper doesn't come here; a printer that goes on without it says so in this answer.
        if any(answer & 0x0C for answer in self._answers.in_order):
            raise OutOfPaper("the printer ran out of paper")

    def refuse_unless_well(self, answer_s: float | None = None) -> None:
        """Raise what keeps the printer from going on with the job, after taking the job back from it.

        Raises:
            OutOfPaper, CoverOpen, DriverError: as `Condition.refusal` has it.
        """
        refusal = self.condition(answer_s).refusal()
        if refusal is None:
            return
        # Otherwise it would print the rest for the next customer, as soon as somebody puts paper in.
        if not self.clear():
            log.warning("the printer can't take back a receipt: it may print the rest when it goes on")
            self.out_of_step = True
        raise refusal

    def clear(self) -> bool:
        """Have the printer forget what it hasn't printed yet; whether it says that it did."""
        self._answers.cleared = False
        self._transport.write(_CLEAR, self._answer_s)
        return self._wait(lambda: self._answers.cleared, self._answer_s)

    def hello(self, answer_s: float | None = None) -> int:
        """Make sure that the printer is there; returns its answer to DLE EOT 1."""
        answer_s = self._answer_s if answer_s is None else answer_s
        self._answers.feed(self._transport.read(0.001))  # what came too late for an earlier question
        printer = self._ask(1, answer_s)
        if printer is None:
            raise DeviceTimeout(f"the printer is connected and doesn't answer within {answer_s:g} s")
        return printer

    def condition(self, answer_s: float | None = None) -> Condition:
        """Ask the printer how it is: DLE EOT 1, 2, 4, and 3 where 2 speaks of an error.

        What it doesn't answer in time isn't asked again, except for 1.
        """
        printer = self.hello(answer_s)
        offline, paper = self._ask(2, self._answer_s), self._ask(4, self._answer_s)
        error = self._ask(3, self._answer_s) if (offline or 0) & 0x40 else None
        if None in (offline, paper):
            self.hello()  # a question it doesn't know is one thing, a printer that stopped answering another
            self._unanswered.update(question for question, answer in ((2, offline), (4, paper)) if answer is None)
        return Condition(printer, offline, error, paper)

    def glance(self, each_s: float) -> Condition:
        """As `condition`, with less patience and no conclusions; may leave the dialogue out of step."""
        printer = self.hello(min(self._answer_s, 2 * each_s))
        offline, paper = self._ask(2, each_s), self._ask(4, each_s)
        error = self._ask(3, each_s) if (offline or 0) & 0x40 else None
        self.out_of_step = any(
            answer is None and question not in self._unanswered for question, answer in ((2, offline), (4, paper))
        )
        return Condition(printer, offline, error, paper)

    def close(self) -> None:
        """Let go of the printer."""
        self._transport.close()

    def _ask(self, question: int, answer_s: float) -> int | None:
        """The answer to DLE EOT `question`, if this printer is known to have one."""
        if question in self._unanswered:
            return None
        answers = self._answers.real_time
        answers.clear()
        self._transport.write(_STATUS + bytes([question]), self._answer_s)
        return answers.popleft() if self._wait(lambda: bool(answers), answer_s) else None

    def _wait(self, heard: Callable[[], bool], timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while not heard():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._answers.feed(self._transport.read(left))
        return True
