"""RPi.GPIO as its documentation has it, with a simulated cabinet on its pins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from drivers.errors import DeviceLost
from drivers.gpio import Switch
from drivers.gpio.simulated import SimulatedCabinet

PINS: dict[int, Switch] = {27: "door", 22: "button"}
LAMP = 17


class SimulatedGpio:
    """The module `RPi.GPIO`. Callbacks come from a thread of its own, as the library's do."""

    BCM, IN, OUT, LOW, HIGH, PUD_UP, BOTH = 11, 1, 0, 0, 1, 22, 33

    def __init__(self, cabinet: SimulatedCabinet) -> None:
        self.cabinet = cabinet
        self.mode: int | None = None
        self.directions: dict[int, int] = {}
        self.broken: str | None = None
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._edges: SimpleQueue[int | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._tell)
        self._thread.start()

    def setwarnings(self, on: bool) -> None:
        assert not on

    def setmode(self, mode: int) -> None:
        assert mode == self.BCM
        self.mode = mode

    def setup(self, pin: int, direction: int, initial: int = -1, pull_up_down: int = -1) -> None:
        self._check()
        assert self.mode == self.BCM
        assert (initial, pull_up_down) == ((self.LOW, -1) if direction == self.OUT else (-1, self.PUD_UP))
        self.directions[pin] = direction

    def output(self, pin: int, level: int) -> None:
        self._check()
        assert self.directions[pin] == self.OUT
        if pin == LAMP:
            self.cabinet.light(level == self.HIGH)

    def input(self, pin: int) -> int:
        self._check()
        assert self.directions[pin] == self.IN
        active = self.cabinet.read(PINS[pin])
        # Contacts to ground: a closed door and a pressed button pull their pins low.
        return self.HIGH if active == (PINS[pin] == "door") else self.LOW

    def add_event_detect(self, pin: int, edge: int, callback: Callable[[int], None]) -> None:
        self._check()
        assert edge == self.BOTH
        assert self.directions[pin] == self.IN
        assert pin not in self._callbacks
        self._callbacks[pin] = callback
        numbers = {switch: number for number, switch in PINS.items()}
        self.cabinet.listen(lambda switch: self._edges.put(numbers[switch]))

    def cleanup(self) -> None:
        self.directions.clear()
        self._callbacks.clear()
        self.mode = None

    def end(self) -> None:
        """Let the thread end."""
        if self._thread.is_alive():
            self._edges.put(None)
            self._thread.join()

    def _check(self) -> None:
        if self.broken is not None:
            raise RuntimeError(self.broken)
        try:
            self.cabinet.read("door")
        except DeviceLost as error:
            raise RuntimeError(f"'{error}'") from error

    def _tell(self) -> None:
        while (pin := self._edges.get()) is not None:
            if pin in self._callbacks:
                self._callbacks[pin](pin)
