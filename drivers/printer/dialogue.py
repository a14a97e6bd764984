"""One connection to a printer: questions, their answers, and waiting for a receipt to be printed."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Final

from drivers.errors import DeviceTimeout, OutOfPaper
from drivers.printer.answers import Answers, Condition
from drivers.printer.commands import DLE, GS
from drivers.printer.transports import Transport

log = logging.getLogger(__name__)

_STATUS: Final = DLE + b"\x04"  # DLE EOT n: answered at once, whatever the printer is doing
_WHEN_PRINTED: Final = GS + b"r\x01"  # answered in its turn: when all before it is on paper and cut
_CLEAR: Final = DLE + b"\x14\x08\x01\x03\x14\x01\x06\x02\x08"  # DLE DC4 8: empty the buffers
_POLL_S: Final = 0.25


class Dialogue:
    """Talks to the printer at the end of an open `transport`; `answer_s` is its time for an answer.

    Everything here blocks, and raises DeviceTimeout where no answer comes and DeviceLost where none can come.
    """

    def __init__(self, transport: Transport, answer_s: float) -> None:
        self._transport = transport
        self._answer_s = answer_s
        self._answers = Answers()
        self._unanswered: set[int] = set()

    @property
    def answers(self) -> bool:
        """Whether the printer can answer at all."""
        return self._transport.answers

    def send(self, job: bytes, print_s: float) -> None:
        """Send `job` to be printed; nothing is known of what becomes of it."""
        self._transport.write(job, print_s)

    def print(self, job: bytes, print_s: float) -> None:
        """Print `job` and return when the printer says that it has.

        Raises:
            OutOfPaper, CoverOpen: meanwhile; the rest of the job is gone from the printer's buffer.
        """
        deadline = time.monotonic() + print_s
        self._answers.in_order.clear()
        self._transport.write(job + _WHEN_PRINTED, print_s)
        while not self._wait(self._answers.in_order, _POLL_S):
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
        if self._answers.in_order.popleft() & 0x0C:
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
        self._answers.cleared = False
        self._transport.write(_CLEAR, self._answer_s)
        deadline = time.monotonic() + self._answer_s
        while not self._answers.cleared and time.monotonic() < deadline:
            self._answers.feed(self._transport.read(_POLL_S))
        if not self._answers.cleared:
            log.warning("the printer can't take back a receipt: it may print the rest when it goes on")
        raise refusal

    def hello(self, answer_s: float | None = None) -> int:
        """Make sure that the printer is there; returns its answer to DLE EOT 1."""
        answer_s = self._answer_s if answer_s is None else answer_s
        self._answers.feed(self._transport.read(0.001))  # what came too late for an earlier question
        printer = self._ask(1, answer_s)
        if printer is None:
            raise DeviceTimeout(f"the printer is connected and doesn't answer within {answer_s:g} s")
        return printer

    def condition(self, answer_s: float | None = None) -> Condition:
        """Ask the printer how it is: DLE EOT 1, 2, 4, and 3 where 2 speaks of an error."""
        printer = self.hello(answer_s)
        offline, paper = self._ask(2, self._answer_s), self._ask(4, self._answer_s)
        error = self._ask(3, self._answer_s) if (offline or 0) & 0x40 else None
        if None in (offline, paper):
            self.hello()  # a question it doesn't know is one thing, a printer that stopped answering another
        return Condition(printer, offline, error, paper)

    def close(self) -> None:
        """Let go of the printer."""
        self._transport.close()

    def _ask(self, question: int, answer_s: float) -> int | None:
        """The answer to DLE EOT `question`; what was once left unanswered isn't asked again, except for 1."""
        if question in self._unanswered:
            return None
        self._answers.real_time.clear()
        self._transport.write(_STATUS + bytes([question]), self._answer_s)
        if self._wait(self._answers.real_time, answer_s):
            return self._answers.real_time.popleft()
        if question != 1:
            self._unanswered.add(question)
        return None

    def _wait(self, answers: deque[int], timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while not answers:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._answers.feed(self._transport.read(left))
        return True
