"""The wire to a simulated printer in the same process: a queue in place of a socket."""

from __future__ import annotations

import queue
from functools import partial
from typing import TYPE_CHECKING

from drivers.errors import DeviceLost

if TYPE_CHECKING:
    from drivers.printer.simulated import Cable, SimulatedPrinter


class InProcessTransport:
    """A `Transport` to a printer that is an object."""

    answers = True

    def __init__(self, printer: SimulatedPrinter) -> None:
        self._printer = printer
        self._cable: Cable | None = None
        self._said: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()  # None: the connection ended

    def open(self, timeout_s: float) -> None:
        """See `Transport`."""
        self._cable = self._printer.connect(self._said.put, partial(self._said.put, None))

    def write(self, data: bytes, timeout_s: float) -> None:
        """See `Transport`."""
        if self._cable is None or self._cable.pulled:
            raise DeviceLost("the simulated printer was unplugged")
        self._cable.send(data)

    def read(self, timeout_s: float) -> bytes:
        """See `Transport`."""
        try:
            said = self._said.get(timeout=timeout_s)
        except queue.Empty:
            return b""
        if said is None:
            self._said.put(None)  # for whoever asks again
            raise DeviceLost("the simulated printer was unplugged")
        return said

    def close(self) -> None:
        """See `Transport`."""
        if self._cable is not None:
            self._cable.close()
