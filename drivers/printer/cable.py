"""A host's connection to the simulated printer, and the one that needs no wire."""

from __future__ import annotations

import queue
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from drivers.errors import DeviceLost
from drivers.printer.commands import CommandStream

if TYPE_CHECKING:
    from drivers.printer.simulated import SimulatedPrinter


class Cable:
    """One host's connection to the printer, whatever it is made of. `deliver` gets what the printer says."""

    def __init__(self, printer: SimulatedPrinter, deliver: Callable[[bytes], None], cut: Callable[[], None]):
        self.deliver = deliver
        self.pulled = False
        self.stream = CommandStream()
        self.automatic_status = False
        self._printer = printer
        self._cut = cut

    def pull(self) -> None:
        """The plug is pulled: nothing goes through any more."""
        self.pulled = True
        self._cut()

    def send(self, data: bytes) -> None:
        """Give the printer `data`; the host's side of the wire."""
        self._printer.receive(self, data)

    def close(self) -> None:
        """The host hangs up."""
        self._printer.disconnect(self)


class InProcessTransport:
    """A `Transport` to a printer in the same process: a queue in place of a socket."""

    answers = True

    def __init__(self, printer: SimulatedPrinter) -> None:
        self._printer = printer
        self._cable: Cable | None = None
        # None: the connection ended. No SimpleQueue: its `get` waits for ever if its time is up before it waits
        # (CPython 3.11), which on a busy machine happens.
        self._said: queue.Queue[bytes | None] = queue.Queue()

    def open(self, timeout_s: float) -> None:
        """See `Transport`."""
        self._cable = self._printer.connect(self._said.put, partial(self._said.put, None))

    def look(self, timeout_s: float) -> None:
        """See `Transport`."""
        self.open(timeout_s)
        self.close()

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
