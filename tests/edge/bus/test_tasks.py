from __future__ import annotations

import asyncio

from edge.bus.tasks import cancel_all


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
