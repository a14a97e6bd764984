"""Ending background tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN_S = 0.2


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
