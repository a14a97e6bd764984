"""Faults of a camera: OpenCV's V4L2 in a process of its own, and a simulated video device under it."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

from benchmarks.faults import Fault, Outcome, PromiseBroken
from benchmarks.faults._streaming import Agent, environment
from drivers.camera import Frame
from drivers.camera.lobby import draw_lobby
from drivers.camera.simulated_v4l2 import URL, V4l2Lobby, missing
from drivers.isolated import open_camera

SLOW_FPS = 1  # where 5 are asked for
OLD_S = 1.5
_LOBBY = draw_lobby(640, 480).astype(np.int16)


def _whole(frame: Frame) -> None:
    """A picture of the lobby, of now: no half of one, no grey, none from before."""
    difference = float(np.abs(frame.image.astype(np.int16) - _LOBBY).mean())
    if difference > 10:  # the sensor's noise and JPEG make 2
        raise PromiseBroken(f"a broken picture reached the reader: {difference:.0f} levels off")
    if (age_s := time.monotonic() - frame.captured_at_s) > OLD_S:
        raise PromiseBroken(f"a picture {age_s:.1f} s old reached the reader as new")


@contextlib.asynccontextmanager
async def _watched(*, refusals: int = 0, wait: bool = True) -> AsyncIterator[tuple[V4l2Lobby, Agent]]:
    with tempfile.TemporaryDirectory() as folder:
        lobby = await asyncio.to_thread(V4l2Lobby, Path(folder))
        lobby.refuse(refusals)
        with environment(lobby.environment):
            began_s = time.monotonic()
            camera = await asyncio.to_thread(open_camera, URL)
            opening_s = time.monotonic() - began_s
            agent = Agent(camera, camera.frames, _whole, opening_s=opening_s)
            try:
                if wait:
                    await agent.recovered_s()
                yield lobby, agent
            finally:
                try:
                    await agent.close()
                finally:
                    await asyncio.to_thread(lobby.close)


async def pictures_stop() -> Outcome:
    """Connected, and no picture any more, until the driver gives it up."""
    async with _watched() as (lobby, agent):
        lobby.hang()
        detected_s = await agent.detected_s()
        await agent.error()
        lobby.hang(False)
        return Outcome(detected_s, await agent.recovered_s())


async def unplugged() -> Outcome:
    """Unplugged, looked for in vain, plugged in."""
    async with _watched() as (lobby, agent):
        lobby.unplug()
        detected_s = await agent.detected_s()
        while "not there" not in str(await agent.error()):
            pass
        lobby.plug()
        return Outcome(detected_s, await agent.recovered_s())


async def broken_pictures() -> Outcome:
    """Cut off, garbled and empty pictures."""
    async with _watched() as (lobby, agent):
        lobby.break_pictures()
        detected_s = await agent.detected_s()
        lobby.break_pictures(False)
        return Outcome(detected_s, await agent.recovered_s())


async def refused_twice() -> Outcome:
    """In use by another program at two openings: noticed from the first one's beginning, over from then on."""
    async with _watched(refusals=2, wait=False) as (lobby, agent):
        detected_s = agent.opening_s + await agent.detected_s()
        recovered_s = await agent.recovered_s()
        if lobby.opened != 1:
            raise PromiseBroken(f"opened {lobby.opened} times")
        return Outcome(detected_s, recovered_s)


async def slow() -> Outcome:
    """One picture a second instead of 5."""
    async with _watched() as (lobby, agent):
        lobby.run_at(SLOW_FPS)
        detected_s = await agent.detected_s()
        lobby.run_at()
        recovered_s = await agent.recovered_s()
        if agent.errors:
            raise PromiseBroken(f"a slow camera was given up: {agent.errors[0]}")
        return Outcome(detected_s, recovered_s)


# Bounds: no picture for 1 s is degraded; too few are counted over 2 s; opening starts a process. Over: the longest
# back-off, 5 s, and a process that imports OpenCV; counting too few needs half of its 2 s.
FAULTS: list[Fault] = [
    Fault("pictures stop", 1.5, 8.0, pictures_stop, missing),
    Fault("unplugged and plugged in", 1.0, 8.0, unplugged, missing),
    Fault("broken pictures", 2.5, 4.0, broken_pictures, missing),
    Fault("in use at two openings", 3.0, 8.0, refused_twice, missing),
    Fault("one picture a second", 3.0, 4.0, slow, missing),
]
