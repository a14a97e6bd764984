"""The suite for faults can fail: a camera broken on purpose, in the handling of each of its faults, turns it red."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
import pytest

from drivers.backoff import BackOff
from drivers.camera import Camera, Frame, pulse, reading, simulated
from drivers.camera.pace import Pace
from drivers.camera.picture import Image
from drivers.camera.simulated import SimulatedCamera
from drivers.errors import DeviceAbsent
from drivers.feed import Feed
from drivers.states import READY
from tests.drivers.camera import test_conformance as conformance
from tests.drivers.camera import test_faults as faults
from tests.drivers.camera.scenes import Lobby

Break = Callable[[pytest.MonkeyPatch], None]

SHORT_S = 5.0  # a whole camera takes 2 of them at most


def no_watchdog(patch: pytest.MonkeyPatch) -> None:
    whole = Feed.items
    patch.setattr(Feed, "items", lambda feed, _stalled_s: whole(feed, 3600))


def loss_kept_secret(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reading.ReadingCamera, "_lost", lambda *_: None)


def never_opened_again(patch: pytest.MonkeyPatch) -> None:
    opened = set()
    whole = reading.ReadingCamera._begin

    def once(camera: reading.ReadingCamera) -> None:
        if camera in opened:
            raise DeviceAbsent("once is enough")
        opened.add(camera)
        whole(camera)

    patch.setattr(reading.ReadingCamera, "_begin", once)


def broken_pictures_taken(patch: pytest.MonkeyPatch) -> None:
    class Careless(simulated._Sensor):
        def read(self) -> Image | None:
            try:
                return super().read()
            except reading.BrokenPicture:
                return np.zeros((120, 160, 3), np.uint8)

    patch.setattr(simulated, "_Sensor", Careless)


def gives_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BackOff, "wait_s", property(lambda back_off: 3600.0 if back_off._failures > 1 else 0.0))


def always_ready(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pulse.Pulse, "state", lambda _: READY)


def slow_is_lost(patch: pytest.MonkeyPatch) -> None:
    whole = Feed.items
    patch.setattr(Feed, "items", lambda feed, _stalled_s: whole(feed, 0.1))


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (faults.test_pictures_that_stop_are_a_loss_and_never_ready, no_watchdog),
        (faults.test_pictures_that_stop_are_a_loss_and_never_ready, always_ready),
        (faults.test_a_camera_that_goes_is_lost_then_absent_and_found_when_it_is_back, loss_kept_secret),
        (faults.test_a_camera_that_goes_is_lost_then_absent_and_found_when_it_is_back, never_opened_again),
        (faults.test_every_reader_hears_of_a_loss, loss_kept_secret),
        (faults.test_a_broken_picture_reaches_nobody, broken_pictures_taken),
        (faults.test_a_broken_picture_reaches_nobody, always_ready),
        (faults.test_a_camera_in_use_is_asked_again, gives_up),
        (faults.test_a_slow_camera_is_degraded_and_goes_on, always_ready),
        (faults.test_a_slow_camera_is_degraded_and_goes_on, slow_is_lost),
    ],
)
async def test_the_faults_suite_turns_red(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[Lobby], Awaitable[None]], broken: Break
) -> None:
    broken(monkeypatch)
    camera = SimulatedCamera(width_px=160, height_px=120, fps=20, stalled_s=1.5)
    assert await turns_red(fault(Lobby(camera, camera)))
    monkeypatch.undo()
    await camera.close()


def one_memory(patch: pytest.MonkeyPatch) -> None:
    memory = np.zeros((120, 160, 3), np.uint8)
    patch.setattr(simulated._Sensor, "_look", lambda _: memory)


def no_pace(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Pace, "wait_s", lambda _: 0.0)


def keeps_all(patch: pytest.MonkeyPatch) -> None:
    whole = Feed.__init__
    patch.setattr(Feed, "__init__", lambda feed, kept, left_out=None: whole(feed, 100 * kept, left_out))


def never_ends(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Feed, "end", lambda _: None)


def upside_down_numbers(patch: pytest.MonkeyPatch) -> None:
    whole = Frame
    patch.setattr(reading, "Frame", lambda image, at_s, sequence: whole(image, at_s, -sequence))


@pytest.mark.parametrize(
    ("promise", "broken"),
    [
        (conformance.test_frames_are_fresh_numbered_bgr_pictures, upside_down_numbers),
        (conformance.test_frames_are_not_each_others_memory, one_memory),
        (conformance.test_frames_come_at_the_pace_asked_for, no_pace),
        (conformance.test_a_slow_reader_gets_the_newest_and_misses_the_ones_between, keeps_all),
        (conformance.test_closing_ends_the_readers_and_a_closed_camera_has_no_frames, never_ends),
    ],
)
async def test_the_conformance_suite_turns_red(
    monkeypatch: pytest.MonkeyPatch, promise: Callable[[Camera], Awaitable[None]], broken: Break
) -> None:
    broken(monkeypatch)
    camera = SimulatedCamera(width_px=160, height_px=120, fps=50)
    assert await turns_red(promise(camera))
    monkeypatch.undo()
    camera._feed.end()
    await camera.close()


async def turns_red(test: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(SHORT_S):
            await test
    except (Exception, pytest.fail.Exception):
        return True
    return False


@pytest.fixture(autouse=True)
async def _no_task_is_left() -> AsyncIterator[None]:
    yield
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
