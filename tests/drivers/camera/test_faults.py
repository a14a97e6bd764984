"""What every camera promises when something goes wrong: the simulated one, and OpenCV's V4L2 at the wire."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from drivers.errors import DriverError
from drivers.states import Condition
from tests.drivers.camera.scenes import BLUE_BGR, RED_BGR, Lobby, is_blue, is_red, plain


async def until_lost(lobby: Lobby) -> DriverError:
    try:
        async for _frame in lobby.camera.frames():
            pass
    except DriverError as error:
        return error
    raise AssertionError("the readers were told nothing")


async def recovers(lobby: Lobby) -> None:
    """New pictures come, of what is there now, and the state says so."""
    lobby.stage.show(plain(BLUE_BGR, 64, 48))
    frame = await lobby.read(lambda frame: is_blue(frame.image))
    assert time.monotonic() - frame.captured_at_s < 2
    await lobby.ready()


async def test_pictures_that_stop_are_a_loss_and_never_ready(lobby: Lobby) -> None:
    await lobby.read(lambda _: True)
    lobby.stage.hang()
    assert (await until_lost(lobby)).code in ("lost", "timeout")
    assert (await lobby.camera.state()).condition is not Condition.READY
    lobby.stage.hang(False)
    await recovers(lobby)


async def test_a_camera_that_goes_is_lost_then_absent_and_found_when_it_is_back(lobby: Lobby) -> None:
    await lobby.read(lambda _: True)
    lobby.stage.unplug()
    assert (await until_lost(lobby)).code in ("lost", "absent")
    gone = await lobby.state(lambda state: state.code == "absent")
    assert gone.condition is Condition.ABSENT
    assert gone.reason
    lobby.stage.plug()
    await lobby.ready()  # nobody reads it: the state alone finds it again
    await recovers(lobby)


async def test_every_reader_hears_of_a_loss(lobby: Lobby) -> None:
    readers = [lobby.camera.frames() for _ in range(3)]
    for reader in readers:
        await anext(reader)
    lobby.stage.unplug()
    for reader in readers:
        with pytest.raises(DriverError):
            async for _frame in reader:
                pass


async def test_a_broken_picture_reaches_nobody(lobby: Lobby) -> None:
    lobby.stage.show(plain(RED_BGR, 64, 48))
    await lobby.read(lambda frame: is_red(frame.image))
    lobby.stage.break_pictures()
    degraded = asyncio.create_task(lobby.state(lambda state: state.condition is not Condition.READY))
    frames = lobby.camera.frames()
    seen = []
    while not degraded.done():
        pending = asyncio.ensure_future(anext(frames))
        await asyncio.wait([pending, degraded], return_when=asyncio.FIRST_COMPLETED)
        if pending.done():
            seen.append(await pending)
        else:
            pending.cancel()
    assert "broken" in (await degraded).reason
    assert len(seen) < 20, "pictures went on coming, of something"
    assert all(is_red(frame.image) and np.ptp(frame.image[-20:, :, 2]) < 60 for frame in seen)
    lobby.stage.break_pictures(False)
    await recovers(lobby)


async def test_a_camera_in_use_is_asked_again(lobby: Lobby) -> None:
    await lobby.read(lambda _: True)
    lobby.stage.unplug()
    await lobby.state(lambda state: state.code == "absent")
    lobby.stage.refuse(2)
    lobby.stage.plug()
    assert "in use" in (await lobby.state(lambda state: "in use" in state.reason)).reason
    await recovers(lobby)


async def test_a_slow_camera_is_degraded_and_goes_on(lobby: Lobby) -> None:
    frames = lobby.camera.frames()
    await anext(frames)
    lobby.stage.run_at(3)
    slow = await lobby.state(lambda state: "pictures a second instead of 20" in state.reason)
    assert slow.condition is Condition.DEGRADED
    for _ in range(3):  # the same reader
        await anext(frames)
    lobby.stage.run_at(30)
    await lobby.ready()
    await anext(frames)
