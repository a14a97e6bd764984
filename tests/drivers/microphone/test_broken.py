"""The suite at the wire can fail: the driver broken on purpose, in the handling of each fault, turns it red."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from drivers.backoff import BackOff
from drivers.feed import Feed
from drivers.microphone import open_microphone
from drivers.microphone.chunking import SoundFeed
from drivers.microphone.simulated_alsa import URL, AlsaRoom
from drivers.microphone.vitals import Vitals
from drivers.states import READY
from tests.drivers.microphone import test_wire as wire

Break = Callable[[pytest.MonkeyPatch], None]

SHORT_S = 9.0  # a whole microphone takes 5 of them at most


def no_watchdog(patch: pytest.MonkeyPatch) -> None:
    whole = Feed.items
    patch.setattr(Feed, "items", lambda feed, _stalled_s: whole(feed, 3600))


def loss_kept_secret(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("drivers.microphone.portaudio.PortaudioMicrophone._lost", lambda *_: None)


def devices_listed_once(patch: pytest.MonkeyPatch) -> None:
    import sounddevice as sd

    patch.setattr(sd, "_terminate", lambda: None)
    patch.setattr(sd, "_initialize", lambda: None)


def gives_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(BackOff, "wait_s", property(lambda back_off: 3600.0 if back_off._failures > 1 else 0.0))


def always_ready(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Vitals, "state", lambda _: READY)


def overflow_overlooked(patch: pytest.MonkeyPatch) -> None:
    whole = Vitals.heard
    patch.setattr(
        Vitals, "heard", lambda vitals, *block, silent, lost: whole(vitals, *block, silent=silent, lost=False)
    )


def rate_ignored(patch: pytest.MonkeyPatch) -> None:
    class Through:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def resample_chunk(self, samples: Any) -> Any:
            return samples

    patch.setattr("drivers.microphone.portaudio.soxr.ResampleStream", Through)


def reopens_for_ever(patch: pytest.MonkeyPatch) -> None:
    whole = Vitals.heard

    def heard(vitals: Vitals, *block: Any, **more: Any) -> bool:
        vitals.renewed = False
        return whole(vitals, *block, **more)

    patch.setattr(Vitals, "heard", heard)


def every_other_block_lost(patch: pytest.MonkeyPatch) -> None:
    whole = SoundFeed.hear
    count = iter(range(10**9))
    patch.setattr(SoundFeed, "hear", lambda feed, *block: next(count) % 2 and whole(feed, *block))


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (wire.test_unplugging_is_a_loss_then_an_absence_and_a_cable_put_back_is_found, loss_kept_secret),
        (wire.test_unplugging_is_a_loss_then_an_absence_and_a_cable_put_back_is_found, gives_up),
        (wire.test_a_hang_that_stays_active_is_a_loss_and_the_state_never_says_ready, no_watchdog),
        (wire.test_a_hang_that_stays_active_is_a_loss_and_the_state_never_says_ready, always_ready),
        (wire.test_sound_that_was_lost_degrades_for_a_while_and_is_logged, overflow_overlooked),
        (wire.test_one_that_comes_back_with_another_rate_is_heard_at_the_right_pitch, rate_ignored),
        (wire.test_nothing_but_zeros_has_the_stream_opened_anew_once_and_then_counts_as_muted, reopens_for_ever),
        (wire.test_nothing_but_zeros_has_the_stream_opened_anew_once_and_then_counts_as_muted, always_ready),
        (wire.test_one_that_is_missing_at_the_start_is_found_when_it_comes, devices_listed_once),
        (wire.test_a_clock_that_runs_wrong_is_told, always_ready),
        (wire.test_a_wav_is_heard_at_the_pace_of_sound_and_as_it_was, every_other_block_lost),
    ],
)
async def test_the_suite_turns_red(
    request: pytest.FixtureRequest,
    room: AlsaRoom,
    fault: Callable[..., Awaitable[None]],
    broken: Break,
) -> None:
    given: dict[str, Any] = {
        "room": room,
        "rate_hz": 48_000,
        "channels": 1,
        "tmp_path": request.getfixturevalue("tmp_path"),
        "caplog": request.getfixturevalue("caplog"),
    }
    with pytest.MonkeyPatch.context() as patch:
        broken(patch)
        microphone = await asyncio.to_thread(open_microphone, URL)
        given |= {"monkeypatch": patch, "microphone": microphone}
        names = fault.__code__.co_varnames[: fault.__code__.co_argcount]
        red = False
        try:
            async with asyncio.timeout(SHORT_S):
                await fault(**{name: given[name] for name in names})
        except (Exception, pytest.fail.Exception) as error:
            logging.info("red: %r", error)
            red = True
    room.plug()
    await microphone.close()
    assert red
