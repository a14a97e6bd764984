"""What every microphone promises: simulated, by PortAudio from a device of ALSA's, and this machine's own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from drivers.errors import DeviceAbsent
from drivers.microphone import Chunk, Microphone, open_microphone


@pytest.fixture(params=["simulated", "wire", "default"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "simulated":
        return "simulated:"
    if request.param == "wire":
        request.getfixturevalue("room")
        return "portaudio:?device=lobby"
    return "portaudio:"


@pytest.fixture
async def microphone(url: str) -> AsyncIterator[Microphone]:
    try:
        opened = await asyncio.to_thread(open_microphone, url)
    except DeviceAbsent as error:
        if url == "portaudio:":
            pytest.skip(f"this machine's own: {error}")
        raise
    yield opened
    await opened.close()


async def take(chunks: AsyncIterator[Chunk], count: int) -> list[Chunk]:
    return [await anext(chunks) for _ in range(count)]


async def test_sound_comes_in_even_chunks_of_int16_that_were_just_heard(microphone: Microphone) -> None:
    chunks = await take(microphone.chunks(), 5)
    for chunk in chunks:
        assert chunk.samples.shape == (512,)
        assert chunk.samples.dtype == np.int16
    times = [chunk.captured_at_s for chunk in chunks]
    assert times == sorted(set(times))
    assert 0 <= time.monotonic() - times[-1] < 2


async def test_sound_comes_at_the_pace_of_sound(microphone: Microphone) -> None:
    chunks = await take(microphone.chunks(), 11)
    # 10 chunks of 32 ms, less what waited in the device for the first.
    assert chunks[-1].captured_at_s - chunks[0].captured_at_s > 0.2


async def test_it_is_never_digitally_silent(microphone: Microphone) -> None:
    for chunk in await take(microphone.chunks(), 5):
        assert np.count_nonzero(chunk.samples) > 100


async def test_a_slow_reader_misses_nothing(microphone: Microphone) -> None:
    slow, quick = microphone.chunks(), microphone.chunks()
    await anext(slow)
    at_once = await take(quick, 6)
    # The two began at different moments: from the later one's first chunk on they heard the same.
    while not np.array_equal((await anext(slow)).samples, at_once[0].samples):
        pass
    for one, other in zip(await take(slow, 5), at_once[1:], strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)


async def test_closing_ends_the_readers_and_a_closed_microphone_hears_nothing(microphone: Microphone) -> None:
    began = asyncio.Event()

    async def listen() -> int:
        count = 0
        async for _chunk in microphone.chunks():
            began.set()
            count += 1
        return count

    listener = asyncio.create_task(listen())
    await began.wait()
    await microphone.close()
    assert await asyncio.wait_for(listener, 5) >= 1
    assert [chunk async for chunk in microphone.chunks()] == []
    await microphone.close()


async def test_a_closed_microphone_can_be_opened_anew(microphone: Microphone, url: str) -> None:
    await anext(microphone.chunks())
    await microphone.close()
    again = await asyncio.to_thread(open_microphone, url)
    assert (await anext(again.chunks())).samples.size
    await again.close()
