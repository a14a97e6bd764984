"""What became of a receipt: printed, not printed, or unknown, and never guessed.

A receipt goes to the printer in two parts. The head, all but its total, goes first; only when the printer says that
it is on paper does the tail follow. So whatever happens during the head, no whole receipt can come out any more: it
is certain that it isn't printed, and a piece without a total is no receipt. Only between sending the tail and the
printer's word that it is cut can it be unknown.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, ClassVar, Literal

from drivers.errors import DeviceLost, DriverError

if TYPE_CHECKING:
    from drivers.printer.journal import Journal

Fate = Literal["printed", "not printed", "unknown"]

_FATE = "printer_fate"  # in an error's __dict__, which survives pickling between processes


class PrintUnknown(DriverError):
    """Whether this receipt was printed isn't known, so it isn't printed again: somebody has to look."""

    code: ClassVar[str] = "print_unknown"


def fate_of(error: BaseException) -> Fate:
    """What became of the receipt whose printing raised `error`; "unknown" where nobody said."""
    fate = vars(error).get(_FATE)
    return fate if fate in ("printed", "not printed") else "unknown"


class Progress:
    """How far a receipt has come, told by the thread that prints it and asked by the event loop that waits.

    Each step is in `journal` before it is taken, so that a process that dies leaves what was certain.
    """

    def __init__(self, job: str | None, journal: Journal) -> None:
        self._job = job or ""
        self._journal = journal
        self._lock = threading.Lock()
        self._given_up = False
        self._begun = False
        self._fate: Fate = "not printed"

    @property
    def fate(self) -> Fate:
        """What is certain now."""
        with self._lock:
            return self._fate

    def begin(self) -> None:
        """Something of the receipt is about to be sent.

        Raises:
            DeviceLost: nobody waits for it any more.
        """
        self._journal.write(self._job, "not printed")
        with self._lock:
            self._go_on()
            self._begun = True

    def begin_tail(self) -> None:
        """What makes it a whole receipt is about to be sent.

        Raises:
            DeviceLost: nobody waits for it any more.
        """
        self._journal.write(self._job, "unknown")
        try:
            with self._lock:
                self._go_on()
                self._fate = "unknown"
        except DeviceLost:
            self._journal.write(self._job, "not printed")
            raise

    def taken(self) -> None:
        """The printer took all of it and isn't asked to confirm more; what becomes of it stays unknown."""
        self._journal.write(self._job, "taken")

    def finish(self, fate: Fate) -> None:
        """It is certain what became of it."""
        with self._lock:
            self._fate = fate
        self._journal.write(self._job, fate)

    def give_up(self) -> None:
        """Nobody waits for it any more: from here on it can't get any further than it is."""
        with self._lock:
            self._given_up = True

    def tell(self, error: DriverError) -> DriverError:
        """`error` with what became of the receipt, in its text and for `fate_of`."""
        with self._lock:
            begun, fate = self._begun, self._fate
        words = str(error)
        if fate == "unknown":
            words += "; whether the receipt was printed isn't known"
        elif begun and fate == "not printed":
            words += "; the receipt isn't printed, though a piece of it may be"
        told = type(error)(words)
        vars(told)[_FATE] = fate
        return told

    def _go_on(self) -> None:
        if self._given_up:
            raise DeviceLost("the receipt was given up")


def doubtful(job: str) -> PrintUnknown:
    """The refusal to print `job` again while nobody knows."""
    return PrintUnknown(
        f"whether the receipt of {job} was printed isn't known, so it isn't printed again; "
        "if nobody has it, print it under another job id"
    )
