"""Measuring side by side: every way gets the same, what isn't counted isn't, and a failure is no speed."""

from __future__ import annotations

import asyncio
import gc
import time

import pytest

from benchmarks.rounds import Effort, Way, WayFailed, check, measure, turns

EFFORT = Effort(rounds=3, slices=2, calls=6, callers=4, calls_at_once=10, warm_up=2)
NAMES = ("raw", "ours", "theirs")
# A round of EFFORT: two turns of one caller with 2 uncounted calls each, two of four callers with 4 each.
UNCOUNTED = 2 * 2 + 2 * 4


class Doing:
    """A way that keeps account of what is done with it; `order` hears of each turn."""

    def __init__(self, name: str, order: list[str]) -> None:
        self.name = name
        self.order = order
        self.calls = 0
        self.at_once: list[int] = []  # the most between one settling and the next
        self._most = 0
        self.settled_at: list[int] = []
        self._running = 0

    async def call(self) -> str:
        self.calls += 1
        self._running += 1
        loop = asyncio.get_running_loop()
        others_had_their_turn = loop.create_future()
        loop.call_soon(others_had_their_turn.set_result, None)
        await others_had_their_turn
        self._most = max(self._most, self._running)
        self._running -= 1
        if not self.order or self.order[-1] != self.name:
            self.order.append(self.name)
        return self.name

    async def settle(self) -> int:
        self.settled_at.append(self.calls)
        if self._most:
            self.at_once.append(self._most)
            self._most = 0
        return 1

    @property
    def way(self) -> Way:
        return Way(self.name, self.call, lambda answer: answer == self.name, self.settle)


@pytest.fixture
def doings() -> list[Doing]:
    order: list[str] = []
    return [Doing(name, order) for name in NAMES]


async def test_every_way_makes_the_same_calls_and_only_the_counted_are_figured(doings: list[Doing]) -> None:
    rounds = await measure([doing.way for doing in doings], EFFORT, lambda: None)
    assert len(rounds) == EFFORT.rounds
    for one in rounds:
        assert {name: figures.calls for name, figures in one.alone.items()} == dict.fromkeys(NAMES, 6)
        assert {name: figures.calls for name, figures in one.at_once.items()} == dict.fromkeys(NAMES, 10)
    checked = 1
    assert [doing.calls for doing in doings] == [checked + EFFORT.rounds * (6 + 10 + UNCOUNTED)] * len(NAMES)


async def test_one_caller_asks_alone_and_many_ask_at_once(doings: list[Doing]) -> None:
    await measure([doings[0].way], EFFORT, lambda: None)
    # A turn: what isn't counted (the check too, at first), then what is.
    alone, many = [1, 1], [EFFORT.callers, EFFORT.callers]
    assert doings[0].at_once == [1] + (alone * 2 + many * 2) * EFFORT.rounds


async def test_a_turn_begins_with_nothing_left_to_do(doings: list[Doing]) -> None:
    await measure([doing.way for doing in doings], EFFORT, lambda: None)
    for doing in doings:
        # Before and after what isn't counted, after what is, and once more for what that takes by itself.
        expected, calls = [], 1
        for _ in range(EFFORT.rounds):
            for counted, uncounted in ((3, 2), (3, 2), (5, 4), (5, 4)):
                after = calls + uncounted + counted
                expected += [calls, calls + uncounted, after, after]
                calls = after
        assert doing.settled_at == expected


async def test_the_order_of_turns_changes_and_comes_back_with_the_seed(doings: list[Doing]) -> None:
    order = doings[0].order
    await measure([doing.way for doing in doings], EFFORT, lambda: None)
    first = list(order)
    assert first != list(NAMES) * (len(first) // len(NAMES))
    order.clear()
    await measure([doing.way for doing in doings], EFFORT, lambda: None)
    assert order == first


async def test_the_progress_is_told_after_each_turn(doings: list[Doing]) -> None:
    told: list[None] = []
    await measure([doing.way for doing in doings], EFFORT, lambda: told.append(None))
    assert len(told) == turns(len(NAMES), EFFORT) == 3 * 2 * 3 * 2


async def test_the_collector_is_left_as_it_was(doings: list[Doing]) -> None:
    await measure([doings[0].way], EFFORT, lambda: None)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


async def test_a_wrong_answer_is_no_speed() -> None:
    async def refuse() -> dict[str, str]:
        return {"status": "error"}

    with pytest.raises(WayFailed, match=r"quick returned .*error"):
        await check([Way("quick", refuse, lambda answer: answer == "dishes")])


async def test_a_way_that_fails_half_way_is_named() -> None:
    calls = 0

    async def tire() -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise ConnectionError("gone")

    with pytest.raises(WayFailed, match="tired failed: gone"):
        await measure([Way("tired", tire, lambda answer: answer is None)], EFFORT, lambda: None)


async def test_looking_whether_all_is_done_is_no_part_of_the_calls() -> None:
    async def nothing() -> None:
        pass

    async def look_twice() -> int:
        until_s = time.thread_time() + 0.05  # what other threads take at the same time is not ours
        while time.thread_time() < until_s:
            pass
        return 2

    way = Way("idle", nothing, lambda answer: answer is None, look_twice)
    (one,) = await measure([way], Effort(rounds=1, slices=1, calls=2, callers=2, calls_at_once=2), lambda: None)
    for figures in (one.alone["idle"], one.at_once["idle"]):
        assert figures.cpu_us < 5_000  # two calls of a turn would be charged 25,000 each
        assert figures.settled_ms >= 50
