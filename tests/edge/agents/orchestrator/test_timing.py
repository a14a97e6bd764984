"""Timers and how they are set."""

from __future__ import annotations

import asyncio

import pytest

from edge.agents.orchestrator.timing import Deed, Timers, Timing


async def test_a_timer_that_was_set_anew_or_cancelled_does_nothing_even_when_due() -> None:
    queue: asyncio.Queue[Deed] = asyncio.Queue()
    timers = Timers(queue.put_nowait)
    done: list[str] = []

    def deed(name: str) -> Deed:
        async def do() -> None:
            done.append(name)

        return do

    timers.set("idle", 0.001, deed("first"))
    overtaken = await asyncio.wait_for(queue.get(), 5)  # due, waiting for its turn
    timers.set("idle", 0.001, deed("second"))
    await overtaken()
    assert done == []
    await (await asyncio.wait_for(queue.get(), 5))()
    assert done == ["second"]
    assert not timers.is_set("idle")

    timers.set("left", 0.001, deed("third"))
    cancelled = await asyncio.wait_for(queue.get(), 5)
    assert timers.is_set("left")
    timers.cancel("left")
    await cancelled()
    assert done == ["second"]


async def test_clear_forgets_all() -> None:
    timers = Timers(lambda _: None)

    async def nothing() -> None: ...

    timers.set("idle", 60, nothing)
    timers.set("goodbye", 60, nothing)
    timers.clear()
    assert not timers.is_set("idle")
    assert not timers.is_set("goodbye")


@pytest.mark.parametrize("wrong", [{"idle_s": 0}, {"goodbye_s": -1}, {"receipt_s": float("nan")}, {"idle_s": 10}])
def test_times_that_cannot_work_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Timing(**wrong)
