"""Devices in processes of their own do what devices do."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from drivers.errors import CardTornAway, DeviceAbsent, DeviceLost, DeviceSetup, DriverError, OutOfPaper
from drivers.isolated import may_hang, open_camera, open_leds, open_microphone, open_nfc_reader, open_pins
from drivers.isolated import open_printer as open_isolated_printer
from drivers.isolated.devices import IsolatedLeds, IsolatedMicrophone, IsolatedNfcReader, IsolatedPrinter
from drivers.leds.simulated import SimulatedLeds
from drivers.printer import PrinterStatus, Receipt, ReceiptLine
from drivers.states import READY, Condition

from .conftest import PATIENT_S, QUICK, Bench, gone, keeper_of
from .devices import HERE

UID = bytes.fromhex("04A1B2C3D4E5F6")


async def test_a_strip_is_driven_in_another_process(bench: Bench) -> None:
    leds = await bench.leds()
    assert leds.count == 4  # its own word, not what the address had to say
    await leds.play("solid", "#00FF00", None)
    assert leds.pid is not None
    assert bench.shown == [(leds.pid, "dark"), (leds.pid, "lit")]
    assert await leds.state() == READY
    pid = leds.pid
    await leds.close()
    await gone(pid)
    assert bench.shown[-1] == (pid, "dark")
    assert (await leds.state()).condition is Condition.ABSENT
    with pytest.raises(DeviceLost, match="closed"):
        await leds.off()


async def test_closing_what_was_never_used_ends_its_process(bench: Bench) -> None:
    leds = await bench.leds()
    pid = leds.pid
    assert pid is not None
    await leds.close()
    await leds.close()
    await gone(pid)


@pytest.mark.parametrize(
    ("how", "kind"), [("torn", CardTornAway), ("paper", OutOfPaper), ("lost", DeviceLost), ("value", ValueError)]
)
async def test_errors_come_as_they_are(bench: Bench, how: str, kind: type[Exception]) -> None:
    leds = await bench.leds()
    with pytest.raises(kind) as raised:
        await keeper_of(leds).call("fail", how, within_s=PATIENT_S)
    assert type(raised.value) is kind


async def test_a_fault_in_a_driver_is_told_and_logged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    leds = await bench.leds()
    with pytest.raises(DriverError, match="a fault in the driver: ZeroDivisionError: a fault"):
        await keeper_of(leds).call("fail", "fault", within_s=PATIENT_S)
    assert "Traceback" in caplog.text


async def test_what_is_logged_there_is_logged_here(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    leds = await bench.leds()
    assert await keeper_of(leds).call("say", "moo", within_s=PATIENT_S) == "moo"
    assert ("a.library", logging.WARNING, "it said moo") in caplog.record_tuples


async def test_who_leaves_a_call_ends_it_there_too(bench: Bench, tmp_path: Path) -> None:
    leds = await bench.leds()
    await leds.off()
    left = tmp_path / "left"
    call = asyncio.create_task(keeper_of(leds).call("wait_forever", str(left), within_s=PATIENT_S))
    async with asyncio.timeout(PATIENT_S):
        while not left.exists():  # one that is cancelled before it began has nothing to leave
            await keeper_of(leds).call("say", "hello", within_s=PATIENT_S)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    async with asyncio.timeout(PATIENT_S):
        while not (left.exists() and left.read_text() == "left"):
            await keeper_of(leds).call("say", "hello", within_s=PATIENT_S)
    assert await leds.state() == READY  # in the same process


async def test_taps_come_from_the_moment_they_are_asked_for(bench: Bench) -> None:
    reader = await bench.reader()
    taps = reader.taps()
    assert reader.name == "Simulated NFC reader"
    held = await keeper_of(reader).call("hold", UID, within_s=PATIENT_S)
    tap = await asyncio.wait_for(anext(taps), PATIENT_S)
    assert tap == held
    assert tap.uid == UID
    waiting = asyncio.ensure_future(anext(taps))
    await reader.close()
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(waiting, PATIENT_S)


async def test_frames_are_a_readers_own(bench: Bench) -> None:
    camera = await bench.camera()
    frames = camera.frames()
    first = await asyncio.wait_for(anext(frames), PATIENT_S)
    assert first.image.shape == (48, 64, 3)
    assert first.image.dtype == np.uint8
    first.image[:] = 0  # writable
    second = await asyncio.wait_for(anext(frames), PATIENT_S)
    assert second.sequence > first.sequence
    assert second.captured_at_s > first.captured_at_s
    assert second.image.any()
    assert isinstance(frames, AsyncIterator)


async def test_chunks_come_gapless(bench: Bench) -> None:
    microphone = await bench.open(lambda: IsolatedMicrophone(f"{HERE}:open_microphone", "simulated:", patience=QUICK))
    chunks = microphone.chunks()
    times = [(await asyncio.wait_for(anext(chunks), PATIENT_S)).captured_at_s for _ in range(5)]
    assert np.allclose(np.diff(times), 0.032, atol=0.001)


async def test_a_receipt_goes_over_whole(bench: Bench) -> None:
    printer = await bench.open(lambda: IsolatedPrinter(f"{HERE}:open_paper", "simulated:", patience=QUICK))
    receipt = Receipt(
        "Volcano",
        "o-1",
        None,
        (ReceiptLine(2, "Burger", Decimal("4.50")),),
        Decimal("9.00"),
        "USD",
        datetime.now().astimezone(),
    )
    await printer.print_receipt(receipt)
    assert await printer.status() == PrinterStatus("yes", "low", "closed")


async def test_what_needs_a_person_is_refused_at_once(bench: Bench) -> None:
    with pytest.raises(DeviceSetup, match="not like this"):
        await bench.leds("open_wrong")
    with pytest.raises(DeviceSetup, match="a_library_that_nobody_has is missing"):
        await bench.leds("open_without_library")


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("simulated:", False),
        ("simulated:?count=4", False),
        ("file:/a.png", False),
        ("escpos+tcp://10.0.0.5:9100", False),
        ("escpos+usb://04b8:0e15", True),
        ("escpos+serial:/dev/ttyUSB0", True),
        ("pcsc:", True),
        ("spi:/dev/spidev0.0?count=24", True),
        ("ws281x:18", True),
        ("picamera2:0", True),
        ("v4l2:/dev/video0", True),
        ("portaudio:", True),
        ("rpi:", True),
    ],
)
def test_what_can_hang_gets_a_process(url: str, may: bool) -> None:
    assert may_hang(url) is may


async def test_what_cannot_hang_stays_here() -> None:
    leds = open_leds("simulated:?count=3")
    assert isinstance(leds, SimulatedLeds)
    assert leds.count == 3
    for device in (
        leds,
        open_nfc_reader("simulated:"),
        open_isolated_printer("simulated:"),
        open_pins("simulated:"),
        open_camera("simulated:"),
        open_microphone("simulated:"),
    ):
        assert not hasattr(device, "pid")
        await device.close()


async def test_a_process_of_its_own_can_be_done_without() -> None:
    with pytest.raises(DeviceAbsent):  # the storefront's own way
        open_leds("spi:/dev/spidev7.3", isolated=False)


async def test_the_drivers_own_words_come_through(bench: Bench) -> None:
    """The real storefronts, in real processes, with devices that this machine lacks."""
    with pytest.raises(DeviceSetup, match="is no SPI port"):
        await asyncio.to_thread(open_leds, "spi:/nowhere")
    leds = await bench.open(lambda: open_leds("spi:/dev/spidev7.3?count=5"))
    assert isinstance(leds, IsolatedLeds)
    assert leds.count == 5
    state = await leds.state()
    assert (state.condition, state.code) == (Condition.ABSENT, "absent")
    assert "/dev/spidev7.3" in state.reason
    reader = IsolatedNfcReader(f"{HERE}:open_reader", "simulated:")
    await reader.close()
