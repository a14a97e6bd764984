from __future__ import annotations

import asyncio

import pytest

from drivers.errors import DeviceLost
from drivers.feed import Feed


async def reading(feed: Feed[int], stalled_s: float = 5) -> asyncio.Task[list[int]]:
    """A reader that is registered, and gives all it got until the end."""
    items = feed.items(stalled_s)
    first = asyncio.ensure_future(anext(items))
    await asyncio.wait([first], timeout=0)

    async def rest() -> list[int]:
        return [await first, *[item async for item in items]]

    return asyncio.create_task(rest())


async def test_a_reader_that_is_late_gets_the_newest_so_many() -> None:
    begun: list[int] = []
    feed = Feed[int](kept=2, left_out=lambda: begun.append(1))
    items = feed.items(5)
    first = asyncio.ensure_future(anext(items))
    await asyncio.wait([first], timeout=0)
    for number in range(6):
        feed.put(number)
    assert [await first, await anext(items)] == [4, 5]
    assert begun == [1]  # told when it begins, not for each


async def test_what_came_before_a_loss_is_given_and_each_reader_gets_an_error_of_its_own() -> None:
    feed = Feed[int](kept=5)
    readers = [await reading(feed) for _ in range(2)]
    feed.put(1)
    feed.fail(DeviceLost("gone"))
    feed.fail(DeviceLost("later"))
    feed.put(2)
    ends = await asyncio.gather(*readers, return_exceptions=True)
    assert [str(end) for end in ends] == ["gone", "gone"]
    assert ends[0] is not ends[1]
    assert not feed.running


async def test_the_end_is_the_end_for_every_reader() -> None:
    feed = Feed[int](kept=5)
    items = feed.items(5)
    waiting = asyncio.ensure_future(anext(items, None))
    await asyncio.wait([waiting], timeout=0)
    feed.end()
    assert await waiting is None
    assert [item async for item in feed.items(5)] == []


async def test_nothing_for_so_long_is_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        await anext(Feed[int](kept=1).items(0.01))
