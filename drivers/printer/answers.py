"""What a printer says: answers told apart by their fixed bits, and the condition they add up to."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

from drivers.errors import CoverOpen, DriverError, OutOfPaper
from drivers.printer import PrinterStatus
from drivers.states import READY, DeviceState
from drivers.states import Condition as Degree


class Answers:
    """Sorts the bytes that come from a printer, by the table that Epson and Citizen print in their manuals.

    DLE EOT is ``0xx1xx10``, the first byte of an automatic status (ASB) ``0xx1xx00``, its other three and
    the answer to GS r ``0xx0xxxx``, XON ``00010001``, XOFF ``00010011``; blocks go from 37 or 5f hex to a
    zero byte.
    """

    def __init__(self) -> None:
        self.real_time: deque[int] = deque()
        """Answers to DLE EOT, oldest first."""
        self.in_order: deque[int] = deque()
        """Answers to GS r, oldest first."""
        self.ids: set[bytes] = set()
        """The process ids that were answered, as GS ( H gave them."""
        self.cleared = False
        """The printer says that it emptied its buffers."""
        self._automatic_left = 0
        self._block: bytearray | None = None

    def feed(self, data: bytes) -> None:
        """Take in bytes as they come. What no printer would say is dropped."""
        for byte in data:
            if self._block is not None:
                self._in_block(byte)
            elif byte & 0x93 == 0x12:
                self.real_time.append(byte)
            elif byte & 0x93 == 0x10:
                self._automatic_left = 3
            elif byte in (0x37, 0x5F):
                self._block = bytearray([byte])
            elif byte & 0x90 == 0:
                if self._automatic_left:
                    self._automatic_left -= 1
                else:
                    self.in_order.append(byte)

    def _in_block(self, byte: int) -> None:
        assert self._block is not None  # noqa: S101  # for the type checker; the caller has looked
        if byte:
            self._block.append(byte)
            return
        self.cleared = self.cleared or self._block == b"\x37\x25"
        if self._block[:2] == b"\x37\x22":
            self.ids.add(bytes(self._block[2:]))
        self._block = None


@dataclass(frozen=True)
class Condition:
    """The answers to DLE EOT 1 to 4; None is a question the printer didn't answer."""

    printer: int
    offline: int | None
    error: int | None
    paper: int | None

    @property
    def paper_out(self) -> bool:
        """The paper sensor sees no paper, or printing stopped for want of it."""
        return bool((self.paper or 0) & 0x60 or (self.offline or 0) & 0x20)

    @property
    def cover_open(self) -> bool:
        """The cover is open."""
        return bool((self.offline or 0) & 0x04)

    def status(self) -> PrinterStatus:
        """The same as the storefront says it."""
        paper: Literal["ok", "low", "out", "unknown"] = "unknown"
        if self.paper_out:
            paper = "out"
        elif self.paper is not None:
            paper = "low" if self.paper & 0x0C else "ok"
        return PrinterStatus(
            online="no" if self.printer & 0x08 else "yes",
            paper=paper,
            cover="unknown" if self.offline is None else "open" if self.cover_open else "closed",
        )

    def state(self) -> DeviceState:
        """The same in the words that all devices share. What isn't known isn't ready."""
        refusal = self.refusal()
        if refusal is not None:
            return DeviceState.of(refusal)
        status = self.status()
        if status.paper == "low":
            return DeviceState(Degree.DEGRADED, "the printer's paper is low")
        unsaid = [what for what, known in (("paper", status.paper), ("cover", status.cover)) if known == "unknown"]
        if unsaid:
            return DeviceState(Degree.DEGRADED, f"the printer doesn't say how its {' and its '.join(unsaid)} is")
        return READY

    def refusal(self) -> DriverError | None:
        """Why this printer can't print, if it can't."""
        if self.cover_open:
            return CoverOpen("the printer's cover is open")
        if self.paper_out:
            return OutOfPaper("the printer is out of paper")
        if not self.printer & 0x08:
            return None
        faults = {0x08: "its cutter is jammed", 0x20: "it has an error that only switching it off clears"}
        faults[0x40] = "its head is too hot"
        for bit, words in faults.items():
            if (self.error or 0) & bit:
                return DriverError(f"the printer is offline: {words}")
        return DriverError("the printer is offline and doesn't say why")
