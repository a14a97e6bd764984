"""Waiting for what nobody tells of, and for as long as a person holds something."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bench import BenchUnusable

_LOOK_EVERY_S = 0.05


async def hold(for_s: float) -> None:
    """Return after `for_s`: a deed that takes its time."""
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(for_s, over.set)
    await over.wait()


async def until(true: Callable[[], Awaitable[bool]], what: str, timeout_s: float = 15.0) -> None:
    """Return once `true()`, looked at again and again.

    Raises:
        BenchUnusable: it isn't in time; the text says `what` did not happen.
    """
    never = asyncio.Event()
    try:
        async with asyncio.timeout(timeout_s):
            while not await true():
                await asyncio.wait([asyncio.ensure_future(never.wait())], timeout=_LOOK_EVERY_S)
    except TimeoutError:
        raise BenchUnusable(f"not within {timeout_s:g} s: {what}") from None
    finally:
        never.set()
