from __future__ import annotations

import asyncio
import logging
import threading

import numpy as np
import pytest

from drivers.errors import DeviceLost
from drivers.microphone.chunking import SoundFeed


async def test_uneven_blocks_become_even_chunks_each_stamped_with_its_last_sample() -> None:
    feed = SoundFeed()
    chunks = feed.items(5)
    first = asyncio.ensure_future(anext(chunks))
    await asyncio.wait([first], timeout=0)
    samples = np.arange(1600, dtype=np.int16)
    feed.hear(samples[:500], 100.0)
    feed.hear(samples[500:1600], 100.1)
    heard = [await first, await anext(chunks), await anext(chunks)]
    np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in heard]), samples[:1536])
    # The last sample of the last chunk is number 1535; number 1599 was heard at 100.1 s.
    assert heard[2].captured_at_s == pytest.approx(100.1 - 64 / 16_000)
    assert heard[0].captured_at_s == pytest.approx(heard[2].captured_at_s - 0.064)


async def test_a_callback_may_have_its_block_back() -> None:
    feed = SoundFeed()
    chunks = feed.items(5)
    first = asyncio.ensure_future(anext(chunks))
    await asyncio.wait([first], timeout=0)
    block = np.full(300, 5, np.int16)
    feed.hear(block, 1.0)
    block[:] = 6
    feed.hear(block, 1.0)
    assert (await first).samples.tolist() == [5] * 300 + [6] * 212


async def test_what_was_heard_before_a_loss_is_given_out_first() -> None:
    feed = SoundFeed()
    chunks = feed.items(5)
    first = asyncio.ensure_future(anext(chunks))
    await asyncio.wait([first], timeout=0)
    feed.hear(np.ones(1024, np.int16), 1.0)
    feed.fail(DeviceLost("gone"))
    feed.hear(np.ones(1024, np.int16), 2.0)  # too late
    await first
    await anext(chunks)
    with pytest.raises(DeviceLost, match="gone"):
        await anext(chunks)


async def test_sound_from_another_thread_wakes_a_reader() -> None:
    feed = SoundFeed()
    chunks = feed.items(5)
    first = asyncio.ensure_future(anext(chunks))
    await asyncio.wait([first], timeout=0)
    thread = threading.Thread(target=feed.hear, args=(np.ones(512, np.int16), 1.0))
    thread.start()
    assert (await first).captured_at_s == 1.0
    thread.join()


async def test_a_reader_that_is_ten_seconds_late_loses_the_oldest_and_the_log_tells_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    feed = SoundFeed()
    chunks = feed.items(5)
    first = asyncio.ensure_future(anext(chunks))
    await asyncio.wait([first], timeout=0)
    with caplog.at_level(logging.WARNING):
        for number in range(400):
            feed.hear(np.full(512, number, np.int16), float(number))
    await first
    rest = [(await anext(chunks)).samples[0] for _ in range(10 * 16_000 // 512 - 1)]
    assert rest[-1] == 399
    assert rest[0] == 400 - len(rest)
    assert caplog.text.count("sound was left out") == 1
