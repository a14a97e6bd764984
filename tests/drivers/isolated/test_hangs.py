"""A device's process that hangs or crashes is replaced; neither its agent nor a neighbour stands still."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.camera import Frame
from drivers.errors import DeviceAbsent, DeviceLost, DeviceTimeout, DriverError
from drivers.isolated import devices as isolated
from drivers.isolated.keeper import Patience
from drivers.states import READY, Condition

from .conftest import PATIENT_S, Bench, gone, is_zombie, keeper_of, replaced
from .devices import HERE

UID = bytes.fromhex("04A1B2C3D4E5F6")
REPOSITORY = Path(__file__).resolve().parents[3]


async def to_the_end(frames: AsyncIterator[Frame]) -> None:
    async with asyncio.timeout(PATIENT_S):
        async for _ in frames:
            pass


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("stop", "hangs: its process did not answer"),
        ("hold", "hangs: its process did not answer"),
        ("crash", "was ended by SIGSEGV"),
    ],
)
async def test_a_process_that_hangs_or_crashes_is_replaced_and_the_neighbour_works_on(
    bench: Bench, caplog: pytest.LogCaptureFixture, how: str, words: str
) -> None:
    leds, reader = await bench.leds(), await bench.reader()
    taps = reader.taps()
    await leds.play("solid", "#FF0000")
    pid, neighbour = leds.pid, reader.pid
    assert pid is not None
    hanging = asyncio.create_task(keeper_of(leds).call("misbehave", how, within_s=PATIENT_S))
    held = await keeper_of(reader).call("hold", UID, within_s=PATIENT_S)
    assert await asyncio.wait_for(anext(taps), PATIENT_S) == held  # meanwhile
    with pytest.raises(DriverError, match=words):
        await hanging
    assert await replaced(leds, pid) != pid
    await gone(pid)
    assert not is_zombie(pid)
    assert await leds.state() == READY
    await leds.play("solid", "#00FF00")
    assert reader.pid == neighbour
    assert words in caplog.text
    # The pattern ended: what the new process showed first was dark.
    new = [light for pid_, light in bench.shown if pid_ == leds.pid]
    assert new[:2] == ["dark", "lit"]


async def test_a_stopped_process_is_noticed_while_nobody_asks(bench: Bench) -> None:
    reader = await bench.reader()
    taps = reader.taps()
    await keeper_of(reader).call("hold", UID, within_s=PATIENT_S)
    await asyncio.wait_for(anext(taps), PATIENT_S)
    waiting = asyncio.ensure_future(anext(taps))
    pid = reader.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await replaced(reader, pid)
    await gone(pid)
    # The same stream goes on.
    held = None
    while not waiting.done():  # it may subscribe after the first
        held = await keeper_of(reader).call("hold", UID, within_s=PATIENT_S)
        await asyncio.wait([waiting], timeout=0.1)
    assert waiting.result() == held


async def test_a_hanging_device_says_so_while_it_is_looked_at(bench: Bench) -> None:
    leds = await bench.leds(patience=Patience(ping_every_s=0.1, hung_s=PATIENT_S, state_s=0.2))
    await leds.off()
    assert leds.pid is not None
    os.kill(leds.pid, signal.SIGSTOP)
    state = await leds.state()
    assert (state.condition, state.code) == (Condition.DEGRADED, "timeout")
    os.kill(leds.pid, signal.SIGCONT)


async def test_a_library_that_hangs_in_a_thread_is_ended_when_a_call_takes_too_long(bench: Bench) -> None:
    leds = await bench.leds()
    await leds.off()
    pid = leds.pid
    assert pid is not None
    other = asyncio.create_task(keeper_of(leds).call("hang_in_a_thread", within_s=PATIENT_S))
    with pytest.raises(DeviceTimeout, match=r"did not hang in a thread within 0\.3 s"):
        await keeper_of(leds).call("hang_in_a_thread", within_s=0.3)
    with pytest.raises(DriverError, match="its process was ended"):
        await other
    await gone(pid)
    await replaced(leds, pid)
    assert await leds.state() == READY


async def test_every_call_has_a_limit(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "LEDS_S", 0.3)
    leds = await bench.leds(patience=Patience(hung_s=PATIENT_S))
    await leds.off()
    assert leds.pid is not None
    os.kill(leds.pid, signal.SIGSTOP)
    with pytest.raises(DeviceTimeout, match=r"the LED strip did not play within 0\.3 s"):
        await leds.play("pulse", "#00FF00")


async def test_a_strip_that_went_dark_too_slowly_is_ended_not_waited_for(bench: Bench) -> None:
    leds = await bench.leds(patience=Patience(hung_s=PATIENT_S, close_s=0.3))
    await leds.off()
    pid = leds.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await leds.close()
    await gone(pid)


async def test_who_waited_for_a_frame_hears_of_the_crash_and_the_next_camera_is_new(bench: Bench) -> None:
    camera = await bench.camera()
    frames = camera.frames()
    await asyncio.wait_for(anext(frames), PATIENT_S)
    pid = camera.pid
    assert pid is not None
    os.kill(pid, signal.SIGSEGV)
    with pytest.raises(DeviceLost, match="SIGSEGV"):
        await to_the_end(frames)
    await replaced(camera, pid)
    assert (await asyncio.wait_for(anext(camera.frames()), PATIENT_S)).image.any()


async def test_a_lost_camera_gets_a_new_process(bench: Bench) -> None:
    camera = await bench.camera()
    frames = camera.frames()
    await asyncio.wait_for(anext(frames), PATIENT_S)
    pid = camera.pid
    await keeper_of(camera).call("pull", within_s=PATIENT_S)
    with pytest.raises(DeviceLost, match="unplugged"):
        await to_the_end(frames)
    await replaced(camera, pid)
    assert (await asyncio.wait_for(anext(camera.frames()), PATIENT_S)).image.any()


async def test_a_device_that_is_not_there_is_waited_for(bench: Bench, tmp_path: Path) -> None:
    there, tries = tmp_path / "there", tmp_path / "tries"
    leds = await bench.leds("open_when_there", f"&there={there}&tries={tries}")
    assert leds.count == 9  # as the address has it
    state = await leds.state()
    assert (state.condition, state.code, state.reason) == (Condition.ABSENT, "absent", "no strip is there")
    with pytest.raises(DeviceAbsent, match="no strip is there"):
        await leds.off()
    there.touch()
    await replaced(leds, None)
    assert await leds.state() == READY
    assert leds.count == 4


async def test_what_fails_again_and_again_is_tried_ever_less(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tries = tmp_path / "tries"
    rare = Patience(back_off_s=(0.0, 0.0, 3600.0))
    leds = await bench.leds("open_when_there", f"&there={tmp_path / 'never'}&tries={tries}", patience=rare)
    keeper = keeper_of(leds)
    await leds.state()
    async with asyncio.timeout(PATIENT_S):
        while not (keeper._pausing and len(tries.read_text()) == 3):
            await keeper._news.wait()
    assert caplog.text.count("no strip is there") == 1  # told once
    await leds.close()
    assert tries.read_text() == "xxx"


@pytest.mark.parametrize(("opener", "words"), [("open_and_crash", "SIGSEGV"), ("open_and_hold", "did not open within")])
async def test_a_device_may_hang_or_crash_while_it_is_opened(bench: Bench, opener: str, words: str) -> None:
    leds = await bench.leds(opener, patience=Patience(open_s=3.0, back_off_s=(3600.0,)))
    state = await leds.state()
    assert state.condition is Condition.ABSENT
    assert words in state.reason


PARENT = f"""
import asyncio, sys
from drivers.isolated.devices import IsolatedLeds

async def main():
    leds = IsolatedLeds("{HERE}:" + sys.argv[1], "simulated:?frames=" + sys.argv[2], count=4)
    await leds.play("solid", "#00FF00")
    asking = None
    if sys.argv[3] != "well":
        asking = asyncio.create_task(leds._keeper.call("misbehave", sys.argv[3], within_s=600))
        await asyncio.wait([asking], timeout=0.1)
    print(leds.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["well", "stop", "hold"])
async def test_a_process_ends_with_its_parent_whatever_it_does(bench: Bench, how: str) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT,
        "open_strip_of_the_impatient",
        str(bench.frames),
        how,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), PATIENT_S))
    parent.kill()
    await parent.wait()
    await gone(pid)
    if how == "well":
        assert bench.shown[-1] == (pid, "dark")
