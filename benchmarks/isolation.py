"""What a device's own process costs: `python -m benchmarks.isolation`. Figures for docs/devices.md."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np

from benchmarks.loops import run_on
from drivers.camera import Frame
from drivers.isolated.devices import (
    IsolatedCamera,
    IsolatedLeds,
    IsolatedMicrophone,
    IsolatedNfcReader,
    IsolatedPins,
    IsolatedPrinter,
)
from drivers.leds import open_leds
from drivers.states import READY, DeviceState

CALLS = 2000
FRAMES = 500
KILLS = 20
HANGS = 5


class Flood:
    """A camera of 640 x 480 that has a frame whenever it is asked."""

    def __init__(self) -> None:
        self._image = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)

    async def frames(self) -> AsyncIterator[Frame]:
        sequence = 0
        while True:
            yield Frame(self._image, time.monotonic(), sequence)
            sequence += 1

    async def state(self) -> DeviceState:
        return READY

    async def close(self) -> None: ...


def open_flood(url: str) -> Flood:
    return Flood()


def memory_mb(pid: int | None) -> tuple[float, float]:
    """A process' proportional and private memory."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kb = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
    return kb["Pss"] / 1024, (kb["Private_Dirty"] + kb["Private_Clean"]) / 1024


def processor_s(pid: int | None) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


async def times_us(work: Callable[[], Awaitable[object]], times: int) -> str:
    took = []
    for _ in range(times):
        began_s = time.perf_counter()
        await work()
        took.append((time.perf_counter() - began_s) * 1e6)
    took.sort()
    return f"p50 {took[times // 2]:.0f} us, p95 {took[times * 95 // 100]:.0f} us"


async def calls() -> None:
    here = open_leds("simulated:?count=24")
    apart = await asyncio.to_thread(IsolatedLeds, "drivers.leds:open_leds", "simulated:?count=24", count=24)
    await apart.off()
    print("LED pattern, in this process  ", await times_us(lambda: here.play("solid", "#00ff00"), CALLS))
    print("LED pattern, in its own       ", await times_us(lambda: apart.play("solid", "#00ff00"), CALLS))
    print("state, in this process        ", await times_us(here.state, CALLS))
    print("state, in its own             ", await times_us(apart.state, CALLS))
    await here.close()
    await apart.close()


async def frames() -> None:
    camera = await asyncio.to_thread(IsolatedCamera, "benchmarks.isolation:open_flood", "simulated:")
    late_ms: list[float] = []
    began_s, mine_s, its_s = 0.0, 0.0, 0.0
    async for frame in camera.frames():
        if frame.sequence == 0:
            began_s, mine_s, its_s = time.perf_counter(), processor_s(os.getpid()), processor_s(camera.pid)
        late_ms.append((time.monotonic() - frame.captured_at_s) * 1e3)
        if frame.sequence == FRAMES:
            break
    took_s = time.perf_counter() - began_s
    mine_ms = (processor_s(os.getpid()) - mine_s) / FRAMES * 1e3
    its_ms = (processor_s(camera.pid) - its_s) / FRAMES * 1e3
    print(
        f"frames of 640 x 480: {FRAMES / took_s:.0f}/s at most, {statistics.median(late_ms):.1f} ms from hand to hand; "
        f"processor time a frame {mine_ms:.1f} ms here, {its_ms:.1f} ms there"
    )
    await camera.close()


async def memory() -> None:
    devices = {
        "LED strip": lambda: IsolatedLeds("drivers.leds:open_leds", "simulated:", count=24),
        "NFC reader": lambda: IsolatedNfcReader("drivers.nfc:open_nfc_reader", "pcsc:"),
        "printer": lambda: IsolatedPrinter("drivers.printer:open_printer", "escpos+serial:/dev/nothing"),
        "GPIO": lambda: IsolatedPins("drivers.gpio:open_pins", "simulated:"),
        "camera": lambda: IsolatedCamera("drivers.camera:open_camera", "simulated:"),
        "microphone": lambda: IsolatedMicrophone("drivers.microphone:open_microphone", "simulated:"),
    }
    for name, make in devices.items():
        began_s = time.perf_counter()
        device = await asyncio.to_thread(make)
        open_s = time.perf_counter() - began_s
        await device.state()
        shared_mb, private_mb = memory_mb(device.pid)
        print(f"{name:12} open after {open_s:.2f} s; {private_mb:.0f} MB of its own, {shared_mb:.0f} MB with its share")
        await device.close()


async def back_after_s(number: signal.Signals) -> float:
    """From the blow to a strip that is ready again, of a device that worked well before."""
    leds = await asyncio.to_thread(IsolatedLeds, "drivers.leds:open_leds", "simulated:", count=24)
    await leds.off()
    pid = leds.pid
    assert pid is not None
    began_s = time.perf_counter()
    os.kill(pid, number)
    while True:
        if leds.pid not in (pid, None) and await leds.state() == READY:
            break
        await asyncio.sleep(0.005)
    took_s = time.perf_counter() - began_s
    await leds.close()
    return took_s


async def faults() -> None:
    for name, number, times in (("killed", signal.SIGKILL, KILLS), ("stopped", signal.SIGSTOP, HANGS)):
        took_s = [await back_after_s(number) for _ in range(times)]
        print(f"{name}: ready again after {statistics.median(took_s):.2f} s at the median, {max(took_s):.2f} s at most")


async def main() -> None:
    await calls()
    await frames()
    await memory()
    await faults()


if __name__ == "__main__":
    run_on("uvloop", main())
