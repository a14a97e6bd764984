"""A Raspberry Pi 5's GPIO chip with a simulated cabinet on its lines, for the real rpi-lgpio: see gpiochip_shim.c."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib.util
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, Final

from drivers.errors import DriverError
from drivers.gpio import PinChange, Switch
from drivers.gpio.simulated import SimulatedCabinet
from tests.drivers.gpio.raspberry import LAMP, PINS
from tests.drivers.leds.remote import REPOSITORY, Remote

# Beside the environment, which stays without, as that of every machine but a Pi is.
LGPIO_FOLDER: Final = Path(os.environ.get("KIOSK_RPI_LGPIO") or Path(sys.prefix) / "rpi-lgpio")

_ASK: Final = struct.Struct("=IIQQ")
_ANSWER: Final = struct.Struct("=ii")
_EVENT: Final = struct.Struct("=QIIII24x")
_PROBE, _CLAIM, _GET, _SET = range(4)
_OUTPUT: Final = 1 << 3  # linux/gpio.h, GPIO_V2_LINE_FLAG_OUTPUT
_EDGES: Final = 3 << 4  # and its two edges
_PI_5: Final = "d04170"  # a Pi 5's revision


def missing() -> str | None:
    """Why this machine can't run the real rpi-lgpio over the shim; None when it can."""
    if not sys.platform.startswith("linux"):
        return "the GPIO shim is for Linux"
    if shutil.which("gcc") is None:
        return "no gcc to build the GPIO shim (make setup-test installs it)"
    if importlib.util.find_spec("lgpio") is None and not (LGPIO_FOLDER / "lgpio.py").is_file():
        return f"no rpi-lgpio in {LGPIO_FOLDER} (make setup-test puts it there; or set KIOSK_RPI_LGPIO)"
    return None


def build_shim(folder: Path) -> Path:
    """The shim, built once into `folder`."""
    built = folder / "gpiochip_shim.so"
    source = Path(__file__).with_name("gpiochip_shim.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", built, source, "-ldl", "-lpthread"], check=True, timeout=60)
    return built


class GpioChip:
    """/dev/gpiochip0 of whoever is started with `environment`, wired to `cabinet`. Use as `async with`."""

    def __init__(self, folder: Path, shim: Path, cabinet: SimulatedCabinet) -> None:
        self.cabinet = cabinet
        self._folder = folder
        self._shim = shim
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._told: dict[int, socket.socket] = {}  # lines whose edges are told, and where
        self._wires: set[socket.socket] = set()
        self._served: set[asyncio.Task[None]] = set()

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to see the chip."""
        paths = [str(REPOSITORY), str(LGPIO_FOLDER), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "LD_PRELOAD": str(self._shim),
            "GPIO_SHIM": str(self._folder),
            "RPI_LGPIO_REVISION": _PI_5,
            "TMPDIR": str(self._folder),
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        }

    async def __aenter__(self) -> GpioChip:
        self._listening.setblocking(False)
        self._listening.bind(str(self._folder / "chip"))
        self._listening.listen(16)
        self._start(self._accept())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in list(self._served):
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)
        self._listening.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._served.add(task)
        task.add_done_callback(self._served.discard)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            wire, _ = await loop.sock_accept(self._listening)
            self._start(self._serve(wire))

    async def _serve(self, wire: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with wire, contextlib.suppress(ConnectionError):
            wire.setblocking(False)
            self._wires.add(wire)
            while message := await loop.sock_recv(wire, _ASK.size):
                try:
                    answer = (0, self._answer(wire, *_ASK.unpack(message)))
                except DriverError:
                    answer = (errno.ENODEV, 0)
                    self._hang_up()
                await loop.sock_sendall(wire, _ANSWER.pack(*answer))
        self._wires.discard(wire)
        for line in [line for line, told in self._told.items() if told is wire]:
            del self._told[line]

    def _answer(self, wire: socket.socket, what: int, line: int, flags: int, value: int) -> int:
        self.cabinet.read("door")  # raises while the chip is gone
        if (what == _SET or (what == _CLAIM and flags & _OUTPUT)) and line == LAMP:
            self.cabinet.light(bool(value))
        if what == _CLAIM and flags & _EDGES:
            self._told[line] = wire
            self.cabinet.listen(self._edge)
        return self._level(line) if what == _GET else 0

    def _level(self, line: int) -> int:
        """Contacts to ground: a closed door and a pressed button pull their lines low."""
        if line not in PINS:
            return int(line == LAMP and self.cabinet.lamp)
        return int(self.cabinet.read(PINS[line]) == (PINS[line] == "door"))

    def _edge(self, switch: Switch) -> None:
        line = next(line for line, wired in PINS.items() if wired == switch)
        if line in self._told:
            rising = self._level(line)
            with contextlib.suppress(BlockingIOError, ConnectionError):  # a full buffer loses edges, as the kernel's
                self._told[line].send(_EVENT.pack(time.monotonic_ns(), 1 if rising else 2, line, 0, 0))

    def _hang_up(self) -> None:
        """A chip that goes away ends whoever polls its lines, and what has it open fails for good."""
        for wire in self._wires:
            wire.shutdown(socket.SHUT_RDWR)
        self._told.clear()


class WirePins(Remote):
    """Pins whose driver runs in a process that has the shim loaded."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__(process)
        self._streams: list[asyncio.Queue[PinChange | None]] = []

    @classmethod
    async def start(cls, chip: GpioChip, url: str) -> WirePins:
        """Open the pins at `url` over there.

        Raises:
            DriverError: what opening them raised.
        """
        process, _ = await cls.spawn("tests.drivers.gpio.rig", url, chip.environment, quiet=True)
        return cls(process)

    async def set_constant(self, name: str, value: float) -> None:
        """Change a constant of drivers.gpio.watched over there."""
        await self.ask("set_constant", name, value)

    async def set_lamp(self, on: bool) -> None:
        await self.ask("set_lamp", on)

    async def folder(self) -> str:
        """The working directory over there."""
        return str((await self.ask("folder"))["folder"])

    async def close(self) -> None:
        """Close the pins; the process can still be asked, until `end`."""
        with contextlib.suppress(ConnectionError):
            await self.ask("close")

    async def watch(self) -> AsyncIterator[PinChange]:
        """`changes()` over there, which watches when this returns."""
        queue: asyncio.Queue[PinChange | None] = asyncio.Queue()
        self._streams.append(queue)
        await self.ask("changes", len(self._streams) - 1)
        return self._read(queue)

    async def _read(self, queue: asyncio.Queue[PinChange | None]) -> AsyncIterator[PinChange]:
        while (change := await queue.get()) is not None:
            yield change

    def heard(self, told: dict[str, Any]) -> None:
        change = None if told["end"] else PinChange(told["switch"], told["active"], told["at_s"])
        self._streams[told["stream"]].put_nowait(change)
