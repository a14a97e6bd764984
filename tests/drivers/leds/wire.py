"""A Raspberry Pi's SPI port with a simulated strip on it, for the real libraries: see spidev_shim.c.

The driver runs in a process of its own (`WireLeds`) that has the shim loaded; what it sends arrives here, where the
strip measures the pulses.
"""

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
from pathlib import Path
from typing import Any, Final

from drivers.leds import Pattern
from drivers.leds.simulated import ANY_WS2812B, Chip, SimulatedStrip
from tests.drivers.leds.remote import REPOSITORY, Remote

# Beside the environment, which stays without, as that of every machine but a Pi 4 is.
WS281X_FOLDER: Final = Path(os.environ.get("KIOSK_RPI_WS281X") or Path(sys.prefix) / "rpi_ws281x")
LONGEST_TRANSFER: Final = 1 << 17

# rpi_ws281x knows the Pi by its revision: a Pi 4 Model B, 2 GB, 1.2.
_REVISION: Final = 0xB03112
_CPUINFO: Final = f"Hardware\t: BCM2711\nRevision\t: {_REVISION:x}\nModel\t\t: Raspberry Pi 4 Model B Rev 1.2\n"
_REGISTERS_END: Final = 0x1_0000_0000


def missing_for_spidev() -> str | None:
    """Why this machine can't run the real spidev over the shim; None when it can."""
    if not sys.platform.startswith("linux"):
        return "the spidev shim is for Linux"
    if shutil.which("gcc") is None:
        return "no gcc to build the spidev shim (make setup-test installs it)"
    if importlib.util.find_spec("spidev") is None:
        return "the Python package spidev is not installed (extra: leds)"
    return None


def missing_for_ws281x() -> str | None:
    """Why this machine can't run the real rpi_ws281x over the shim; None when it can."""
    if importlib.util.find_spec("rpi_ws281x") is None and not (WS281X_FOLDER / "rpi_ws281x").is_dir():
        return f"no rpi_ws281x in {WS281X_FOLDER} (make setup-test builds it there; or set KIOSK_RPI_WS281X)"
    return missing_for_spidev()


def build_shim(folder: Path) -> Path:
    """The shim, built once into `folder`."""
    built = folder / "spidev_shim.so"
    source = Path(__file__).with_name("spidev_shim.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", built, source, "-ldl"], check=True, timeout=60)
    return built


class SpiPort:
    """The port /dev/spidev0.0 of whoever is started with `environment`, and the strip on it. Use as `async with`.

    `folder` is the port's own, short enough for a socket's name (107 bytes). `idle` is whether the line's rest after a
    transfer is the strip's reset, for a library that leaves it at that.
    """

    def __init__(self, folder: Path, shim: Path, count: int, *, chip: Chip = ANY_WS2812B, idle: bool = False) -> None:
        self.strip = SimulatedStrip(count, chip)
        self.transfers = 0
        self.slowness_s = 0.0
        self.failing: int | None = None
        self._folder = folder
        self._shim = shim
        self._idle_s = 400e-6 if idle else 0.0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._arrived = asyncio.Event()
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._wires: set[socket.socket] = set()
        self._served: set[asyncio.Task[None]] = set()

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to see the port."""
        paths = [str(REPOSITORY), str(WS281X_FOLDER), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "LD_PRELOAD": str(self._shim),
            "SPIDEV_SHIM": str(self._folder),
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        }

    async def __aenter__(self) -> SpiPort:
        self._listening.setblocking(False)
        self._listening.bind(str(self._folder / "wire"))
        self._listening.listen(16)
        (self._folder / "cpuinfo").write_text(_CPUINFO)
        (self._folder / "revision").write_bytes(_REVISION.to_bytes(4, "big"))
        with (self._folder / "gpiomem").open("wb") as registers:
            registers.truncate(_REGISTERS_END)  # mapped at the registers' own addresses; takes a page
        self.plug_in()
        self._start(self._accept())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in list(self._served):
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)
        self._listening.close()

    # Stage directions

    def unplug(self) -> None:
        """Take the device away: the node is gone, and what has it open fails for good. The strip keeps its power."""
        self._node.unlink()
        for wire in self._wires:
            wire.shutdown(socket.SHUT_RDWR)

    def plug_in(self) -> None:
        """Bring the device back."""
        self._node.touch()

    def fail(self, number: int | None = errno.EIO) -> None:
        """Let every transfer fail with this errno; None lets them pass again."""
        self.failing = number

    def hold(self) -> None:
        """Let transfers hang from now on."""
        self._flowing.clear()

    def release(self) -> None:
        """Let them pass."""
        self._flowing.set()

    async def wait_for_transfers(self, count: int, timeout_s: float = 10.0) -> None:
        """Return once `count` more transfers have arrived, whether they pass or not."""
        wanted = self.transfers + count
        async with asyncio.timeout(timeout_s):
            while self.transfers < wanted:
                await self._arrived.wait()

    @property
    def _node(self) -> Path:
        return self._folder / "spidev0.0"

    def _start(self, work: Any) -> None:
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
            while message := await loop.sock_recv(wire, LONGEST_TRANSFER):
                self.transfers += 1
                arrived, self._arrived = self._arrived, asyncio.Event()
                arrived.set()
                sent = asyncio.Event()
                loop.call_later(self.slowness_s, sent.set)
                await sent.wait()
                await self._flowing.wait()
                number = self.failing or 0
                if number == 0:
                    self._transfer(message)
                await loop.sock_sendall(wire, struct.pack("i", number))
        self._wires.discard(wire)

    def _transfer(self, message: bytes) -> None:
        (rate_hz,) = struct.unpack_from("I", message)
        rest = bytes(round(rate_hz * self._idle_s / 8))
        self.strip.receive(message[4:] + rest, rate_hz)


class WireLeds(Remote):
    """Leds whose driver runs in a process that has the shim loaded."""

    def __init__(self, process: asyncio.subprocess.Process, count: int) -> None:
        super().__init__(process)
        self.count = count

    @classmethod
    async def start(cls, port: SpiPort, url: str) -> WireLeds:
        """Open the strip at `url` over there.

        Raises:
            DriverError: what opening it raised.
        """
        process, told = await cls.spawn("tests.drivers.leds.rig", url, port.environment)
        return cls(process, int(told["count"]))

    async def play(self, pattern: Pattern, color: str, duration_ms: int | None = None) -> None:
        await self.ask("play", pattern, color, duration_ms)

    async def off(self) -> None:
        await self.ask("off")
