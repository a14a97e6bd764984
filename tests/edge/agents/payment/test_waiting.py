"""The wait for a card ends once."""

from __future__ import annotations

import asyncio

import pytest

from edge.agents.payment.waiting import Card, CardWait, NoCard


async def test_the_first_card_is_the_card() -> None:
    wait = CardWait()
    ending = asyncio.create_task(wait.end(10))
    assert wait.tap("one")
    assert not wait.tap("two")
    assert not wait.cancel()
    wait.stop()
    assert await ending == Card("one")


async def test_a_cancel_before_the_card_wins_and_may_be_said_twice() -> None:
    wait = CardWait()
    assert wait.cancel()
    assert not wait.tap("late")
    assert wait.cancel()
    assert await wait.end(10) is NoCard.CANCELLED


@pytest.mark.parametrize("timeout_s", [0, 0.01])
async def test_time_ends_it(timeout_s: float) -> None:
    wait = CardWait()
    assert await wait.end(timeout_s) is NoCard.TIMED_OUT
    assert not wait.tap("late")
    assert not wait.cancel()


async def test_a_card_at_the_last_moment_counts() -> None:
    wait = CardWait()
    wait.tap("one")
    assert await wait.end(0) == Card("one")


async def test_leaving_ends_it() -> None:
    wait = CardWait()
    wait.stop()
    assert not wait.tap("late")
    assert not wait.cancel()
    assert await wait.end(10) is NoCard.STOPPED
