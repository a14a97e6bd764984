"""Starting background tasks at little cost, and ending them for certain."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Iterable
from typing import Any

_AGAIN_S = 0.2


def start(work: Coroutine[Any, Any, None], kept: set[asyncio.Task[None]]) -> None:
    """Run `work` in a task that `kept` holds until it is done.

    Up to its first wait it runs at once, where Python can (3.12): a short command never waits for the loop's next turn.
    """
    if sys.version_info >= (3, 12):
        task = asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
        if task.done():
            return
    else:
        task = asyncio.create_task(work)
    kept.add(task)
    task.add_done_callback(kept.discard)


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel `tasks` and return when all have ended; their exceptions are dropped.

    One cancel is not enough: up to Python 3.11 `asyncio.wait_for`, which nats-py waits in, loses a
    cancellation that comes in the same moment as what it waits for (python/cpython#86296).
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_S)


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Do all of it at once; when one fails, end the others for certain and raise its error.

    What asyncio.TaskGroup does, which cancels each once and then waits, for ever where that cancellation is lost.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await cancel_all(tasks)
    for task in done:
        task.result()
