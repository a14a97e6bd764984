from __future__ import annotations

import asyncio

import pytest

from edge.bus.tasks import cancel_all, together


async def test_a_task_that_loses_a_cancellation_ends_all_the_same() -> None:
    lost = 0
    waiting = asyncio.Event()

    async def stubborn() -> None:
        nonlocal lost
        while True:
            try:
                waiting.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1
                if lost == 3:
                    raise

    async def faulty() -> None:
        raise ZeroDivisionError

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(faulty())]
    await waiting.wait()
    await asyncio.wait_for(cancel_all(tasks), 10)
    assert lost == 3
    assert all(task.done() for task in tasks)
    assert isinstance(tasks[1].exception(), ZeroDivisionError)


async def test_what_is_done_together_ends_with_the_first_that_fails_whoever_loses_a_cancellation() -> None:
    lost: list[int] = []
    waiting = asyncio.Event()

    async def stubborn() -> None:
        while True:
            try:
                waiting.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost.append(1)
                if len(lost) == 2:
                    raise

    async def fails() -> None:
        await waiting.wait()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(together(stubborn(), fails()), 10)
    assert len(lost) == 2


async def test_who_is_cancelled_ends_what_they_did_together() -> None:
    ended = []
    begun = asyncio.Event()

    async def work(name: str) -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    task = asyncio.create_task(together(work("one"), work("two")))
    await begun.wait()
    await cancel_all([task])
    assert sorted(ended) == ["one", "two"]
    assert task.cancelled()
