"""Simulated devices that do to their process what libraries do: hang, hold Python's lock, crash.

They are opened in the child; the URL's options are files, by which a test sees what happens there.
"""

from __future__ import annotations

import asyncio
import ctypes
import faulthandler
import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drivers.address import DeviceAddress
from drivers.camera.simulated import SimulatedCamera
from drivers.errors import CardTornAway, DeviceAbsent, DeviceLost, DeviceSetup, OutOfPaper
from drivers.isolated import child
from drivers.leds.player import PatternPlayer
from drivers.microphone.simulated import SimulatedMicrophone
from drivers.nfc import Tap
from drivers.nfc.simulated import SimulatedCard, SimulatedReader
from drivers.printer import PrinterStatus, Receipt
from drivers.states import READY, DeviceState

HERE = __name__


def hold_the_lock() -> None:
    """Native code that never returns, with Python's lock held: no thread of this process runs any more."""
    ctypes.PyDLL(None).pause()


def hang() -> None:
    """Native code that never returns; other threads run on."""
    ctypes.CDLL(None).pause()


def crash() -> None:
    """What a bad pointer does."""
    faulthandler.disable()  # its report is not for the tests' output
    ctypes.string_at(0)


def stop() -> None:
    """What a debugger does."""
    os.kill(os.getpid(), signal.SIGSTOP)


class Misbehaving:
    """How to do it from outside."""

    async def misbehave(self, how: str) -> None:
        """In the event loop's own thread."""
        ways: dict[str, Callable[[], None]] = {"hold": hold_the_lock, "crash": crash, "stop": stop}
        ways[how]()

    async def hang_in_a_thread(self) -> None:
        """As a driver does that keeps its library off the event loop."""
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def work() -> None:
            hang()
            loop.call_soon_threadsafe(done.set)

        threading.Thread(target=work, daemon=True).start()
        await done.wait()

    async def state(self) -> DeviceState:
        return READY


class WritingStrip:
    """A strip that writes down each frame: its process' id and whether it was dark."""

    count = 4

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    async def show(self, pixels: bytes) -> None:
        self._file.write(f"{os.getpid()} {'lit' if any(pixels) else 'dark'}\n")

    async def close(self) -> None:
        self._file.close()


class Strip(Misbehaving, PatternPlayer):
    """Leds."""

    async def say(self, text: str) -> str:
        logging.getLogger("a.library").warning("it said %s", text)
        return text

    async def fail(self, how: str) -> None:
        raise {
            "torn": CardTornAway("torn away"),
            "paper": OutOfPaper("no paper"),
            "lost": DeviceLost("gone"),
            "value": ValueError("not a colour"),
            "fault": ZeroDivisionError("a fault"),
        }[how]

    async def wait_forever(self, path: str) -> None:
        write(Path(path), "waits")
        try:
            await asyncio.Event().wait()
        finally:
            write(Path(path), "left")


def open_strip(url: str) -> Strip:
    return Strip(WritingStrip(Path(DeviceAddress.parse(url).options["frames"])))


def open_strip_of_the_impatient(url: str) -> Strip:
    child.ALARM_S, child._PUT_OFF_EVERY_S = 1.0, 0.2  # type: ignore[misc]  # constants everywhere but in this child
    return open_strip(url)


class Reader(Misbehaving, SimulatedReader):
    """An NFC reader; cards are held to it from outside."""

    async def hold(self, uid: bytes) -> Tap | None:
        return await self.tap(SimulatedCard(uid))


def open_reader(url: str) -> Reader:
    return Reader()


class Camera(Misbehaving, SimulatedCamera):
    """A camera whose cable can be pulled from outside."""

    async def pull(self) -> None:
        self.unplug()


def open_camera(url: str) -> Camera:
    camera = Camera(width_px=64, height_px=48, fps=100)
    camera.open()
    return camera


class Microphone(Misbehaving, SimulatedMicrophone):
    """A microphone."""


def open_microphone(url: str) -> Microphone:
    return Microphone()


class Paper(Misbehaving):
    """A printer that has what it was given."""

    async def print_receipt(self, receipt: Receipt) -> None:
        self.printed = receipt

    async def status(self) -> PrinterStatus:
        return PrinterStatus("yes", "low", "closed")

    async def close(self) -> None: ...


def open_paper(url: str) -> Paper:
    return Paper()


def open_when_there(url: str) -> Strip:
    """Absent as long as the file isn't there; each try is written down."""
    options = DeviceAddress.parse(url).options
    with Path(options["tries"]).open("a") as tries:
        tries.write("x")
    if not Path(options["there"]).exists():
        raise DeviceAbsent("no strip is there")
    return open_strip(url)


def open_wrong(url: str) -> Any:
    raise DeviceSetup(f"{url}: not like this")


def open_without_library(url: str) -> Any:
    import a_library_that_nobody_has  # type: ignore[import-not-found]  # that is the point

    return a_library_that_nobody_has


def open_and_crash(url: str) -> Any:
    crash()


def open_and_hold(url: str) -> Any:
    hold_the_lock()


def write(path: Path, text: str) -> None:
    path.write_text(text)
